package flowsensor.flink;

import java.util.Map;
import org.apache.flink.connector.file.sink.FileSink;
import org.apache.flink.core.fs.Path;
import org.apache.flink.formats.parquet.row.ParquetRowDataBuilder;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.functions.sink.filesystem.OutputFileConfig;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.TimestampData;
import org.apache.flink.table.runtime.typeutils.InternalTypeInfo;
import org.apache.hadoop.conf.Configuration;
import org.apache.iceberg.PartitionSpec;
import org.apache.iceberg.Schema;
import org.apache.iceberg.catalog.Catalog;
import org.apache.iceberg.catalog.TableIdentifier;
import org.apache.iceberg.flink.CatalogLoader;
import org.apache.iceberg.flink.FlinkSchemaUtil;
import org.apache.iceberg.flink.TableLoader;
import org.apache.iceberg.flink.sink.FlinkSink;
import org.apache.iceberg.types.Types;
import org.apache.iceberg.types.Types.NestedField;

/** The tables that this job fills, and the sinks that do it: what a checkpoint covers is in them exactly once. */
final class Tables {
    private static final String DATABASE = "flowsensor";
    private static final long NANOS_OF_MICRO = 1000;

    static final Schema FLOWS = new Schema(
            required(1, "flow_uid", Types.StringType.get()), required(2, "slice", Types.IntegerType.get()),
            required(3, "revision", Types.IntegerType.get()), required(4, "sensor_id", Types.StringType.get()),
            required(5, "first_seen", Types.TimestampType.withZone()), required(6, "last_seen", Types.TimestampType.withZone()),
            required(7, "src_ip", Types.StringType.get()), required(8, "src_port", Types.IntegerType.get()),
            required(9, "dst_ip", Types.StringType.get()), required(10, "dst_port", Types.IntegerType.get()),
            required(11, "protocol", Types.IntegerType.get()), required(12, "application_name", Types.StringType.get()),
            required(13, "packets", Types.LongType.get()), required(14, "bytes", Types.LongType.get()));

    static final Schema APPLICATIONS = new Schema(
            required(1, "window_start", Types.TimestampType.withZone()), required(2, "application_name", Types.StringType.get()),
            required(3, "flows", Types.LongType.get()), required(4, "packets", Types.LongType.get()),
            required(5, "bytes", Types.LongType.get()));

    static final Schema SESSIONS = new Schema(
            required(1, "session_start", Types.TimestampType.withZone()), required(2, "session_end", Types.TimestampType.withZone()),
            required(3, "src_ip", Types.StringType.get()), required(4, "flows", Types.LongType.get()),
            required(5, "bytes", Types.LongType.get()), required(6, "destinations", Types.LongType.get()));

    private Tables() {}

    private static NestedField required(int id, String name, org.apache.iceberg.types.Type type) {
        return NestedField.required(id, name, type);
    }

    static InternalTypeInfo<RowData> rowsOf(Schema schema) {
        return InternalTypeInfo.of(FlinkSchemaUtil.convert(schema));
    }

    /** A row of FLOWS. */
    static RowData row(Flow flow) {
        return GenericRowData.of(StringData.fromString(flow.uid), flow.slice, flow.revision, StringData.fromString(flow.sensor),
                time(flow.firstSeen), time(flow.lastSeen), StringData.fromString(flow.source), flow.sourcePort,
                StringData.fromString(flow.destination), flow.destinationPort, flow.protocol,
                StringData.fromString(flow.application), flow.packets, flow.bytes);
    }

    private static TimestampData time(long micros) {
        return TimestampData.fromEpochMillis(Math.floorDiv(micros, 1000L), (int) (Math.floorMod(micros, 1000L) * NANOS_OF_MICRO));
    }

    /** Writes rows of a schema as Parquet files below a folder, by the days of a column. */
    static void parquet(DataStream<RowData> rows, Schema schema, String time, String folder, String name) {
        Configuration options = new Configuration(false);
        options.set("parquet.compression", "ZSTD");
        options.set("parquet.write.int64.timestamp", "true"); // Else times are INT96, which is no longer in Parquet's format.
        FileSink<RowData> sink = FileSink
                .forBulkFormat(new Path(folder + "/" + name), ParquetRowDataBuilder.createWriterFactory(
                        FlinkSchemaUtil.convert(schema), options, true))
                .withBucketAssigner(new Days(schema.columns().indexOf(schema.findField(time))))
                .withOutputFileConfig(OutputFileConfig.builder().withPartSuffix(".parquet").build())
                .build();
        rows.sinkTo(sink).name(name).uid(name);
    }

    /** Writes rows of a schema to an Iceberg table, which is made if it doesn't exist, in a catalog that is a folder. */
    static void iceberg(DataStream<RowData> rows, Schema schema, String folder, String name) {
        CatalogLoader loader = CatalogLoader.hadoop(DATABASE, new Configuration(), Map.of("warehouse", folder + "/warehouse"));
        TableIdentifier table = TableIdentifier.of(DATABASE, name);
        Catalog catalog = loader.loadCatalog();
        if (!catalog.tableExists(table)) {
            catalog.createTable(table, schema, PartitionSpec.unpartitioned(), Map.of("format-version", "2"));
        }
        // IcebergSink of 1.10 doesn't commit what comes with the end of a job, which are the last windows.
        FlinkSink.forRowData(rows)
                .tableLoader(TableLoader.fromCatalog(loader, table))
                .writeParallelism(1) // Rows are few, and each writer makes a file at each checkpoint.
                .uidPrefix("iceberg-" + name)
                .append();
    }
}
