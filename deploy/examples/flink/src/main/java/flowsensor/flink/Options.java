package flowsensor.flink;

import java.io.IOException;
import java.io.Reader;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import org.apache.flink.util.TimeUtils;

/** The command line: `--name value`. README.md tells what each option means. */
final class Options {
    private static final Map<String, String> DEFAULTS = Map.of("topic", "flows", "heartbeats", "heartbeats", "window", "1min", "gap", "5min",
            "checkpoint", "30s", "idle", "10s", "lost", "1h", "remember", "1min", "bounded", "no", "group", "flow-flink");
    private static final String[] TIMES = {"window", "gap", "checkpoint", "idle", "lost", "remember"};
    /** Those without which there is no job, and those that may be absent. */
    private static final String[] NEEDED = {"brokers", "registry", "out"};
    private static final String[] OPTIONAL = {"output", "config"};

    private final Map<String, String> values = new TreeMap<>(DEFAULTS);

    /** @throws IllegalArgumentException with a line for the user */
    Options(String[] words) {
        Map<String, String> known = new TreeMap<>(DEFAULTS);
        for (String name : NEEDED) {
            known.put(name, "");
        }
        for (String name : OPTIONAL) {
            known.put(name, "");
        }
        for (int i = 0; i < words.length; i += 2) {
            String name = words[i].startsWith("--") ? words[i].substring(2) : "";
            if (!known.containsKey(name) || i + 1 == words.length) {
                throw new IllegalArgumentException(words[i] + " is no option with a value; there are --" + String.join(", --", known.keySet()));
            }
            values.put(name, words[i + 1]);
        }
        for (String name : NEEDED) {
            if (!values.containsKey(name)) {
                throw new IllegalArgumentException("--" + name + " is missing");
            }
        }
        for (String name : TIMES) {
            if (millis(name) <= 0 || !get(name).matches(".*[A-Za-z]")) {
                throw new IllegalArgumentException("--" + name + " " + get(name) + " is no time with a unit, such as 10s or 1min");
            }
        }
        if (!get("bounded").matches("yes|no")) {
            throw new IllegalArgumentException("--bounded is yes or no");
        }
    }

    String get(String name) {
        return values.get(name);
    }

    boolean is(String name) {
        return get(name).equals("yes");
    }

    /** A time such as 10s, 1min or 500ms. */
    long millis(String name) {
        try {
            return TimeUtils.parseDuration(get(name)).toMillis();
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("--" + name + ": " + e.getMessage(), e);
        }
    }

    /** The name of the sensors' output whose topic is read: the topic's, as it is by default. */
    String output() {
        return values.getOrDefault("output", get("topic"));
    }

    /** The folder of the tables as a URI, which Flink asks for. */
    String out() {
        String out = get("out");
        return URI.create(out).getScheme() == null ? "file://" + Path.of(out).toAbsolutePath() : out;
    }

    /** Properties of Kafka's client. */
    Properties kafka() throws IOException {
        Properties properties = new Properties();
        if (values.containsKey("config")) {
            try (Reader reader = Files.newBufferedReader(Path.of(get("config")))) {
                properties.load(reader);
            }
        }
        return properties;
    }
}
