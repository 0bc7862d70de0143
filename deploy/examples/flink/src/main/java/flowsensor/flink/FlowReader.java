package flowsensor.flink;

import java.util.List;
import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;
import org.apache.avro.generic.GenericRecord;

/** Reads records of flow/v1 and its successors. */
final class FlowReader extends AvroReader<Flow> {
    /** What flows count under whose application is null. */
    static final String NO_APPLICATION = "(none)";

    /** The place of a field in WANTED. */
    private static final int SENSOR = 0, BOOT = 1, OUTPUT = 2, SEQ = 3, UID = 4, SLICE = 5, KIND = 6, REVISION = 7, FLAGS = 8, SOURCE = 9,
            SOURCE_PORT = 10, DESTINATION = 11, DESTINATION_PORT = 12, PROTOCOL = 13, FIRST_SEEN = 14, LAST_SEEN = 15, PACKETS = 16, BYTES = 17,
            APPLICATION = 18;
    private static final Schema WANTED = SchemaBuilder.record("Flow").fields()
            .requiredString("sensor_id").requiredString("boot_id").requiredString("output").requiredLong("seq").requiredString("flow_uid")
            .requiredInt("slice").requiredString("record_kind").requiredInt("revision")
            .name("quality_flags").type().array().items().stringType().noDefault()
            .requiredString("src_ip").requiredInt("src_port").requiredString("dst_ip").requiredInt("dst_port").requiredInt("protocol")
            .requiredLong("bidirectional_first_seen").requiredLong("bidirectional_last_seen")
            .requiredLong("bidirectional_packets").requiredLong("bidirectional_bytes").optionalString("application_name").endRecord();

    FlowReader(String registry) {
        super(registry, Flow.class, WANTED);
    }

    @Override
    boolean isSynthetic(GenericRecord record) {
        for (Object flag : (List<?>) record.get(FLAGS)) {
            if (flag.toString().equals("synthetic")) {
                return true;
            }
        }
        return false;
    }

    @Override
    Flow make(GenericRecord record) {
        Flow flow = new Flow();
        flow.sensor = record.get(SENSOR).toString();
        flow.run = record.get(BOOT) + "/" + record.get(OUTPUT);
        flow.seq = (Long) record.get(SEQ);
        flow.uid = record.get(UID).toString();
        flow.slice = (Integer) record.get(SLICE);
        flow.revision = (Integer) record.get(REVISION);
        flow.isFinal = record.get(KIND).toString().equals("final");
        flow.firstSeen = (Long) record.get(FIRST_SEEN);
        flow.lastSeen = (Long) record.get(LAST_SEEN);
        flow.source = record.get(SOURCE).toString();
        flow.sourcePort = (Integer) record.get(SOURCE_PORT);
        flow.destination = record.get(DESTINATION).toString();
        flow.destinationPort = (Integer) record.get(DESTINATION_PORT);
        flow.protocol = (Integer) record.get(PROTOCOL);
        flow.packets = (Long) record.get(PACKETS);
        flow.bytes = (Long) record.get(BYTES);
        Object application = record.get(APPLICATION);
        flow.application = application == null ? NO_APPLICATION : application.toString();
        return flow;
    }
}
