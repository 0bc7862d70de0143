package flowsensor.flink;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.metrics.Counter;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads messages in the Confluent wire format: a zero byte, the schema's id in four bytes (big-endian), the Avro body. Of a record
 * it makes only the wanted fields, in their order; Avro skips the others. What can't be read is counted and left out, and so are
 * messages that `flowsensor verify` left.
 */
abstract class AvroReader<T> implements KafkaRecordDeserializationSchema<T> {
    private static final Logger LOG = LoggerFactory.getLogger(AvroReader.class);
    private static final byte MAGIC = 0;
    private static final int PREFIX_BYTES = 1 + Integer.BYTES;
    /** Damaged messages name any. */
    private static final int SCHEMAS_MAX = 1000;

    /** Else Avro makes room for as much as a damaged message says it has. */
    static {
        for (String limit : List.of("bytes.maxLength", "string.maxLength", "collectionItems.maxLength")) {
            System.setProperty("org.apache.avro.limits." + limit, Integer.toString(1 << 20));
        }
    }

    private final String registry;
    private final Class<T> type;
    private final Schema wanted;
    private transient Registry schemas;
    /** By the schema's id; null where it can't be used. */
    private transient Map<Integer, GenericDatumReader<GenericRecord>> readers;
    private transient BinaryDecoder decoder;
    private transient GenericRecord record;
    /** Of the last message; null where it has nothing for the job. */
    private transient T made;
    private transient Counter undecodable;
    private transient Counter synthetic;

    /** @param wanted a record of the needed fields; a message in which one has another type can't be read */
    AvroReader(String registry, Class<T> type, Schema wanted) {
        this.registry = registry;
        this.type = type;
        this.wanted = wanted;
    }

    /** Makes what the job needs of a record, or null; `record` is used again for the next one. */
    abstract T make(GenericRecord record);

    @Override
    public void open(DeserializationSchema.InitializationContext context) {
        schemas = new Registry(registry);
        readers = new HashMap<>();
        undecodable = context.getMetricGroup().counter("recordsUndecodable");
        synthetic = context.getMetricGroup().counter("recordsSynthetic");
    }

    @Override
    public void deserialize(ConsumerRecord<byte[], byte[]> message, Collector<T> out) throws IOException {
        byte[] bytes = message.value();
        if (message.headers().lastHeader("verify") != null) {
            synthetic.inc();
            return;
        }
        if (bytes == null || bytes.length < PREFIX_BYTES || bytes[0] != MAGIC || !decode(bytes)) {
            undecodable.inc();
            return;
        }
        if (isSynthetic(record)) {
            synthetic.inc();
            return;
        }
        if (made != null) {
            out.collect(made);
        }
    }

    boolean isSynthetic(GenericRecord found) {
        return false;
    }

    private boolean decode(byte[] message) throws IOException {
        int id = ByteBuffer.wrap(message).getInt(1);
        if (!readers.containsKey(id)) {
            if (readers.size() == SCHEMAS_MAX) {
                readers.clear();
            }
            readers.put(id, readerOf(id)); // The registry's failure is the job's, which then starts again.
        }
        GenericDatumReader<GenericRecord> reader = readers.get(id);
        if (reader == null) {
            return false;
        }
        try {
            decoder = DecoderFactory.get().binaryDecoder(message, PREFIX_BYTES, message.length - PREFIX_BYTES, decoder);
            record = reader.read(record, decoder);
            made = make(record);
            return decoder.isEnd();
        } catch (IOException | RuntimeException e) { // What Avro throws has no common type.
            LOG.debug("a message isn't a record of schema {}", id, e);
            return false;
        }
    }

    private GenericDatumReader<GenericRecord> readerOf(int id) throws IOException {
        Schema written = schemas.schema(id).orElse(null);
        if (written == null) {
            LOG.error("the registry has no schema {}; its records are left out", id);
            return null;
        }
        for (Schema.Field field : wanted.getFields()) {
            if (written.getField(field.name()) == null) {
                LOG.error("schema {} ({}) has no field {}; its records are left out", id, written.getFullName(), field.name());
                return null;
            }
        }
        return new GenericDatumReader<>(written, wanted);
    }

    @Override
    public TypeInformation<T> getProducedType() {
        return TypeInformation.of(type);
    }
}
