package flowsensor.scorer;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;

/** What is kept of a slice's latest early score until its final record comes; savedAt is milliseconds since 1970. */
record EarlyScore(String label, double score, int revision, long savedAt) {
    private static final int FIXED_BYTES = Double.BYTES + Integer.BYTES + Long.BYTES;

    static Serde<EarlyScore> serde() {
        return Serdes.serdeFrom((topic, early) -> early == null ? null : early.write(),
                (topic, bytes) -> bytes == null ? null : read(bytes));
    }

    private byte[] write() {
        byte[] text = label.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(FIXED_BYTES + text.length)
                .putDouble(score).putInt(revision).putLong(savedAt).put(text).array();
    }

    private static EarlyScore read(byte[] bytes) {
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        double score = buffer.getDouble();
        int revision = buffer.getInt();
        long savedAt = buffer.getLong();
        return new EarlyScore(StandardCharsets.UTF_8.decode(buffer).toString(), score, revision, savedAt);
    }
}
