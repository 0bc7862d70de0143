package flowsensor.examples;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.LongConsumer;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * Sums flows by the second of their last packet, and gives a second on once its run can have no more of it. A heartbeat says
 * that, when all records are here that it tells of. In what order records and heartbeats come doesn't matter.
 *
 * <p>In the stores a key is a run's, a slash, and a number with leading zeros: so they are in the order of the numbers.
 */
final class Watermarks implements Processor<String, Arrival, String, EventTime.Second> {
    /** Names of the stores. */
    static final String PROGRESS = "progress";
    static final String EARLY = "early";
    static final String WAITING = "waiting";
    static final String SECONDS = "seconds";

    private static final long SECOND_US = TimeUnit.SECONDS.toMicros(1);

    private final LongConsumer onLate;
    private ProcessorContext<String, EventTime.Second> context;
    private KeyValueStore<String, Progress> progress;
    /** Records that are here though one before them isn't yet. */
    private KeyValueStore<String, Long> early;
    /** Heartbeats whose records aren't all here. */
    private KeyValueStore<String, Arrival> waiting;
    private KeyValueStore<String, Totals> seconds;

    /** @param onLate gets how late a record is, in microseconds: never, if heartbeats keep what they promise */
    Watermarks(LongConsumer onLate) {
        this.onLate = onLate;
    }

    @Override
    public void init(ProcessorContext<String, EventTime.Second> newContext) {
        context = newContext;
        progress = context.getStateStore(PROGRESS);
        early = context.getStateStore(EARLY);
        waiting = context.getStateStore(WAITING);
        seconds = context.getStateStore(SECONDS);
    }

    @Override
    public void process(Record<String, Arrival> record) {
        String run = record.key();
        Arrival arrival = record.value();
        Progress known = progress.get(run);
        Progress now = known == null ? Progress.NONE : known;
        if (arrival.isHeartbeat()) {
            waiting.put(key(run, arrival.number()), arrival);
        } else {
            now = take(run, arrival, now);
        }
        Arrival due = latestDue(run, now);
        if (due != null) {
            now = advance(record, due, now);
        }
        progress.put(run, now);
    }

    private Progress take(String run, Arrival flow, Progress now) {
        if (flow.time() < now.watermark()) {
            onLate.accept(now.watermark() - flow.time());
        }
        if (flow.seq() < now.next() || early.putIfAbsent(key(run, flow.seq()), flow.seq()) != null) {
            return now; // It was here before.
        }
        String second = key(run, flow.time() / SECOND_US);
        Totals sum = seconds.get(second);
        if (flow.flows() > 0) {
            seconds.put(second, (sum == null ? Totals.NONE : sum).plusFlow(flow.bytes()));
        }
        return new Progress(goOn(run, now.next()), now.gaps(), now.watermark());
    }

    /** The first seq from `next` on that isn't here. */
    private long goOn(String run, long next) {
        long missing = next;
        while (early.delete(key(run, missing)) != null) {
            missing++;
        }
        return missing;
    }

    private Arrival latestDue(String run, Progress now) {
        Arrival due = null;
        for (KeyValue<String, Arrival> entry : all(waiting, run, Long.MAX_VALUE)) {
            if (isDue(run, entry.value, now)) {
                due = entry.value;
            }
        }
        return due;
    }

    /** Whether no record is missing that it tells of, but as many as it says were dropped. */
    private boolean isDue(String run, Arrival heartbeat, Progress now) {
        if (heartbeat.seq() < now.next()) {
            return now.gaps() <= heartbeat.dropped();
        }
        return now.gaps() < heartbeat.dropped() && now.gaps() + missing(run, heartbeat, now) <= heartbeat.dropped();
    }

    private long missing(String run, Arrival heartbeat, Progress now) {
        return Math.max(0, heartbeat.seq() + 1 - now.next()) - all(early, run, heartbeat.seq()).size();
    }

    private Progress advance(Record<String, Arrival> record, Arrival due, Progress now) {
        String run = record.key();
        long gaps = now.gaps();
        long next = now.next();
        if (due.seq() >= next) {
            gaps += missing(run, due, now);
            all(early, run, due.seq()).forEach(entry -> early.delete(entry.key));
            next = goOn(run, due.seq() + 1);
        }
        all(waiting, run, due.number()).forEach(entry -> waiting.delete(entry.key));
        long watermark = Math.max(now.watermark(), due.time());
        long end = due.isLast() ? Long.MAX_VALUE : watermark / SECOND_US - 1;
        for (KeyValue<String, Totals> entry : all(seconds, run, end)) {
            seconds.delete(entry.key);
            long second = Long.parseLong(entry.key.substring(run.length() + 1));
            context.forward(record.withValue(new EventTime.Second(due.sensor(), run, second, entry.value.flows(), entry.value.bytes())));
        }
        return new Progress(next, gaps, watermark);
    }

    /** Entries of a run up to a number, which is in; a list, so that they can be deleted. */
    private static <V> List<KeyValue<String, V>> all(KeyValueStore<String, V> store, String run, long last) {
        List<KeyValue<String, V>> found = new ArrayList<>();
        if (last >= 0) {
            try (KeyValueIterator<String, V> entries = store.range(key(run, 0), key(run, last))) {
                entries.forEachRemaining(found::add);
            }
        }
        return found;
    }

    private static String key(String run, long number) {
        return String.format("%s/%019d", run, number);
    }
}
