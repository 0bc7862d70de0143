package flowsensor.examples;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KeyValue;

/**
 * What event time needs of a flow's record, or of what a heartbeat says of one output. The key is the sensor's run and the
 * output. Times are microseconds since 1970.
 *
 * @param number the record's own seq
 * @param seq    the same; of a heartbeat the last seq of the output that it tells of
 * @param time   the last packet; of a heartbeat the least one that can still come
 * @param flows  1 if the record is final, else it counts nowhere
 */
record Arrival(String sensor, boolean isHeartbeat, long number, long seq, long time, long flows, long bytes, long dropped,
        boolean isLast) {
    private static final ObjectMapper JSON = new ObjectMapper();

    static KeyValue<String, Arrival> ofFlow(GenericRecord flow) {
        boolean isFinal = flow.get("record_kind").toString().equals("final");
        long seq = (Long) flow.get("seq");
        return KeyValue.pair(key(flow, flow.get("output")), new Arrival(flow.get("sensor_id").toString(), false, seq, seq,
                (Long) flow.get("bidirectional_last_seen"), isFinal ? 1 : 0,
                isFinal ? (Long) flow.get("bidirectional_bytes") : 0, 0, false));
    }

    /** One for each output of flows that the sensor has. */
    static List<KeyValue<String, Arrival>> ofHeartbeat(GenericRecord heartbeat) {
        List<?> outputs = (List<?>) heartbeat.get("outputs");
        List<?> lastSeqs = (List<?>) heartbeat.get("last_seqs");
        List<?> dropped = (List<?>) heartbeat.get("records_dropped");
        Object time = heartbeat.get("least_last_seen");
        List<KeyValue<String, Arrival>> found = new ArrayList<>();
        for (int i = 0; i < outputs.size(); i++) {
            found.add(KeyValue.pair(key(heartbeat, outputs.get(i)), new Arrival(heartbeat.get("sensor_id").toString(), true,
                    (Long) heartbeat.get("seq"), (Long) lastSeqs.get(i), time == null ? Long.MIN_VALUE : (Long) time, 0, 0,
                    (Long) dropped.get(i), (Boolean) heartbeat.get("is_last"))));
        }
        return found;
    }

    private static String key(GenericRecord record, Object output) {
        return record.get("boot_id") + "/" + output;
    }

    static Serde<Arrival> serde() {
        return Serdes.serdeFrom((topic, arrival) -> write(arrival), (topic, bytes) -> read(bytes));
    }

    private static byte[] write(Arrival arrival) {
        try {
            return arrival == null ? null : JSON.writeValueAsBytes(arrival);
        } catch (JsonProcessingException e) {
            throw new SerializationException(e);
        }
    }

    private static Arrival read(byte[] bytes) {
        try {
            return bytes == null ? null : JSON.readValue(bytes, Arrival.class);
        } catch (IOException e) {
            throw new SerializationException(e);
        }
    }
}
