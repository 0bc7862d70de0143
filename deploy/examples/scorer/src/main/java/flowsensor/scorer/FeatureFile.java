package flowsensor.scorer;

import java.io.BufferedWriter;
import java.io.Closeable;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The rows that the model was given, one a line: flow_uid, slice, revision and the floats' bits in hexadecimal digits. For the
 * comparison with features() of the Python package.
 */
final class FeatureFile implements Closeable {
    private final BufferedWriter out;

    /** @throws Failure if it can't be written */
    FeatureFile(Path file) {
        try {
            out = Files.newBufferedWriter(file);
        } catch (IOException e) {
            throw new Failure(Failure.NO_INPUT, file + " can't be written", e);
        }
    }

    synchronized void write(Flow flow, FloatBuffer row) {
        StringBuilder line = new StringBuilder();
        line.append(flow.flowUid()).append(' ').append(flow.slice()).append(' ').append(flow.revision()).append(' ');
        for (int at = 0; at < row.limit(); at++) {
            line.append(String.format("%08x", Float.floatToRawIntBits(row.get(at))));
        }
        try {
            out.append(line.append('\n'));
        } catch (IOException e) {
            throw new Failure(Failure.FAILED, "the features' file can't be written", e);
        }
    }

    @Override
    public synchronized void close() throws IOException {
        out.close();
    }
}
