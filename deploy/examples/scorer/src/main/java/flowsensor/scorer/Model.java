package flowsensor.scorer;

import ai.onnxruntime.NodeInfo;
import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** A classifier in ONNX whose metadata say what it needs: model_metadata() of the Python package wrote them. */
final class Model implements AutoCloseable {
    /** What the model says of one record; the score is the label's probability. */
    record Score(String label, double score) {}

    private static final String PREFIX = "flowsensor.";
    private static final String CONTRACT = "1";
    private static final int NAME_DIGITS = 12;
    private static final ObjectMapper JSON = new ObjectMapper();

    private final OrtEnvironment environment = OrtEnvironment.getEnvironment();
    private final OrtSession session;
    private final Map<String, String> metadata;
    private final String name;
    private final List<String> fields;
    private final int splt;
    private final int width;
    private final String fieldsHash;
    private final Set<String> recordKinds;
    private final Set<Long> earlyPackets;
    private final List<String> classes;
    private final String input;
    private final String output;

    /** @throws Failure if the file can't be read, or isn't such a model */
    Model(Path file) {
        try {
            byte[] content = Files.readAllBytes(file);
            name = file.getFileName().toString().replaceFirst("\\.onnx$", "") + "@"
                    + Hash.sha256(content).substring(0, NAME_DIGITS);
            OrtSession.SessionOptions options = new OrtSession.SessionOptions();
            // One thread adds the trees' numbers in one order, so the scores are those of training to the last bit.
            options.setIntraOpNumThreads(1);
            options.setInterOpNumThreads(1);
            session = environment.createSession(content, options);
            metadata = session.getMetadata().getCustomMetadata();
            checkRules();
            fields = JSON.readValue(needed("fields"), new TypeReference<List<String>>() {});
            splt = Integer.parseInt(needed("splt"));
            width = Integer.parseInt(needed("width"));
            fieldsHash = needed("fields_hash");
            recordKinds = JSON.readValue(needed("record_kinds"), new TypeReference<Set<String>>() {});
            earlyPackets = JSON.readValue(needed("early_packets"), new TypeReference<Set<Long>>() {});
            classes = JSON.readValue(needed("classes"), new TypeReference<List<String>>() {});
            input = tensor(session.getInputInfo(), width, "input of " + width + " floats");
            output = tensor(session.getOutputInfo(), classes.size(), "output of " + classes.size() + " probabilities");
        } catch (JsonProcessingException | NumberFormatException e) {
            throw new Failure(Failure.BAD_DATA, file + ": its metadata are damaged; train it again", e);
        } catch (IOException e) {
            throw new Failure(Failure.NO_INPUT, file + " can't be read", e);
        } catch (OrtException e) {
            throw new Failure(Failure.BAD_DATA, file + " isn't a model that ONNX Runtime reads", e);
        }
    }

    /** The rules by which it wants its numbers are those of Features. */
    private void checkRules() {
        Map<String, String> known = new TreeMap<>(
                Map.of("contract", CONTRACT, "missing", "nan", "padding", Float.toString(Features.PADDING)));
        known.forEach((rule, value) -> {
            if (!needed(rule).equals(value)) {
                throw new Failure(Failure.BAD_DATA, "the model's " + PREFIX + rule + " is " + needed(rule)
                        + "; this program knows " + value + " only");
            }
        });
    }

    private String needed(String key) {
        String value = metadata.get(PREFIX + key);
        if (value == null) {
            throw new Failure(Failure.BAD_DATA, "the model's metadata have no " + PREFIX + key
                    + "; write them as train.py does, by model_metadata() of the Python package");
        }
        return value;
    }

    /** The name of the one tensor of floats with so many columns. */
    private static String tensor(Map<String, NodeInfo> nodes, int columns, String what) {
        List<String> names = nodes.values().stream()
                .filter(node -> node.getInfo() instanceof TensorInfo info && info.type == OnnxJavaType.FLOAT
                        && info.getShape().length == 2 && info.getShape()[1] == columns)
                .map(NodeInfo::getName).toList();
        if (names.size() != 1) {
            throw new Failure(Failure.BAD_DATA, "the model has no single " + what + "; convert it with zipmap off");
        }
        return names.get(0);
    }

    String name() {
        return name;
    }

    /** The columns of its matrix, in order. */
    List<String> fields() {
        return fields;
    }

    /** How many elements an SPLT column takes. */
    int splt() {
        return splt;
    }

    /** Floats in a row of its matrix. */
    int width() {
        return width;
    }

    String fieldsHash() {
        return fieldsHash;
    }

    Set<String> recordKinds() {
        return recordKinds;
    }

    /** Of so many packets its early records are; empty for any. */
    Set<Long> earlyPackets() {
        return earlyPackets;
    }

    /** One thread's place to put a row and have it scored. The session is shared. */
    final class Runner implements AutoCloseable {
        private final FloatBuffer row =
                ByteBuffer.allocateDirect(width * Float.BYTES).order(ByteOrder.nativeOrder()).asFloatBuffer();
        private final OnnxTensor tensor;
        private final Map<String, OnnxTensor> inputs;

        Runner() {
            try {
                tensor = OnnxTensor.createTensor(environment, row, new long[] {1, width});
            } catch (OrtException e) {
                throw new IllegalStateException(e);
            }
            inputs = Map.of(input, tensor);
        }

        /** Where the row is to be written. The model reads this memory, there is no copy. */
        FloatBuffer row() {
            return row;
        }

        Score score() {
            try (OrtSession.Result result = session.run(inputs, Set.of(output))) {
                FloatBuffer probabilities = ((OnnxTensor) result.get(0)).getFloatBuffer();
                int best = 0;
                for (int at = 1; at < classes.size(); at++) {
                    best = probabilities.get(at) > probabilities.get(best) ? at : best;
                }
                return new Score(classes.get(best), probabilities.get(best));
            } catch (OrtException e) {
                throw new Failure(Failure.FAILED, "the model can't score a row", e);
            }
        }

        @Override
        public void close() {
            tensor.close();
        }
    }

    @Override
    public void close() throws OrtException {
        session.close();
    }
}
