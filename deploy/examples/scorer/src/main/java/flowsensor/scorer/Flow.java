package flowsensor.scorer;

import java.util.List;
import org.apache.avro.generic.GenericRecord;

/** What a score needs of a record besides its features; times are microseconds since 1970, null where the record has none. */
record Flow(String flowUid, int slice, int revision, String recordKind, String sensorId, Long packets, Long lastSeen,
        Long recordTime) {
    /** Whose absence means that a model can't be bound to the record. */
    static final List<String> NEEDED =
            List.of("flow_uid", "slice", "revision", "record_kind", "sensor_id", "metering_hash");
    static final List<String> OPTIONAL =
            List.of("anon_key_id", "ndpi_version", "bidirectional_packets", "bidirectional_last_seen", "record_time");

    /** @param flow with the fields of NEEDED */
    static Flow of(GenericRecord flow) {
        return new Flow(flow.get("flow_uid").toString(), ((Number) flow.get("slice")).intValue(),
                ((Number) flow.get("revision")).intValue(), flow.get("record_kind").toString(), flow.get("sensor_id").toString(),
                number(flow, "bidirectional_packets"), number(flow, "bidirectional_last_seen"), number(flow, "record_time"));
    }

    private static Long number(GenericRecord flow, String name) {
        return flow.hasField(name) && flow.get(name) instanceof Number value ? (Long) value.longValue() : null;
    }
}
