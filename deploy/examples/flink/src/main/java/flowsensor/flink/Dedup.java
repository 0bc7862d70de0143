package flowsensor.flink;

import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.MapState;
import org.apache.flink.api.common.state.MapStateDescriptor;
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
 *
 * <p>Copies have one last packet. So Flink's key is a second of it and a part of the uids, its state the set of keys in there, and
 * one timer forgets them all: a timer for each record would cost more than all else here.
 */
final class Dedup extends KeyedProcessFunction<Long, Flow, Flow> {
    static final OutputTag<Flow> LATE = new OutputTag<>("late", TypeInformation.of(Flow.class));

    private static final long SECOND_MS = 1000;
    private static final int PARTS = 256; // of the uids

    private final long rememberMs;
    private transient MapState<String, Boolean> seen;
    private transient Counter late;
    private transient Counter duplicates;

    Dedup(long rememberMs) {
        this.rememberMs = rememberMs;
    }

    /** What a flow's record is kept by. */
    static long place(Flow flow) {
        return Math.floorDiv(flow.millis(), SECOND_MS) * PARTS + Math.floorMod(flow.uid.hashCode(), PARTS);
    }

    @Override
    public void open(OpenContext context) {
        seen = getRuntimeContext().getMapState(new MapStateDescriptor<>("seen", Types.STRING, Types.BOOLEAN));
        late = getRuntimeContext().getMetricGroup().counter("recordsLate");
        duplicates = getRuntimeContext().getMetricGroup().counter("recordsDuplicate");
    }

    @Override
    public void processElement(Flow flow, Context context, Collector<Flow> out) throws Exception {
        String key = flow.key();
        if (seen.contains(key)) {
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
        if (seen.isEmpty()) {
            context.timerService().registerEventTimeTimer(Math.max(flow.millis() + SECOND_MS, watermark) + rememberMs);
        }
        seen.put(key, true);
    }

    @Override
    public void onTimer(long time, OnTimerContext context, Collector<Flow> out) {
        seen.clear();
    }
}
