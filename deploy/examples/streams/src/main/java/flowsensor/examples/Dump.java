package flowsensor.examples;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.BufferedWriter;
import java.io.Closeable;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericFixed;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.util.Utf8;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;

/**
 * Writes each record as one line of JSON with every field of its schema. Numbers keep their full precision (a float is
 * widened to a double), bytes become characters U+0000 to U+00FF as in Avro's JSON encoding, a union is its value alone.
 */
final class Dump implements Closeable {
    private final BufferedWriter out;
    private final JsonGenerator json;
    private long records;

    Dump(Path file) throws IOException {
        out = Files.newBufferedWriter(file);
        json = new JsonFactory().createGenerator(out).setRootValueSeparator(null);
    }

    Topology topology(String input, Serde<GenericRecord> flows) {
        StreamsBuilder builder = new StreamsBuilder();
        builder.stream(input, Consumed.with(Serdes.ByteArray(), flows)).foreach((key, flow) -> write(flow));
        return builder.build();
    }

    synchronized long records() {
        return records;
    }

    private synchronized void write(GenericRecord flow) {
        try {
            value(flow);
            json.writeRaw('\n');
            records++;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void value(Object value) throws IOException {
        if (value == null) {
            json.writeNull();
        } else if (value instanceof GenericRecord record) {
            record(record);
        } else if (value instanceof Map<?, ?> map) {
            map(map);
        } else if (value instanceof Collection<?> items) {
            array(items);
        } else if (value instanceof Utf8 text) {
            json.writeString(strictText(text));
        } else if (value instanceof Integer || value instanceof Long) {
            json.writeNumber(((Number) value).longValue());
        } else if (value instanceof Float || value instanceof Double) {
            json.writeNumber(((Number) value).doubleValue());
        } else if (value instanceof Boolean flag) {
            json.writeBoolean(flag);
        } else if (value instanceof ByteBuffer bytes) {
            json.writeString(StandardCharsets.ISO_8859_1.decode(bytes.duplicate()).toString());
        } else if (value instanceof GenericFixed fixed) {
            json.writeString(new String(fixed.bytes(), StandardCharsets.ISO_8859_1));
        } else {
            json.writeString(value.toString()); // What is left is an enumeration's symbol.
        }
    }

    private void record(GenericRecord record) throws IOException {
        json.writeStartObject();
        for (Schema.Field field : record.getSchema().getFields()) {
            json.writeFieldName(field.name());
            value(record.get(field.pos()));
        }
        json.writeEndObject();
    }

    private void map(Map<?, ?> map) throws IOException {
        json.writeStartObject();
        for (Map.Entry<?, ?> entry : map.entrySet()) {
            json.writeFieldName(entry.getKey().toString());
            value(entry.getValue());
        }
        json.writeEndObject();
    }

    private void array(Collection<?> items) throws IOException {
        json.writeStartArray();
        for (Object item : items) {
            value(item);
        }
        json.writeEndArray();
    }

    /** Avro's own conversion replaces what isn't UTF-8 without a word; a dump that tests rely on must not. */
    private static String strictText(Utf8 text) throws CharacterCodingException {
        ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(), 0, text.getByteLength());
        return StandardCharsets.UTF_8.newDecoder().decode(bytes).toString();
    }

    @Override
    public void close() throws IOException {
        json.close();
        out.close();
    }
}
