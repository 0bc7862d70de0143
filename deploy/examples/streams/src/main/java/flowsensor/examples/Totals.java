package flowsensor.examples;

import java.nio.ByteBuffer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;

/** What was counted for one application: the number of flows and their bytes in both directions. */
record Totals(long flows, long bytes) {
    static final Totals NONE = new Totals(0, 0);

    Totals plusFlow(long flowBytes) {
        return new Totals(flows + 1, bytes + flowBytes);
    }

    /** Two big-endian longs. */
    static Serde<Totals> serde() {
        return Serdes.serdeFrom(
                (topic, totals) -> totals == null
                        ? null
                        : ByteBuffer.allocate(2 * Long.BYTES).putLong(totals.flows).putLong(totals.bytes).array(),
                (topic, bytes) -> {
                    if (bytes == null) {
                        return null;
                    }
                    ByteBuffer buffer = ByteBuffer.wrap(bytes);
                    return new Totals(buffer.getLong(), buffer.getLong());
                });
    }
}
