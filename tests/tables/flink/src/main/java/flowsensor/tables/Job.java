package flowsensor.tables;

import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.table.api.TableResult;

/**
 * Runs the statements of files one after another, as Flink's SQL client does, each to its end; rows of a query go to standard output as lines of JSON.
 * Words NAME=VALUE before the files are options of Flink, which go before those that a file sets.
 */
public final class Job {
    /** A comment, an option, several inserts as one job, any other statement. */
    private static final Pattern STATEMENT = Pattern.compile("--[^\n]*\n|SET '([^']*)' = '([^']*)';|(EXECUTE STATEMENT SET BEGIN.*?\nEND);|([A-Z](?:'[^']*+'|[^;']++)*+);|\\s+",
                                                             Pattern.DOTALL);

    private Job() {
    }

    public static void main(String[] arguments) throws Exception {
        Configuration options = new Configuration();
        List<String> statements = new ArrayList<>();
        for (String argument : arguments) {
            if (argument.contains("="))
                options.setString(argument.substring(0, argument.indexOf('=')), argument.substring(argument.indexOf('=') + 1));
            else
                read(Files.readString(Path.of(argument)), options, statements);
        }
        TableEnvironment engine = TableEnvironment.create(EnvironmentSettings.newInstance().withConfiguration(options).build());
        try (PrintWriter out = new PrintWriter(new OutputStreamWriter(System.out, StandardCharsets.UTF_8))) {
            for (String statement : statements) {
                TableResult result = engine.executeSql(statement);
                if (statement.startsWith("SELECT"))
                    Flink.write(result, out);
                else
                    result.await();
            }
        }
    }

    private static void read(String text, Configuration options, List<String> statements) {
        Matcher matcher = STATEMENT.matcher(text);
        int end = 0;
        for (; matcher.find() && matcher.start() == end; end = matcher.end()) {
            if (matcher.group(1) != null && !options.containsKey(matcher.group(1)))
                options.setString(matcher.group(1), matcher.group(2));
            else if (matcher.group(3) != null || matcher.group(4) != null)
                statements.add(matcher.group(3) != null ? matcher.group(3) : matcher.group(4));
        }
        if (end != text.length())
            throw new IllegalArgumentException("no statement: " + text.substring(end, Math.min(end + 80, text.length())));
    }
}
