package flowsensor.scorer;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.streams.CloseOptions;
import org.apache.kafka.streams.CloseOptions.GroupMembershipOperation;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;

/** Command line and life cycle; README.md explains the settings. */
final class Main {
    private static final Duration CLOSE_LIMIT = Duration.ofSeconds(10);
    private static final int TOPICS_LIMIT_S = 30;
    private static final String FLOWS = "flows";
    private static final String SCORE = "score";

    private final CountDownLatch stopRequested = new CountDownLatch(1);
    private final CountDownLatch finished = new CountDownLatch(1);
    private volatile Throwable failure;
    private volatile int exitCode = Failure.FAILED;

    private Main() {}

    public static void main(String[] args) {
        if (args.length == 0) {
            System.err.println("usage: java -jar flow-scorer.jar FILE.properties [NAME=VALUE ...]");
            System.exit(Failure.USAGE);
        }
        // Before Avro's first class: a damaged message mustn't claim a text or a list of gigabytes.
        System.setProperty("org.apache.avro.limits.string.maxLength", "65536");
        System.setProperty("org.apache.avro.limits.bytes.maxLength", "65536");
        System.setProperty("org.apache.avro.limits.collectionItems.maxLength", "65536");
        Main program = new Main();
        Runtime.getRuntime().addShutdownHook(new Thread(program::stopOnSignal));
        try {
            program.run(new Settings(Path.of(args[0]), Arrays.asList(args).subList(1, args.length)));
            program.exitCode = 0;
        } catch (Failure e) {
            System.err.println("flow-scorer: " + e.getMessage());
            program.exitCode = e.exitCode();
        } catch (Exception e) {
            e.printStackTrace();
        } finally {
            program.finished.countDown();
        }
        System.exit(program.exitCode);
    }

    private void run(Settings settings) throws Exception {
        // All settings are looked at before anything is done.
        Path modelFile = Path.of(settings.needed("model.file"));
        String featuresFile = settings.text("features.file");
        int port = settings.number("metrics.port", 1, 65535);
        boolean register = settings.isOn("schema.register");
        Duration ttl = Duration.ofSeconds(settings.number("early.ttl.seconds", 1, Integer.MAX_VALUE));
        Properties streams = settings.streams();
        settings.checkTopics();
        makeFolder(Path.of(settings.needed("state.dir")));
        Registry registry = new Registry(settings.needed("registry.url"),
                Duration.ofSeconds(settings.number("registry.timeout.seconds", 1, 240)));
        try (FeatureFile features = featuresFile.isEmpty() ? null : new FeatureFile(Path.of(featuresFile));
                Model model = new Model(modelFile); Metrics metrics = new Metrics()) {
            checkTopics(settings);
            int schemaId = registry.idOf(settings.needed("scores.topic") + "-value", ScoreWriter.schemaText(), register);
            metrics.serve(port);
            Set<String> loggedHashes = Scorer.noHashes();
            Topology topology = topology(settings,
                    () -> new Scorer(model, registry, metrics, features, schemaId, ttl, loggedHashes));
            process(streams, topology, model);
        }
    }

    private static void makeFolder(Path folder) {
        try {
            Files.createDirectories(folder);
        } catch (IOException e) {
            throw new Failure(Failure.NO_INPUT, "state.dir can't be made", e);
        }
    }

    private static Topology topology(Settings settings, Supplier<Scorer> scorer) {
        ByteArrayDeserializer in = new ByteArrayDeserializer();
        ByteArraySerializer out = new ByteArraySerializer();
        return new Topology()
                .addSource(FLOWS, in, in, settings.topics().toArray(String[]::new))
                .addProcessor(SCORE, scorer::get, FLOWS)
                .addStateStore(Scorer.store(), SCORE)
                .addSink(Scorer.SCORES, settings.needed("scores.topic"), out, out, SCORE)
                .addSink(Scorer.DEAD_LETTERS, settings.needed("dead.letters.topic"), out, out, SCORE);
    }

    /** A topic that is missing would make Kafka's clients wait, or Kafka Streams end with many lines. */
    private static void checkTopics(Settings settings) throws InterruptedException {
        List<String> needed = new ArrayList<>(settings.topics());
        needed.add(settings.needed("scores.topic"));
        needed.add(settings.needed("dead.letters.topic"));
        Admin admin = Admin.create(settings.clients());
        try {
            var answers = admin.describeTopics(needed).topicNameValues();
            for (String topic : needed) {
                check(topic, answers.get(topic));
            }
        } finally {
            admin.close(Duration.ZERO); // A question that nobody answers would keep it for a minute.
        }
    }

    private static void check(String topic, KafkaFuture<?> answer) throws InterruptedException {
        try {
            answer.get(TOPICS_LIMIT_S, TimeUnit.SECONDS);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof UnknownTopicOrPartitionException) {
                throw new Failure(Failure.UNAVAILABLE, "there is no topic " + topic + "; create it");
            }
            throw new Failure(Failure.UNAVAILABLE, "topic " + topic, e.getCause());
        } catch (TimeoutException e) {
            throw new Failure(Failure.UNAVAILABLE, "the brokers of bootstrap.servers don't answer within " + TOPICS_LIMIT_S + " s");
        }
    }

    /** Runs until a signal comes or something fails. */
    private void process(Properties properties, Topology topology, Model model) throws InterruptedException {
        try (KafkaStreams streams = new KafkaStreams(topology, properties)) {
            streams.setUncaughtExceptionHandler(error -> {
                failure = error;
                stopRequested.countDown();
                return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
            });
            AtomicBoolean isTold = new AtomicBoolean();
            streams.setStateListener((now, before) -> {
                if (now == KafkaStreams.State.RUNNING && !isTold.getAndSet(true)) {
                    System.err.println("flow-scorer: scoring with " + model.name());
                }
            });
            streams.start();
            stopRequested.await();
            // Other instances, or this one started again, get the partitions at once.
            streams.close(CloseOptions.timeout(CLOSE_LIMIT)
                    .withGroupMembershipOperation(GroupMembershipOperation.LEAVE_GROUP));
        }
        if (failure != null) {
            throw asFailure(failure);
        }
    }

    /** The failure's first cause says what was wrong. */
    private static Failure asFailure(Throwable error) {
        for (Throwable cause = error; cause != null; cause = cause.getCause()) {
            if (cause instanceof Failure own) {
                return own;
            }
        }
        return new Failure(Failure.FAILED, "stopped by a failure", error);
    }

    /**
     * The process ends when its shutdown hooks do, so this one waits until all is committed. A signal is no failure: the exit
     * code is 0, not Java's 143.
     */
    private void stopOnSignal() {
        stopRequested.countDown();
        try {
            if (finished.await(2 * CLOSE_LIMIT.toSeconds(), TimeUnit.SECONDS)) {
                Runtime.getRuntime().halt(exitCode);
            }
            System.err.println("flow-scorer: gave up waiting for Kafka Streams to close");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
