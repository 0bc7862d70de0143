package flowsensor.scorer;

import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.streams.StreamsConfig;

/** The settings: a properties file, and over it NAME=VALUE of the command line. README.md explains each. */
final class Settings {
    /** All that there are, with their defaults. Empty: it must be given, or is off. */
    private static final Map<String, String> DEFAULTS = Map.ofEntries(
            Map.entry("bootstrap.servers", ""), Map.entry("registry.url", ""), Map.entry("model.file", ""),
            Map.entry("topics", ""), Map.entry("scores.topic", "flow-scores"),
            Map.entry("dead.letters.topic", "flow-scores-dead-letters"), Map.entry("application.id", "flow-scorer"),
            Map.entry("processing.guarantee", StreamsConfig.AT_LEAST_ONCE), Map.entry("threads", "1"),
            Map.entry("state.dir", "flow-scorer-state"), Map.entry("early.ttl.seconds", "3600"),
            Map.entry("metrics.port", "9465"), Map.entry("schema.register", "false"),
            Map.entry("registry.timeout.seconds", "60"), Map.entry("features.file", ""));
    /** What begins so goes to Kafka Streams and its clients. */
    private static final String KAFKA = "kafka.";

    private final Properties values = new Properties();

    /** @throws Failure if the file can't be read, a name is unknown, or a value is none */
    Settings(Path file, List<String> more) {
        try (Reader reader = Files.newBufferedReader(file)) {
            values.load(reader);
        } catch (IOException | IllegalArgumentException e) {
            throw new Failure(Failure.NO_INPUT, file + " can't be read as properties", e);
        }
        for (String setting : more) {
            int equals = setting.indexOf('=');
            if (equals < 1) {
                throw new Failure(Failure.USAGE, setting + " isn't NAME=VALUE");
            }
            values.setProperty(setting.substring(0, equals).trim(), setting.substring(equals + 1).trim());
        }
        for (String name : values.stringPropertyNames()) {
            if (!name.startsWith(KAFKA) && !DEFAULTS.containsKey(name)) {
                throw new Failure(Failure.BAD_SETTINGS, "there is no setting " + name
                        + "; write kafka." + name + " if it is one of Kafka's");
            }
        }
    }

    String text(String name) {
        return values.getProperty(name, DEFAULTS.get(name)).trim();
    }

    /** @throws Failure if it is empty */
    String needed(String name) {
        if (text(name).isEmpty()) {
            throw new Failure(Failure.BAD_SETTINGS, "the setting " + name + " is missing");
        }
        return text(name);
    }

    List<String> topics() {
        return List.of(needed("topics").split("\\s*,\\s*"));
    }

    /**
     * What the program writes to must not be what it reads: each dead letter would make another one, without end.
     *
     * @throws Failure if two of the topics are the same
     */
    void checkTopics() {
        List<String> written = List.of(needed("scores.topic"), needed("dead.letters.topic"));
        for (String name : List.of("scores.topic", "dead.letters.topic")) {
            if (topics().contains(needed(name))) {
                throw new Failure(Failure.BAD_SETTINGS, name + " is " + needed(name) + ", which is one of topics");
            }
        }
        if (written.get(0).equals(written.get(1))) {
            throw new Failure(Failure.BAD_SETTINGS, "scores.topic and dead.letters.topic are both " + written.get(0));
        }
    }

    int number(String name, int least, int most) {
        try {
            int number = Integer.parseInt(text(name));
            if (number >= least && number <= most) {
                return number;
            }
        } catch (NumberFormatException e) {
            // Told below, as numbers out of range are.
        }
        throw new Failure(Failure.BAD_SETTINGS, name + " is " + text(name) + ", not a number from " + least + " to " + most);
    }

    boolean isOn(String name) {
        return oneOf(name, "true", "false").equals("true");
    }

    private String oneOf(String name, String first, String second) {
        if (!text(name).equals(first) && !text(name).equals(second)) {
            throw new Failure(Failure.BAD_SETTINGS, name + " is " + text(name) + ", neither " + first + " nor " + second);
        }
        return text(name);
    }

    /** For Kafka Streams: scores go out soon, and a commit, which exactly-once needs to show them, comes soon. */
    Properties streams() {
        String guarantee = oneOf("processing.guarantee", StreamsConfig.AT_LEAST_ONCE, StreamsConfig.EXACTLY_ONCE_V2);
        Properties properties = new Properties();
        properties.setProperty(StreamsConfig.APPLICATION_ID_CONFIG, needed("application.id"));
        properties.setProperty(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, guarantee);
        properties.setProperty(StreamsConfig.NUM_STREAM_THREADS_CONFIG, Integer.toString(number("threads", 1, 64)));
        properties.setProperty(StreamsConfig.STATE_DIR_CONFIG, needed("state.dir"));
        properties.setProperty(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG,
                guarantee.equals(StreamsConfig.EXACTLY_ONCE_V2) ? "50" : "100");
        properties.setProperty(StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG), "2");
        // The broker notices a killed instance after this time; until then nobody reads its partitions.
        properties.setProperty(StreamsConfig.consumerPrefix(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG), "10000");
        properties.putAll(clients());
        return properties;
    }

    /** What every client of Kafka needs: the brokers, and the settings that begin with kafka. */
    Properties clients() {
        Properties properties = new Properties();
        properties.setProperty(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, needed("bootstrap.servers"));
        for (String name : values.stringPropertyNames()) {
            if (name.startsWith(KAFKA)) {
                properties.setProperty(name.substring(KAFKA.length()), values.getProperty(name));
            }
        }
        return properties;
    }
}
