package flowsensor.flink;

import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.metrics.Counter;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;
import org.apache.flink.util.OutputTag;

/**
 * Lets each record pass once. One that comes behind the watermark goes to the side output LATE instead, and to no window: so a key is
 * needed only until the watermark has passed its record, and state stays bounded. It is kept for a while longer, so
 * that a copy is told from a late record.
 */
final class Dedup extends KeyedProcessFunction<String, Flow, Flow> {
    static final OutputTag<Flow> LATE = new OutputTag<>("late", TypeInformation.of(Flow.class));

    private final long rememberMs;
    private transient ValueState<Boolean> seen;
    private transient Counter late;
    private transient Counter duplicates;

    Dedup(long rememberMs) {
        this.rememberMs = rememberMs;
    }

    @Override
    public void open(OpenContext context) {
        seen = getRuntimeContext().getState(new ValueStateDescriptor<>("seen", Types.BOOLEAN));
        late = getRuntimeContext().getMetricGroup().counter("recordsLate");
        duplicates = getRuntimeContext().getMetricGroup().counter("recordsDuplicate");
    }

    @Override
    public void processElement(Flow flow, Context context, Collector<Flow> out) throws Exception {
        if (seen.value() != null) {
            duplicates.inc();
            return;
        }
        long watermark = context.timerService().currentWatermark();
        if (flow.millis() > watermark) {
            out.collect(flow);
        } else {
            late.inc();
            context.output(LATE, flow);
        }
        seen.update(true);
        context.timerService().registerEventTimeTimer(Math.max(flow.millis(), watermark) + rememberMs);
    }

    @Override
    public void onTimer(long time, OnTimerContext context, Collector<Flow> out) {
        seen.clear();
    }
}
