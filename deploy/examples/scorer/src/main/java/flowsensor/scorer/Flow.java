package flowsensor.scorer;

import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericRecord;

/** What a score needs of a record besides its features; times are microseconds since 1970, null where the record has none. */
record Flow(String flowUid, int slice, int revision, String recordKind, String sensorId, Long packets, Long lastSeen,
        Long recordTime) {
    /** Without these, of these types, it is no flow. */
    private static final Map<String, Schema.Type> NEEDED = Map.of("flow_uid", Schema.Type.STRING, "slice", Schema.Type.INT,
            "revision", Schema.Type.INT, "record_kind", Schema.Type.STRING, "sensor_id", Schema.Type.STRING);
    /** Null where the record doesn't have them. */
    private static final List<String> OPTIONAL = List.of("metering_hash", "anon_key_id", "ndpi_version",
            "bidirectional_packets", "bidirectional_last_seen", "record_time");

    static boolean hasAll(Schema schema) {
        return NEEDED.entrySet().stream().allMatch(entry -> {
            Schema.Field field = schema.getField(entry.getKey());
            return field != null && field.schema().getType() == entry.getValue();
        });
    }

    /** The fields that it takes. */
    static Stream<String> fields() {
        return Stream.concat(NEEDED.keySet().stream(), OPTIONAL.stream());
    }

    /** @param flow of a schema that hasAll() */
    static Flow of(GenericRecord flow) {
        return new Flow(flow.get("flow_uid").toString(), ((Number) flow.get("slice")).intValue(),
                ((Number) flow.get("revision")).intValue(), flow.get("record_kind").toString(),
                flow.get("sensor_id").toString(), number(flow, "bidirectional_packets"),
                number(flow, "bidirectional_last_seen"), number(flow, "record_time"));
    }

    private static Long number(GenericRecord flow, String name) {
        return flow.hasField(name) && flow.get(name) instanceof Number value ? (Long) value.longValue() : null;
    }
}
