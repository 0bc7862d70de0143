package flowsensor.examples;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedWriter;
import java.io.Closeable;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Repartitioned;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

/**
 * Flows and bytes of each second of event time, by the sensors' heartbeats: each second of a run is one line of JSON, written
 * once and for good, as soon as no record of it can come any more.
 */
final class EventTime implements Closeable {
    /** What ended in a second (since 1970). */
    record Second(String sensor, String run, long second, long flows, long bytes) {}

    private final BufferedWriter out;
    private final ObjectMapper json = new ObjectMapper();
    private long flows;
    private long late;

    EventTime(Path file) throws IOException {
        out = Files.newBufferedWriter(file);
    }

    Topology topology(String flowTopic, String heartbeatTopic, Serde<GenericRecord> records) {
        StreamsBuilder builder = new StreamsBuilder();
        builder.addStateStore(store(Watermarks.PROGRESS, Progress.serde()));
        builder.addStateStore(store(Watermarks.EARLY, Serdes.Long()));
        builder.addStateStore(store(Watermarks.WAITING, Arrival.serde()));
        builder.addStateStore(store(Watermarks.SECONDS, Totals.serde()));
        KStream<String, Arrival> flowArrivals = builder.stream(flowTopic, Consumed.with(Serdes.ByteArray(), records))
                .map((key, flow) -> Arrival.ofFlow(flow));
        KStream<String, Arrival> heartbeats = builder.stream(heartbeatTopic, Consumed.with(Serdes.ByteArray(), records))
                .flatMap((key, heartbeat) -> Arrival.ofHeartbeat(heartbeat));
        flowArrivals.merge(heartbeats)
                .repartition(Repartitioned.with(Serdes.String(), Arrival.serde()).withName("by-run"))
                .process(() -> new Watermarks(this::countLate), Watermarks.PROGRESS, Watermarks.EARLY, Watermarks.WAITING,
                        Watermarks.SECONDS)
                .foreach((run, second) -> write(second));
        return builder.build();
    }

    private static <V> StoreBuilder<?> store(String name, Serde<V> values) {
        return Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore(name), Serdes.String(), values);
    }

    private synchronized void write(Second second) {
        try {
            out.write(json.writeValueAsString(second));
            out.newLine();
            out.flush();
            flows += second.flows;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private synchronized void countLate(long microseconds) {
        late++;
    }

    /** Flows in the seconds that were written. */
    synchronized long flows() {
        return flows;
    }

    /** Records that came when their second was written already. */
    synchronized long late() {
        return late;
    }

    @Override
    public void close() throws IOException {
        out.close();
    }
}
