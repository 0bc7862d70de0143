package flowsensor.scorer;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;

/**
 * Reads messages in the Confluent wire format (a zero byte, the schema's id in four bytes, the Avro body), of each only the
 * fields that the model and its score need. For use by one thread.
 */
final class FlowReader {
    private static final byte MAGIC = 0;
    private static final int PREFIX_BYTES = 1 + Integer.BYTES;

    /** How the records of one schema are read. What makes them useless to the model is in refusal, else that is null. */
    private record Plan(GenericDatumReader<GenericRecord> reader, Features features, Contract contract, String refusal) {}

    /** A record and how to take it apart; the refusal tells why the model can't use it, else it is null. */
    record Message(int schema, GenericRecord record, Features features, Contract contract, String refusal) {}

    private final Registry registry;
    private final Model model;
    private final Map<Integer, Plan> plans = new HashMap<>();
    private BinaryDecoder decoder;
    private GenericRecord last;

    FlowReader(Registry registry, Model model) {
        this.registry = registry;
        this.model = model;
    }

    /**
     * @return a message whose record is valid until the next call
     * @throws Undecodable if it isn't a record; the reason is framing, unknown_schema or body
     * @throws Failure if the registry doesn't answer
     */
    Message read(byte[] message) throws Undecodable {
        if (message.length < PREFIX_BYTES || message[0] != MAGIC) {
            throw new Undecodable("framing", "it doesn't start with the Confluent prefix");
        }
        int id = ByteBuffer.wrap(message).getInt(1);
        Plan plan = plans.get(id);
        if (plan == null) {
            Schema writer = registry.schema(id)
                    .filter(schema -> schema.getType() == Schema.Type.RECORD)
                    .orElseThrow(() -> new Undecodable("unknown_schema", "the registry has no record's schema of id " + id));
            plan = plan(writer);
            plans.put(id, plan);
        }
        if (plan.refusal != null) {
            return new Message(id, null, null, null, plan.refusal);
        }
        return new Message(id, body(message, id, plan), plan.features, plan.contract, null);
    }

    private GenericRecord body(byte[] message, int id, Plan plan) throws Undecodable {
        boolean isComplete;
        try {
            decoder = DecoderFactory.get().binaryDecoder(message, PREFIX_BYTES, message.length - PREFIX_BYTES, decoder);
            last = plan.reader.read(last, decoder);
            isComplete = decoder.isEnd();
        } catch (IOException | RuntimeException e) { // Avro's, and what damaged bytes bring about within it.
            last = null;
            throw new Undecodable("body", "it isn't a record of schema " + id + ": " + e);
        }
        if (!isComplete) {
            throw new Undecodable("body", "bytes are left over after a record of schema " + id);
        }
        return last;
    }

    private Plan plan(Schema writer) {
        if (!Flow.hasAll(writer)) {
            return new Plan(null, null, null, "no_flow");
        }
        if (writer.getField("metering_hash") == null) {
            return new Plan(null, null, null, "no_metering_hash");
        }
        Schema reader = projection(writer);
        try {
            Features features = new Features(model.fields(), model.splt(), reader);
            return new Plan(new GenericDatumReader<>(writer, reader), features, new Contract(model.fields(), reader), null);
        } catch (IllegalArgumentException e) {
            System.err.println("flow-scorer: a schema doesn't fit the model: " + e.getMessage());
            return new Plan(null, null, null, "no_field");
        }
    }

    /** The writer's schema with the needed fields only; Avro skips the others. */
    private Schema projection(Schema writer) {
        Set<String> needed = Stream.concat(Flow.fields(), model.fields().stream()).map(Features::outer)
                .collect(Collectors.toSet());
        List<Schema.Field> fields = new ArrayList<>();
        for (Schema.Field field : writer.getFields()) {
            if (needed.contains(field.name())) {
                fields.add(new Schema.Field(field, field.schema()));
            }
        }
        return Schema.createRecord(writer.getName(), writer.getDoc(), writer.getNamespace(), false, fields);
    }
}
