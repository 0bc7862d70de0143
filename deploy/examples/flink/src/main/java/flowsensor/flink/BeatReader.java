package flowsensor.flink;

import java.util.List;
import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;
import org.apache.avro.generic.GenericRecord;

/** Reads heartbeats: what they say of the outputs whose topic this job reads. */
final class BeatReader extends AvroReader<Beat> {
    private static final int BOOT = 0, SEQ = 1, INTERVAL = 2, IS_LAST = 3, LEAST_LAST_SEEN = 4, OUTPUTS = 5, LAST_SEQS = 6, DROPPED = 7;
    private static final Schema WANTED = SchemaBuilder.record("Beat").fields()
            .requiredString("boot_id").requiredLong("seq").requiredLong("heartbeat_interval_us").requiredBoolean("is_last")
            .optionalLong("least_last_seen").name("outputs").type().array().items().stringType().noDefault()
            .name("last_seqs").type().array().items().longType().noDefault()
            .name("records_dropped").type().array().items().longType().noDefault().endRecord();

    private final String output;

    /** @param output the name of the sensors' output whose topic this job reads */
    BeatReader(String registry, String output) {
        super(registry, Beat.class, WANTED);
        this.output = output;
    }

    @Override
    Beat make(GenericRecord record) {
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
                return beat;
            }
        }
        return null;
    }
}
