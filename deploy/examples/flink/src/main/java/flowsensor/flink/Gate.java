package flowsensor.flink;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.ToLongFunction;
import org.apache.flink.api.common.TaskInfo;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.runtime.state.KeyGroupRangeAssignment;
import org.apache.flink.runtime.state.StateInitializationContext;
import org.apache.flink.runtime.state.StateSnapshotContext;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.TwoInputStreamOperator;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.runtime.watermarkstatus.WatermarkStatus;

/**
 * Lets final records pass, and behind them the watermark that the sensors' heartbeats give (deploy/messages.md, Event time).
 *
 * <p>Input 1 are records, by run: each run has one gate, which counts its seqs. Input 2 are the heartbeats of all, at every gate. So a
 * gate's watermark is bound by its own runs' accepted heartbeats, and by the latest ones of the others; these are never less
 * than what their own gate accepts, and the least of all gates counts.
 *
 * <p>Runs are few. So they are objects in memory, written at a checkpoint, and no state backend is asked for each record. At a restart
 * every gate reads all of them, and its own are found by their key.
 */
public final class Gate extends AbstractStreamOperator<Flow> implements TwoInputStreamOperator<Flow, Beat, Flow> {
    private static final long TICK_MS = 500;
    /** A run that is silent for so long was killed. One that an outage kept away goes on where it was. */
    private static final long FORGET_MS = Duration.ofDays(7).toMillis();

    /** A run that is silent for so long while another one is heard is waited for no longer. */
    private final long idleMs;
    /** How long a heartbeat waits for records. */
    private final long lostMs;

    private transient Map<String, Run> runs;
    private transient long watermark;
    private transient long readyMs;
    private transient long heardMs;
    private transient ListState<Run> savedRuns;
    private transient ListState<Long> savedWatermark;

    Gate(long idleMs, long lostMs) {
        this.idleMs = idleMs;
        this.lostMs = lostMs;
    }

    @Override
    public void initializeState(StateInitializationContext context) throws Exception {
        super.initializeState(context);
        savedRuns = context.getOperatorStateStore()
                .getUnionListState(new ListStateDescriptor<>("runs", TypeInformation.of(Run.class)));
        savedWatermark = context.getOperatorStateStore().getUnionListState(new ListStateDescriptor<>("watermark", Types.LONG));
        runs = new ConcurrentHashMap<>(); // Metrics are read by another thread.
        heardMs = now();
        for (Run run : savedRuns.get()) {
            runs.put(run.key, run.restored(heardMs, isOwn(run.key)));
        }
        List<Long> marks = new ArrayList<>();
        savedWatermark.get().forEach(marks::add);
        watermark = marks.isEmpty() ? Long.MIN_VALUE : Collections.min(marks); // The least is what counted behind the gates.
    }

    @Override
    public void open() throws Exception {
        super.open();
        readyMs = now() + idleMs;
        if (watermark > Long.MIN_VALUE) {
            output.emitWatermark(new Watermark(watermark));
        }
        gauge("heartbeatsWaiting", run -> run.waiting.size());
        gauge("recordsMissing", run -> run.gaps);
        gauge("recordsLost", run -> run.lost);
        getMetricGroup().gauge("runs", () -> runs.size());
        tickAt(now() + TICK_MS);
    }

    private void gauge(String name, ToLongFunction<Run> value) {
        getMetricGroup().gauge(name, () -> List.copyOf(runs.values()).stream().mapToLong(value).sum());
    }

    @Override
    public void snapshotState(StateSnapshotContext context) throws Exception {
        super.snapshotState(context);
        List<Run> own = new ArrayList<>();
        for (Run run : runs.values()) {
            if (isOwn(run.key)) {
                own.add(run.save());
            }
        }
        savedRuns.update(own);
        savedWatermark.update(List.of(watermark));
    }

    @Override
    public void processElement1(StreamRecord<Flow> element) {
        Flow flow = element.getValue();
        Run run = runs.get(flow.run);
        if (run == null) {
            run = new Run(flow.run, now());
            runs.put(flow.run, run);
        }
        boolean mayBeDue = run.take(flow.seq, run.waiting.isEmpty() ? 0 : now());
        if (flow.isFinal) {
            output.collect(element.replace(flow, flow.millis()));
        }
        if (mayBeDue) {
            run.settle(now(), lostMs);
            advance();
        }
    }

    @Override
    public void processElement2(StreamRecord<Beat> element) {
        Beat beat = element.getValue();
        long pauseMs = beat.receivedMs - heardMs;
        if (pauseMs > idleMs) {
            runs.values().forEach(run -> run.forgive(pauseMs));
        }
        heardMs = Math.max(heardMs, beat.receivedMs);
        Run run = runs.computeIfAbsent(beat.run, key -> new Run(key, beat.receivedMs));
        run.take(beat, isOwn(beat.run));
        run.settle(now(), lostMs);
        advance();
    }

    private void tickAt(long timeMs) {
        getProcessingTimeService().registerTimer(timeMs, time -> {
            runs.values().forEach(run -> run.settle(now(), lostMs));
            runs.values().removeIf(run -> run.isSilent(heardMs, run.isEnded ? lostMs : FORGET_MS));
            advance();
            tickAt(now() + TICK_MS);
        });
    }

    /** Each watermark goes out behind the records that it waited for. */
    private void advance() {
        long bound = now() < readyMs ? Beat.NO_BOUND : bound();
        long mark = Math.floorDiv(bound, 1000L) - 1;
        if (bound != Beat.NO_BOUND && mark > watermark) {
            watermark = mark;
            output.emitWatermark(new Watermark(mark));
        }
    }

    /** The least bound of the runs that go on. When all have ended, what the last of them said. */
    private long bound() {
        long least = Long.MAX_VALUE;
        long ended = Beat.NO_BOUND;
        for (Run run : runs.values()) {
            if (run.isEnded) {
                ended = Math.max(ended, run.bound);
            } else if (!run.isSilent(heardMs, idleMs)) {
                if (run.accepted < 0) {
                    return Beat.NO_BOUND; // Nothing is known of it yet.
                }
                // Before its first packet a run bounds nothing: what it will send is of later times.
                least = run.bound == Beat.NO_BOUND ? least : Math.min(least, run.bound);
            }
        }
        return least == Long.MAX_VALUE ? ended : least;
    }

    private boolean isOwn(String run) {
        TaskInfo task = getRuntimeContext().getTaskInfo();
        return task.getIndexOfThisSubtask() == KeyGroupRangeAssignment.assignKeyToParallelOperator(
                run, task.getMaxNumberOfParallelSubtasks(), task.getNumberOfParallelSubtasks());
    }

    private long now() {
        return getProcessingTimeService().getCurrentProcessingTime();
    }

    /** Sources give none but the last one, when bounded topics have been read to their end. */
    @Override
    public void processWatermark(Watermark mark) throws Exception {
        if (mark.getTimestamp() == Watermark.MAX_WATERMARK.getTimestamp()) {
            super.processWatermark(mark);
        }
    }

    /** A source without partitions is idle; the gate never is. */
    @Override
    protected void processWatermarkStatus(WatermarkStatus status, int input) {}
}
