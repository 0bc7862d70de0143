package flowsensor.tables;

import java.io.PrintWriter;
import java.lang.reflect.Array;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.table.api.TableResult;
import org.apache.flink.types.Row;
import org.apache.flink.util.CloseableIterator;

/**
 * Runs the statements in a folder: of each NAME.sql the table is made, and its description goes to NAME.columns. Where there is a NAME.topic, the
 * records of its topic go to NAME.rows; else the query is planned alone. Lines of JSON.
 */
public final class Flink {
    private final TableEnvironment engine = TableEnvironment.create(EnvironmentSettings.inBatchMode());

    private Flink() {
        engine.getConfig().set("table.local-time-zone", "UTC");
        engine.getConfig().set("parallelism.default", "1");
    }

    public static void main(String[] arguments) throws Exception {
        Path folder = Path.of(arguments[0]);
        List<Path> statements;
        try (Stream<Path> files = Files.list(folder)) {
            statements = files.filter(path -> path.toString().endsWith(".sql")).sorted().collect(Collectors.toList());
        }
        Flink flink = new Flink();
        for (Path path : statements) {
            String name = path.getFileName().toString().replaceFirst("\\.sql$", "");
            flink.engine.executeSql(Files.readString(path).replaceFirst(";\\s*$", ""));
            flink.store("DESCRIBE `" + name + "`", folder.resolve(name + ".columns"));
            String all = "SELECT * FROM `" + name + "` /*+ OPTIONS('scan.bounded.mode' = 'latest-offset') */";
            if (Files.exists(folder.resolve(name + ".topic")))
                flink.store(all, folder.resolve(name + ".rows"));
            else
                flink.engine.explainSql(all);
        }
    }

    private void store(String query, Path path) throws Exception {
        try (PrintWriter out = new PrintWriter(path.toFile(), StandardCharsets.UTF_8)) {
            write(engine.executeSql(query), out);
        }
    }

    /** Writes the rows of a result as lines of JSON. */
    static void write(TableResult result, PrintWriter out) throws Exception {
        List<String> names = result.getResolvedSchema().getColumnNames();
        try (CloseableIterator<Row> rows = result.collect()) {
            while (rows.hasNext())
                out.println(object(names, rows.next()));
        }
    }

    private static String object(List<String> names, Row row) {
        StringBuilder text = new StringBuilder("{");
        for (int i = 0; i < row.getArity(); i++)
            text.append(i > 0 ? ", " : "").append(quote(names.get(i))).append(": ").append(value(row.getField(i)));
        return text.append("}").toString();
    }

    private static String value(Object value) {
        if (value == null || value instanceof Boolean || value instanceof Number)
            return String.valueOf(value);
        if (value instanceof Row row)
            return Stream.iterate(0, i -> i < row.getArity(), i -> i + 1).map(i -> value(row.getField(i)))
                .collect(Collectors.joining(", ", "[", "]"));
        if (value.getClass().isArray())
            return Stream.iterate(0, i -> i < Array.getLength(value), i -> i + 1).map(i -> value(Array.get(value, i)))
                .collect(Collectors.joining(", ", "[", "]"));
        return quote(value.toString());
    }

    private static String quote(String text) {
        StringBuilder quoted = new StringBuilder("\"");
        for (char c : text.toCharArray())
            if (c < ' ' || c == '"' || c == '\\')
                quoted.append(String.format("\\u%04x", (int)c));
            else
                quoted.append(c);
        return quoted.append('"').toString();
    }
}
