package flowsensor.examples;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.serialization.Deserializer;

/**
 * Reads the Confluent wire format: a zero byte, the schema's id in four bytes (big-endian), the Avro body.
 * The schema comes from the registry, once for each id. Safe for use by several threads.
 */
final class RegistryAvroDeserializer implements Deserializer<GenericRecord> {
    private static final byte MAGIC = 0;
    private static final int PREFIX_BYTES = 1 + Integer.BYTES;
    private static final Duration TIMEOUT = Duration.ofSeconds(10);

    private final String registry;
    private final HttpClient http = HttpClient.newBuilder().connectTimeout(TIMEOUT).build();
    private final ObjectMapper json = new ObjectMapper();
    private final Map<Integer, Schema> schemas = new ConcurrentHashMap<>();

    /** @param registry the registry's base URL, which may have a path */
    RegistryAvroDeserializer(String registry) {
        this.registry = registry.replaceAll("/+$", "");
    }

    /** @throws SerializationException if the message isn't in the wire format or its body isn't exactly one record */
    @Override
    public GenericRecord deserialize(String topic, byte[] message) {
        if (message == null) {
            return null;
        }
        if (message.length < PREFIX_BYTES || message[0] != MAGIC) {
            throw new SerializationException("a message of " + topic + " doesn't start with the Confluent prefix");
        }
        int id = ByteBuffer.wrap(message).getInt(1);
        Schema schema = schemas.computeIfAbsent(id, this::fetchSchema);
        try {
            BinaryDecoder body = DecoderFactory.get()
                    .binaryDecoder(message, PREFIX_BYTES, message.length - PREFIX_BYTES, null);
            GenericRecord record = new GenericDatumReader<GenericRecord>(schema).read(null, body);
            if (!body.isEnd()) {
                throw new SerializationException("bytes are left over after a record of schema " + id);
            }
            return record;
        } catch (IOException | AvroRuntimeException e) {
            throw new SerializationException("a message of " + topic + " isn't a record of schema " + id, e);
        }
    }

    private Schema fetchSchema(int id) {
        URI uri = URI.create(registry + "/schemas/ids/" + id);
        try {
            HttpResponse<String> answer = http.send(
                    HttpRequest.newBuilder(uri).timeout(TIMEOUT).build(), HttpResponse.BodyHandlers.ofString());
            if (answer.statusCode() != 200) {
                throw new SerializationException(uri + " answered " + answer.statusCode() + ": " + answer.body());
            }
            return new Schema.Parser().parse(json.readTree(answer.body()).required("schema").textValue());
        } catch (IOException e) {
            throw new SerializationException("no schema from " + uri, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new SerializationException("interrupted while waiting for " + uri, e);
        }
    }
}
