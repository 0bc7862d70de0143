package flowsensor.flink;

import java.io.IOException;
import java.time.Duration;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple3;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.ExternalizedCheckpointRetention;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.KafkaSourceBuilder;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.windowing.assigners.EventTimeSessionWindows;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.table.data.RowData;

/** The job: flows and heartbeats from Kafka; each record once; windows in event time; Parquet and Iceberg. */
public final class Main {
    private static final int EX_USAGE = 64;

    private final Options options;
    private final StreamExecutionEnvironment environment;

    private Main(Options options) {
        this.options = options;
        Configuration settings = new Configuration();
        settings.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofMillis(options.millis("checkpoint")));
        settings.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, options.out() + "/checkpoints");
        settings.set(CheckpointingOptions.EXTERNALIZED_CHECKPOINT_RETENTION, ExternalizedCheckpointRetention.RETAIN_ON_CANCELLATION);
        settings.set(PipelineOptions.OBJECT_REUSE, true);
        environment = StreamExecutionEnvironment.getExecutionEnvironment(settings);
    }

    public static void main(String[] words) throws Exception {
        Options options;
        try {
            options = new Options(words);
        } catch (IllegalArgumentException e) {
            System.err.println("flow-flink: " + e.getMessage());
            System.exit(EX_USAGE);
            return;
        }
        Main job = new Main(options);
        job.build();
        job.environment.execute("flowsensor");
    }

    private void build() throws IOException {
        DataStream<Flow> flows = read("topic", new FlowReader(options.get("registry")));
        DataStream<Beat> beats = read("heartbeats", new BeatReader(options.get("registry"), options.output()));
        SingleOutputStreamOperator<Flow> once = flows.keyBy(flow -> flow.run, Types.STRING)
                .connect(beats.broadcast())
                .transform("gate", TypeInformation.of(Flow.class), new Gate(options.millis("idle"), options.millis("lost")))
                .uid("gate")
                .keyBy(Dedup::place, Types.LONG)
                .process(new Dedup(options.millis("remember")))
                .name("dedup").uid("dedup");
        Tables.parquet(rows(once), Tables.FLOWS, "last_seen", options.out(), "flows");
        Tables.iceberg(rows(once.getSideOutput(Dedup.LATE)), Tables.FLOWS, options.out(), "late");
        Tables.iceberg(applications(once), Tables.APPLICATIONS, options.out(), "applications");
        Tables.iceberg(sessions(once), Tables.SESSIONS, options.out(), "sessions");
    }

    private <T> DataStream<T> read(String topic, AvroReader<T> reader) throws IOException {
        KafkaSourceBuilder<T> source = KafkaSource.<T>builder()
                .setBootstrapServers(options.get("brokers"))
                .setTopics(options.get(topic))
                .setGroupId(options.get("group"))
                .setStartingOffsets(OffsetsInitializer.earliest())
                .setDeserializer(reader)
                .setProperties(options.kafka());
        if (options.is("bounded")) {
            source.setBounded(OffsetsInitializer.latest());
        }
        return environment.fromSource(source.build(), WatermarkStrategy.noWatermarks(), options.get(topic), reader.getProducedType())
                .uid(topic);
    }

    private static DataStream<RowData> rows(DataStream<Flow> flows) {
        return flows.map(Tables::row).returns(Tables.rowsOf(Tables.FLOWS));
    }

    private DataStream<RowData> applications(DataStream<Flow> flows) {
        return flows.map(flow -> Tuple3.of(flow.application, flow.packets, flow.bytes))
                .returns(Types.TUPLE(Types.STRING, Types.LONG, Types.LONG))
                .keyBy(flow -> flow.f0, Types.STRING)
                .window(TumblingEventTimeWindows.of(Duration.ofMillis(options.millis("window"))))
                .aggregate(new Applications(), new Applications.Rows(), Types.TUPLE(Types.LONG, Types.LONG, Types.LONG),
                        Types.TUPLE(Types.LONG, Types.LONG, Types.LONG), Tables.rowsOf(Tables.APPLICATIONS))
                .name("applications").uid("applications");
    }

    private DataStream<RowData> sessions(DataStream<Flow> flows) {
        long gapMs = options.millis("gap");
        return flows.map(flow -> Tuple3.of(flow.source, flow.destination, flow.bytes))
                .returns(Types.TUPLE(Types.STRING, Types.STRING, Types.LONG))
                .keyBy(flow -> flow.f0, Types.STRING)
                .window(EventTimeSessionWindows.withGap(Duration.ofMillis(gapMs)))
                .aggregate(new Sessions(), new Sessions.Rows(gapMs), TypeInformation.of(Sessions.Session.class),
                        TypeInformation.of(Sessions.Session.class), Tables.rowsOf(Tables.SESSIONS))
                .name("sessions").uid("sessions");
    }
}
