package flowsensor.examples;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.util.Map;
import java.util.TreeMap;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/** Counts flows and bytes for each application name. */
final class ApplicationTotals {
    /** The key of flows whose application is null, since Kafka Streams doesn't group by null. */
    static final String NO_APPLICATION = "(none)";

    private final Map<String, Totals> latest = new TreeMap<>();

    /**
     * Every change of an application's totals is remembered for {@link #latest()}, and produced as JSON to the output
     * topic if there is one (it must exist), with the application's name as key.
     *
     * @param output null for none
     */
    Topology topology(String input, String output, Serde<GenericRecord> flows) {
        StreamsBuilder builder = new StreamsBuilder();
        KStream<String, Totals> totals = builder
                .stream(input, Consumed.with(Serdes.ByteArray(), flows))
                .filter((key, flow) -> Kinds.isFinal(flow))
                .map((key, flow) -> KeyValue.pair(application(flow), (Long) flow.get("bidirectional_bytes")))
                .groupByKey(Grouped.with("flows-by-application", Serdes.String(), Serdes.Long()))
                .aggregate(() -> Totals.NONE, (application, bytes, sum) -> sum.plusFlow(bytes), store())
                .toStream();
        totals.foreach(this::remember);
        if (output != null) {
            totals.map((application, sum) -> KeyValue.pair(application, json(application, sum)))
                    .to(output, Produced.with(Serdes.String(), Serdes.String()));
        }
        return builder.build();
    }

    /** Kept in memory; Kafka Streams restores it from the store's changelog topic after a restart. */
    private static Materialized<String, Totals, KeyValueStore<Bytes, byte[]>> store() {
        return Materialized.<String, Totals>as(Stores.inMemoryKeyValueStore("application-totals"))
                .withKeySerde(Serdes.String())
                .withValueSerde(Totals.serde());
    }

    private static String application(GenericRecord flow) {
        Object name = flow.get("application_name");
        return name == null ? NO_APPLICATION : name.toString();
    }

    private static String json(String application, Totals sum) {
        return JsonNodeFactory.instance.objectNode()
                .put("application_name", application)
                .put("flows", sum.flows())
                .put("bytes", sum.bytes())
                .toString();
    }

    private synchronized void remember(String application, Totals sum) {
        latest.put(application, sum);
    }

    /** The totals so far of the applications that this run has seen, in alphabetical order; a copy. */
    synchronized Map<String, Totals> latest() {
        return new TreeMap<>(latest);
    }

    synchronized long flows() {
        return latest.values().stream().mapToLong(Totals::flows).sum();
    }
}
