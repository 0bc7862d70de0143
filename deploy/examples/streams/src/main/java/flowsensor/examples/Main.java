package flowsensor.examples;

import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Utils;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;

/** Command line and life cycle; README.md shows the options. */
final class Main {
    private static final Set<String> OPTIONS = Set.of("--bootstrap", "--registry", "--topic", "--output", "--dump",
            "--conversations", "--event-time", "--heartbeats", "--within", "--tolerance", "--expect", "--timeout", "--application-id", "--config");
    private static final int EX_FAILED = 1;
    private static final int EX_USAGE = 64;
    private static final long POLL_MS = 50;
    private static final long CLOSE_LIMIT_S = 10;

    private final Map<String, String> options;
    private final CountDownLatch stopRequested = new CountDownLatch(1);
    private final CountDownLatch finished = new CountDownLatch(1);
    private volatile Throwable failure;

    private Main(Map<String, String> options) {
        this.options = options;
    }

    public static void main(String[] args) throws IOException, InterruptedException {
        Map<String, String> options = new HashMap<>();
        for (int i = 0; i + 1 < args.length && OPTIONS.contains(args[i]); i += 2) {
            options.put(args[i], args[i + 1]);
        }
        if (options.size() * 2 != args.length
                || !options.keySet().containsAll(Set.of("--bootstrap", "--registry", "--topic"))
                || options.containsKey("--event-time") != options.containsKey("--heartbeats")) {
            System.err.println("usage: --bootstrap HOST:PORT --registry URL --topic NAME [--output TOPIC | --dump FILE]"
                    + " [--conversations FILE [--within SECONDS] [--tolerance MILLISECONDS]] [--event-time FILE --heartbeats TOPIC] [--expect RECORDS] [--timeout SECONDS] [--application-id ID] [--config FILE.properties]");
            System.exit(EX_USAGE);
        }
        Main program = new Main(options);
        Runtime.getRuntime().addShutdownHook(new Thread(program::stopOnSignal));
        int code;
        try {
            code = program.run();
        } finally {
            program.finished.countDown();
        }
        System.exit(code);
    }

    private int run() throws IOException, InterruptedException {
        Serde<GenericRecord> flows = Serdes.serdeFrom((topic, flow) -> {
            throw new UnsupportedOperationException("flows are only read");
        }, new RegistryAvroDeserializer(options.get("--registry")));
        if (options.containsKey("--dump")) {
            return dump(flows);
        }
        if (options.containsKey("--event-time")) {
            return window(flows);
        }
        return options.containsKey("--conversations") ? pair(flows) : count(flows);
    }

    private int count(Serde<GenericRecord> flows) throws IOException, InterruptedException {
        ApplicationTotals totals = new ApplicationTotals();
        Topology topology = totals.topology(options.get("--topic"), options.get("--output"), flows);
        int code = process(topology, "flow-totals", StreamsConfig.EXACTLY_ONCE_V2, totals::flows);
        System.out.printf("%-32s %10s %16s%n", "application", "flows", "bytes");
        totals.latest().forEach((application, sum) ->
                System.out.printf("%-32s %10d %16d%n", application, sum.flows(), sum.bytes()));
        return code;
    }

    private int dump(Serde<GenericRecord> flows) throws IOException, InterruptedException {
        try (Dump dump = new Dump(Path.of(options.get("--dump")))) {
            Topology topology = dump.topology(options.get("--topic"), flows);
            // A name of its own each time, or it would go on where the last dump ended.
            int code = process(topology, "flow-dump-" + UUID.randomUUID(), StreamsConfig.AT_LEAST_ONCE, dump::records);
            System.err.println(dump.records() + " records");
            return code;
        }
    }

    private int pair(Serde<GenericRecord> flows) throws IOException, InterruptedException {
        Duration within = Duration.ofSeconds(Long.parseLong(options.getOrDefault("--within", "1980")));
        Duration tolerance = Duration.ofMillis(Long.parseLong(options.getOrDefault("--tolerance", "100")));
        try (Conversations conversations = new Conversations(Path.of(options.get("--conversations")), within, tolerance)) {
            Topology topology = conversations.topology(options.get("--topic"), options.get("--output"), flows);
            return process(topology, "flow-conversations", StreamsConfig.EXACTLY_ONCE_V2, conversations::records);
        }
    }

    private int window(Serde<GenericRecord> records) throws IOException, InterruptedException {
        try (EventTime eventTime = new EventTime(Path.of(options.get("--event-time")))) {
            Topology topology = eventTime.topology(options.get("--topic"), options.get("--heartbeats"), records);
            int code = process(topology, "flow-event-time", StreamsConfig.EXACTLY_ONCE_V2, eventTime::flows);
            System.err.println(eventTime.flows() + " flows, " + eventTime.late() + " late records");
            return code;
        }
    }

    /** Runs until the expected number of records was seen, the time is over, a signal came, or something failed. */
    private int process(Topology topology, String name, String guarantee, LongSupplier seen)
            throws IOException, InterruptedException {
        long expected = Long.parseLong(options.getOrDefault("--expect", Long.toString(Long.MAX_VALUE)));
        long timeoutS = Long.parseLong(options.getOrDefault("--timeout", Integer.toString(Integer.MAX_VALUE)));
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(timeoutS);
        Path state = Files.createTempDirectory("flow-streams-");
        try (KafkaStreams streams = new KafkaStreams(topology, properties(name, guarantee, state))) {
            streams.setUncaughtExceptionHandler(error -> {
                failure = error;
                stopRequested.countDown();
                return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
            });
            streams.start();
            while (seen.getAsLong() < expected && System.nanoTime() < deadline
                    && !stopRequested.await(POLL_MS, TimeUnit.MILLISECONDS)) {
                // The conditions say it all.
            }
            streams.close(Duration.ofSeconds(CLOSE_LIMIT_S));
        }
        Utils.delete(state.toFile()); // With what Kafka keeps in it.
        return verdict(seen.getAsLong(), expected);
    }

    /** The process ends when its shutdown hooks do, so this one waits until the totals are committed and printed. */
    private void stopOnSignal() {
        stopRequested.countDown();
        try {
            if (!finished.await(2 * CLOSE_LIMIT_S, TimeUnit.SECONDS)) {
                System.err.println("gave up waiting for Kafka Streams to close");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private int verdict(long seen, long expected) {
        if (failure != null) {
            System.err.println("stopped by a failure: " + failure);
            for (Throwable cause = failure.getCause(); cause != null; cause = cause.getCause()) {
                System.err.println("  because of " + cause);
            }
            return EX_FAILED;
        }
        if (expected != Long.MAX_VALUE && seen < expected) {
            System.err.println("saw " + seen + " of " + expected + " records in time");
            return EX_FAILED;
        }
        return 0;
    }

    private Properties properties(String name, String guarantee, Path state) throws IOException {
        Properties properties = new Properties();
        properties.put(StreamsConfig.APPLICATION_ID_CONFIG, options.getOrDefault("--application-id", name));
        properties.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, options.get("--bootstrap"));
        properties.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, guarantee);
        properties.put(StreamsConfig.STATE_DIR_CONFIG, state.toString());
        properties.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        if (options.containsKey("--config")) {
            try (Reader reader = Files.newBufferedReader(Path.of(options.get("--config")))) {
                properties.load(reader);
            }
        }
        return properties;
    }
}
