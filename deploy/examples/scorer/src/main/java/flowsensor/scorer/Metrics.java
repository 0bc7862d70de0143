package flowsensor.scorer;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.LongAdder;

/** Counters and histograms, and their page for Prometheus on the loopback address. Safe for use by several threads. */
final class Metrics implements AutoCloseable {
    private static final double[] BOUNDS_S =
            {0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.04, 0.06, 0.08, 0.1, 0.15, 0.25, 0.3, 0.4, 0.6, 1, 2.5, 5, 10, 60};
    private static final String PREFIX = "flow_scorer_";
    private static final int STOP_S = 0;

    /** One counter, and in what HELP calls it. Labels' values are of closed sets: nothing of a record gets into a name. */
    enum Counter {
        SCORED("scored_total", "kind", "Records that were scored."),
        REFUSED("refused_total", "reason", "Records that the model was not trained for."),
        SKIPPED("skipped_total", "reason",
                "Records of another kind than the model's, of flowsensor verify, and messages without a value."),
        DEAD_LETTERS("dead_letters_total", "reason", "Messages that are no records; they went to the dead-letter topic."),
        CONFIRMED("confirmed_total", "agrees", "Final records with an early score, by whether the labels are the same."),
        EXPIRED("early_expired_total", null, "Early scores that were given up since no final record came in time.");

        private final String name;
        private final String label;
        private final String help;

        Counter(String name, String label, String help) {
            this.name = name;
            this.label = label;
            this.help = help;
        }
    }

    /** Numbers of seconds by size. */
    static final class Histogram {
        private final LongAdder[] buckets = new LongAdder[BOUNDS_S.length + 1];
        private final LongAdder micros = new LongAdder();

        Histogram() {
            for (int at = 0; at < buckets.length; at++) {
                buckets[at] = new LongAdder();
            }
        }

        void add(double seconds) {
            int at = 0;
            while (at < BOUNDS_S.length && seconds > BOUNDS_S[at]) {
                at++;
            }
            buckets[at].increment();
            micros.add((long) (seconds * 1e6));
        }

        private void print(StringBuilder page, String name, String help) {
            head(page, name, help, "histogram");
            long sum = 0;
            for (int at = 0; at < buckets.length; at++) {
                sum += buckets[at].sum();
                String bound = at < BOUNDS_S.length ? Double.toString(BOUNDS_S[at]) : "+Inf";
                page.append(PREFIX).append(name).append("_bucket{le=\"").append(bound).append("\"} ").append(sum).append('\n');
            }
            page.append(String.format(Locale.ROOT, "%s%s_sum %.6f%n", PREFIX, name, micros.sum() / 1e6));
            page.append(PREFIX).append(name).append("_count ").append(sum).append('\n');
        }
    }

    /** From the record's time stamp in Kafka, when the sensor sent it, to its score. */
    final Histogram latency = new Histogram();
    /** What making the row and the model's run take of that. */
    final Histogram run = new Histogram();

    private final Map<Counter, Map<String, LongAdder>> counters = new ConcurrentSkipListMap<>();
    private HttpServer server;

    Metrics() {
        for (Counter counter : Counter.values()) {
            counters.put(counter, new ConcurrentSkipListMap<>());
        }
        counters.get(Counter.EXPIRED).put("", new LongAdder());
    }

    /** @param value the label's; of a closed set */
    void count(Counter counter, String value) {
        counters.get(counter).computeIfAbsent(value, unused -> new LongAdder()).increment();
    }

    /** @throws Failure if the port is taken */
    void serve(int port) {
        try {
            server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
        } catch (IOException e) {
            throw new Failure(Failure.UNAVAILABLE, "metrics.port " + port + " can't be opened", e);
        }
        server.createContext("/metrics", this::answer);
        server.start();
    }

    private void answer(HttpExchange exchange) throws IOException {
        byte[] page = page().getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
        exchange.sendResponseHeaders(200, page.length);
        exchange.getResponseBody().write(page);
        exchange.close();
    }

    private static void head(StringBuilder page, String name, String help, String type) {
        page.append("# HELP ").append(PREFIX).append(name).append(' ').append(help).append('\n');
        page.append("# TYPE ").append(PREFIX).append(name).append(' ').append(type).append('\n');
    }

    String page() {
        StringBuilder page = new StringBuilder();
        counters.forEach((counter, values) -> {
            head(page, counter.name, counter.help, "counter");
            values.forEach((value, number) -> {
                page.append(PREFIX).append(counter.name);
                if (counter.label != null) {
                    page.append('{').append(counter.label).append("=\"").append(value).append("\"}");
                }
                page.append(' ').append(number.sum()).append('\n');
            });
        });
        latency.print(page, "latency_seconds", "From a record's time stamp in Kafka to its score.");
        run.print(page, "run_seconds", "Making a row of a record and the model's run.");
        return page.toString();
    }

    @Override
    public void close() {
        if (server != null) {
            server.stop(STOP_S);
        }
    }
}
