package flowsensor.scorer;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.processor.api.RecordMetadata;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

/**
 * Scores the records that the model was trained for. A final record's score also tells what the slice's early one was. One
 * for each partition; the state has the partition's open slices.
 */
final class Scorer implements Processor<byte[], byte[], byte[], byte[]> {
    private static final String STORE = "early-scores";
    static final String SCORES = "scores";
    static final String DEAD_LETTERS = "dead-letters";

    /** The header of what `flowsensor verify` sends, which is no traffic. */
    private static final String VERIFY = "verify";
    private static final String FINAL = "final";
    private static final String EARLY = "early";
    private static final Duration SWEEP = Duration.ofSeconds(1);
    /** So many entries are looked at in a sweep, so that no record waits for it longer than some milliseconds. */
    private static final int SWEPT_AT_ONCE = 5000;
    private static final int HASHES_LOGGED = 100;

    private final Model model;
    private final Registry registry;
    private final Metrics metrics;
    private final FeatureFile featureFile;
    private final int schemaId;
    private final long ttlMs;
    private final Set<String> loggedHashes;

    private FlowReader reader;
    private ScoreWriter writer;
    private Model.Runner runner;
    private ProcessorContext<byte[], byte[]> context;
    private KeyValueStore<String, EarlyScore> early;
    private String sweptTo;

    /**
     * @param featureFile null for none
     * @param loggedHashes shared by all, so that each unknown hash is logged once
     */
    Scorer(Model model, Registry registry, Metrics metrics, FeatureFile featureFile, int schemaId, Duration ttl,
            Set<String> loggedHashes) {
        this.model = model;
        this.registry = registry;
        this.metrics = metrics;
        this.featureFile = featureFile;
        this.schemaId = schemaId;
        ttlMs = ttl.toMillis();
        this.loggedHashes = loggedHashes;
    }

    /** The store that it needs. On disk, so that open slices don't fill the memory; Kafka has a copy in its change log. */
    static StoreBuilder<KeyValueStore<String, EarlyScore>> store() {
        return Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore(STORE), Serdes.String(), EarlyScore.serde());
    }

    static Set<String> noHashes() {
        return ConcurrentHashMap.newKeySet();
    }

    @Override
    public void init(ProcessorContext<byte[], byte[]> taskContext) {
        context = taskContext;
        early = context.getStateStore(STORE);
        reader = new FlowReader(registry, model);
        writer = new ScoreWriter(model, schemaId);
        runner = model.new Runner();
        context.schedule(SWEEP, PunctuationType.WALL_CLOCK_TIME, this::sweep);
    }

    @Override
    public void process(Record<byte[], byte[]> message) {
        if (message.value() == null || message.headers().lastHeader(VERIFY) != null) {
            metrics.count(Metrics.Counter.SKIPPED, message.value() == null ? "no_value" : VERIFY);
            return;
        }
        try {
            FlowReader.Message read = reader.read(message.value());
            if (read.refusal() != null) {
                metrics.count(Metrics.Counter.REFUSED, read.refusal());
            } else {
                consider(read, message.timestamp());
            }
        } catch (Undecodable e) {
            metrics.count(Metrics.Counter.DEAD_LETTERS, e.reason());
            context.forward(message.withHeaders(headers(message.headers(), e)), DEAD_LETTERS);
        }
    }

    private void consider(FlowReader.Message read, long timestamp) {
        Flow flow = Flow.of(read.record());
        if (!model.recordKinds().contains(flow.recordKind())) {
            metrics.count(Metrics.Counter.SKIPPED, "kind");
        } else if (flow.recordKind().equals(EARLY) && !model.earlyPackets().isEmpty()
                && (flow.packets() == null || !model.earlyPackets().contains(flow.packets()))) {
            metrics.count(Metrics.Counter.SKIPPED, "packets");
        } else {
            String hash = read.contract().hash(read.record());
            if (hash.equals(model.fieldsHash())) {
                score(read, flow, timestamp);
            } else {
                metrics.count(Metrics.Counter.REFUSED, "hash");
                log(hash, read.schema());
            }
        }
    }

    private void score(FlowReader.Message read, Flow flow, long timestamp) {
        long began = System.nanoTime();
        read.features().write(read.record(), runner.row());
        Model.Score score = runner.score();
        metrics.run.add((System.nanoTime() - began) / 1e9);
        if (featureFile != null) {
            featureFile.write(flow, runner.row());
        }
        byte[] value = writer.write(flow, score, remember(flow, score));
        byte[] key = flow.flowUid().getBytes(StandardCharsets.UTF_8);
        context.forward(new Record<>(key, value, timestamp), SCORES);
        metrics.count(Metrics.Counter.SCORED, flow.recordKind());
        metrics.latency.add(Math.max(0, System.currentTimeMillis() - timestamp) / 1e3);
    }

    /** Keeps an early record's score. Gives, and forgets, the one of the slice that a final record ends; else null. */
    private EarlyScore remember(Flow flow, Model.Score score) {
        String key = flow.flowUid() + '/' + flow.slice();
        if (!flow.recordKind().equals(FINAL)) {
            early.put(key, new EarlyScore(score.label(), score.score(), flow.revision(), context.currentSystemTimeMs()));
            return null;
        }
        EarlyScore before = model.recordKinds().size() > 1 ? early.delete(key) : null;
        if (before != null) {
            metrics.count(Metrics.Counter.CONFIRMED, Boolean.toString(before.label().equals(score.label())));
        }
        return before;
    }

    /** Forgets early scores whose final record didn't come, some at a time: it goes on where it stopped. */
    private void sweep(long now) {
        int left = SWEPT_AT_ONCE;
        try (KeyValueIterator<String, EarlyScore> entries = early.range(sweptTo, null)) {
            for (; left > 0 && entries.hasNext(); left--) {
                var entry = entries.next();
                sweptTo = entry.key;
                if (now - entry.value.savedAt() > ttlMs) {
                    early.delete(entry.key);
                    metrics.count(Metrics.Counter.EXPIRED, "");
                }
            }
        }
        if (left > 0) {
            sweptTo = null;
        }
    }

    private void log(String hash, int schema) {
        if (loggedHashes.size() < HASHES_LOGGED && loggedHashes.add(hash)) {
            System.err.println("flow-scorer: records with fields_hash " + hash + " (schema " + schema
                    + ") are refused: the model has " + model.fieldsHash()
                    + ", so they were metered otherwise than what it was trained on");
        }
    }

    private Headers headers(Headers own, Undecodable why) {
        Headers headers = new RecordHeaders(own);
        add(headers, "error_reason", why.reason());
        add(headers, "error_message", why.getMessage());
        RecordMetadata source = context.recordMetadata().orElseThrow();
        add(headers, "source_topic", source.topic());
        add(headers, "source_partition", Integer.toString(source.partition()));
        add(headers, "source_offset", Long.toString(source.offset()));
        return headers;
    }

    private static void add(Headers headers, String name, String value) {
        headers.add(name, value.getBytes(StandardCharsets.UTF_8));
    }

    @Override
    public void close() {
        runner.close();
    }
}
