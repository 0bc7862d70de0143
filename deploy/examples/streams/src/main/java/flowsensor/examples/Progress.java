package flowsensor.examples;

import java.nio.ByteBuffer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;

/**
 * How far an output of a run has come.
 *
 * @param next      all records with a lower seq are here
 * @param gaps      but so many, which were dropped
 * @param watermark no record with an earlier last packet comes any more (microseconds since 1970)
 */
record Progress(long next, long gaps, long watermark) {
    static final Progress NONE = new Progress(0, 0, Long.MIN_VALUE);

    /** Three big-endian longs. */
    static Serde<Progress> serde() {
        return Serdes.serdeFrom(
                (topic, progress) -> progress == null
                        ? null
                        : ByteBuffer.allocate(3 * Long.BYTES).putLong(progress.next).putLong(progress.gaps)
                                .putLong(progress.watermark).array(),
                (topic, bytes) -> {
                    if (bytes == null) {
                        return null;
                    }
                    ByteBuffer buffer = ByteBuffer.wrap(bytes);
                    return new Progress(buffer.getLong(), buffer.getLong(), buffer.getLong());
                });
    }
}
