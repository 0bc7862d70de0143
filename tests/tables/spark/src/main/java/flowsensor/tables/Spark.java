package flowsensor.tables;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.spark.sql.SparkSession;

/**
 * Runs the statements in the folders `spark` and `iceberg` below a folder: each NAME.sql makes the table NAME, of Parquet files below `warehouse`, or in a
 * catalog of Iceberg below `catalog`. Where there is a NAME.avro, its records are loaded into the
 * first, and from there into the second. Spark's columns go to spark/NAME.columns as JSON.
 */
public final class Spark {
    private final Path folder;
    private final SparkSession engine;

    private Spark(Path folder) {
        this.folder = folder;
        engine = SparkSession.builder().master("local[1]").config("spark.ui.enabled", "false")
            .config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1")
            .config("spark.sql.session.timeZone", "UTC")
            .config("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS").config("spark.sql.warehouse.dir", folder.resolve("warehouse").toString())
            .config("spark.sql.extensions", "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions")
            .config("spark.sql.catalog.records", "org.apache.iceberg.spark.SparkCatalog").config("spark.sql.catalog.records.type", "hadoop")
            .config("spark.sql.catalog.records.warehouse", folder.resolve("catalog").toString()).getOrCreate();
    }

    public static void main(String[] arguments) throws Exception {
        Spark spark = new Spark(Path.of(arguments[0]));
        for (String name : spark.names("spark"))
            spark.make("spark", name);
        spark.engine.sql("CREATE NAMESPACE records.flows");
        spark.engine.sql("USE records.flows");
        for (String name : spark.names("iceberg"))
            spark.make("iceberg", name);
        spark.engine.stop();
    }

    private List<String> names(String dialect) throws Exception {
        try (Stream<Path> files = Files.list(folder.resolve(dialect))) {
            return files.map(path -> path.getFileName().toString()).filter(name -> name.endsWith(".sql"))
                .map(name -> name.replaceFirst("\\.sql$", "")).sorted().collect(Collectors.toList());
        }
    }

    private void make(String dialect, String name) throws Exception {
        Path statements = folder.resolve(dialect).resolve(name + ".sql"), records = folder.resolve(name + ".avro");
        for (String statement : Files.readString(statements).split(";\n(?=ALTER TABLE|$)"))
            engine.sql(statement);
        Files.writeString(folder.resolve(dialect).resolve(name + ".columns"), engine.table("`" + name + "`").schema().json());
        if (Files.exists(records))
            engine.sql("INSERT INTO `" + name + "` SELECT * FROM "
                       + (dialect.equals("spark") ? "avro.`" + records + "`" : "spark_catalog.default.`" + name + "`"));
    }
}
