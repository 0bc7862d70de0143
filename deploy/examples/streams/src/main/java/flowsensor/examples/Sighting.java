package flowsensor.examples;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;

/** What a join needs of one record: where the conversation was seen, and when (microseconds since 1970). */
record Sighting(String place, String flowUid, int slice, long firstSeen, long lastSeen, long bytes) {
    private static final ObjectMapper JSON = new ObjectMapper();

    static Sighting of(GenericRecord flow) {
        return new Sighting(placeOf(flow), flow.get("flow_uid").toString(), (Integer) flow.get("slice"),
                (Long) flow.get("bidirectional_first_seen"), (Long) flow.get("bidirectional_last_seen"),
                (Long) flow.get("bidirectional_bytes"));
    }

    /** The sensor's interface; the sensor, where the record has none: of files, and in the nfstream profile. */
    private static String placeOf(GenericRecord flow) {
        Object point = flow.hasField("observation_point") ? flow.get("observation_point") : null;
        return (point != null ? point : flow.get("sensor_id")).toString();
    }

    /** @param toleranceUs how far the clocks of two places may be apart */
    boolean overlaps(Sighting other, long toleranceUs) {
        return firstSeen <= other.lastSeen + toleranceUs && other.firstSeen <= lastSeen + toleranceUs;
    }

    static Serde<Sighting> serde() {
        return Serdes.serdeFrom((topic, sighting) -> write(sighting), (topic, bytes) -> read(bytes));
    }

    private static byte[] write(Sighting sighting) {
        try {
            return sighting == null ? null : JSON.writeValueAsBytes(sighting);
        } catch (JsonProcessingException e) {
            throw new SerializationException(e);
        }
    }

    private static Sighting read(byte[] bytes) {
        try {
            return bytes == null ? null : JSON.readValue(bytes, Sighting.class);
        } catch (IOException e) {
            throw new SerializationException(e);
        }
    }
}
