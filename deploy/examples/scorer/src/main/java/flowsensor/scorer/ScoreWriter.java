package flowsensor.scorer;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;

/** Writes scores as messages: the Confluent prefix and a record of flow_score/v1. For use by one thread. */
final class ScoreWriter {
    private static final String SCHEMA = "/schemas/flow_score/v1.avsc";

    private final Schema schema = new Schema.Parser().parse(schemaText());
    private final GenericDatumWriter<GenericRecord> writer = new GenericDatumWriter<>(schema);
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final byte[] prefix;
    private final String model;
    private final String fieldsHash;
    private BinaryEncoder encoder;

    /** @param schemaId under which the registry has schemaText() */
    ScoreWriter(Model model, int schemaId) {
        this.model = model.name();
        fieldsHash = model.fieldsHash();
        prefix = ByteBuffer.allocate(1 + Integer.BYTES).put((byte) 0).putInt(schemaId).array();
    }

    static String schemaText() {
        try (InputStream in = ScoreWriter.class.getResourceAsStream(SCHEMA)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new IllegalStateException(e); // It is in the jar.
        }
    }

    /** @param early what the slice's latest early record was given; null if none was scored, and for records that aren't final */
    byte[] write(Flow flow, Model.Score score, EarlyScore early) {
        GenericRecord record = new GenericData.Record(schema);
        record.put("flow_uid", flow.flowUid());
        record.put("slice", flow.slice());
        record.put("revision", flow.revision());
        record.put("record_kind", flow.recordKind());
        record.put("sensor_id", flow.sensorId());
        record.put("model", model);
        record.put("fields_hash", fieldsHash);
        record.put("label", score.label());
        record.put("score", score.score());
        if (early != null) {
            record.put("early_label", early.label());
            record.put("early_score", early.score());
            record.put("early_revision", early.revision());
            record.put("confirmed", early.label().equals(score.label()));
        }
        record.put("last_seen", flow.lastSeen());
        record.put("record_time", flow.recordTime());
        record.put("scored_at", ChronoUnit.MICROS.between(Instant.EPOCH, Instant.now()));
        return encode(record);
    }

    private byte[] encode(GenericRecord record) {
        try {
            out.reset();
            out.write(prefix);
            encoder = EncoderFactory.get().directBinaryEncoder(out, encoder);
            writer.write(record, encoder);
            return out.toByteArray();
        } catch (IOException e) {
            throw new IllegalStateException(e); // Memory has no faults of input and output.
        }
    }
}
