package flowsensor.flink;

import java.util.List;
import org.apache.avro.generic.GenericRecord;
import org.apache.flink.util.Collector;

/** Reads heartbeats: what they say of the outputs whose topic this job reads. */
final class BeatReader extends AvroReader<Beat> {
    private static final int BOOT = 0, SEQ = 1, INTERVAL = 2, IS_LAST = 3, LEAST_LAST_SEEN = 4, OUTPUTS = 5, LAST_SEQS = 6, DROPPED = 7;
    private static final String[] FIELDS = {"boot_id", "seq", "heartbeat_interval_us", "is_last", "least_last_seen", "outputs", "last_seqs",
        "records_dropped"};

    private final String output;

    /** @param output the name of the sensors' output whose topic this job reads */
    BeatReader(String registry, String output) {
        super(registry, Beat.class, FIELDS);
        this.output = output;
    }

    @Override
    void take(GenericRecord record, Collector<Beat> out) {
        List<?> outputs = (List<?>) record.get(OUTPUTS);
        for (int i = 0; i < outputs.size(); i++) {
            if (outputs.get(i).toString().equals(output)) {
                Beat beat = new Beat();
                beat.run = record.get(BOOT) + "/" + output;
                beat.number = (Long) record.get(SEQ);
                beat.lastSeq = (Long) ((List<?>) record.get(LAST_SEQS)).get(i);
                beat.dropped = (Long) ((List<?>) record.get(DROPPED)).get(i);
                Object bound = record.get(LEAST_LAST_SEEN);
                beat.bound = bound == null ? Beat.NO_BOUND : (Long) bound;
                beat.intervalMs = (Long) record.get(INTERVAL) / 1000;
                beat.isLast = (Boolean) record.get(IS_LAST);
                beat.receivedMs = System.currentTimeMillis();
                out.collect(beat);
            }
        }
    }
}
