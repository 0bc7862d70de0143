package flowsensor.examples;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedWriter;
import java.io.Closeable;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.JoinWindows;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.Repartitioned;
import org.apache.kafka.streams.kstream.StreamJoined;

/**
 * Recognises one conversation that was seen at two places: two records with the same conn_key, of different places, whose
 * times overlap. Each such pair of records is one line of JSON.
 */
final class Conversations implements Closeable {
    /** One conversation, as two places saw it. */
    record Pair(String connKey, Sighting one, Sighting other) {}

    private final BufferedWriter out;
    private final Duration within;
    private final long toleranceUs;
    private final ObjectMapper json = new ObjectMapper();
    private long records;

    /**
     * @param within between the exports of two records, which Kafka's time stamps tell: the sensors' active and idle timeouts
     *     and the time that delivery takes
     * @param tolerance between the clocks of two places
     */
    Conversations(Path file, Duration within, Duration tolerance) throws IOException {
        out = Files.newBufferedWriter(file);
        this.within = within;
        toleranceUs = tolerance.toNanos() / 1000;
    }

    /** @param output null for none */
    Topology topology(String input, String output, Serde<GenericRecord> flows) {
        StreamsBuilder builder = new StreamsBuilder();
        KStream<String, Sighting> sightings = builder
                .stream(input, Consumed.with(Serdes.ByteArray(), flows))
                .filter((key, flow) -> Kinds.isFinal(flow) && flow.get("conn_key") != null)
                .map((key, flow) -> KeyValue.pair(flow.get("conn_key").toString(), Sighting.of(flow)))
                .repartition(Repartitioned.with(Serdes.String(), Sighting.serde()).withName("by-conn-key"));
        KStream<String, String> lines = sightings
                .join(sightings, Pair::new, JoinWindows.ofTimeDifferenceAndGrace(within, within),
                        StreamJoined.with(Serdes.String(), Sighting.serde(), Sighting.serde()))
                .filter((connKey, pair) -> isTwoPlaces(pair))
                .mapValues(this::line);
        lines.foreach((connKey, line) -> write(line));
        if (output != null) {
            lines.to(output, Produced.with(Serdes.String(), Serdes.String()));
        }
        sightings.foreach((connKey, sighting) -> count());
        return builder.build();
    }

    /** A stream that is joined with itself has each pair in both orders, and each record with itself. */
    private boolean isTwoPlaces(Pair pair) {
        return pair.one.place().compareTo(pair.other.place()) < 0 && pair.one.overlaps(pair.other, toleranceUs);
    }

    private String line(Pair pair) {
        try {
            return json.writeValueAsString(pair);
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException(e);
        }
    }

    private synchronized void write(String line) {
        try {
            out.write(line);
            out.newLine();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private synchronized void count() {
        records++;
    }

    /** Records with a conn_key so far. */
    synchronized long records() {
        return records;
    }

    @Override
    public void close() throws IOException {
        out.close();
    }
}
