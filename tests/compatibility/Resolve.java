import java.io.BufferedWriter;
import java.io.File;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.avro.Schema;
import org.apache.avro.SchemaCompatibility;
import org.apache.avro.file.DataFileReader;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;

/**
 * Avro's own Java reader, asked line by line on standard input.
 *
 * <pre>
 * read READER.avsc FILE.avro OUT.jsonl     the file's records as a reader with this schema has them; prints "read N"
 * compare READER.avsc WRITER.avsc          prints COMPATIBLE or INCOMPATIBLE, and why
 * </pre>
 */
public final class Resolve {
    private Resolve() {
    }

    public static void main(String[] arguments) throws IOException {
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        for (String line : new String(System.in.readAllBytes(), StandardCharsets.UTF_8).split("\n")) {
            String[] words = line.split("\t");
            out.println(words[0].equals("read") ? read(words) : compare(words));
        }
    }

    private static Schema schema(String path) throws IOException {
        return new Schema.Parser().parse(new File(path));
    }

    private static String read(String[] words) throws IOException {
        GenericDatumReader<GenericRecord> reader = new GenericDatumReader<>(null, schema(words[1]));
        int count = 0;
        try (DataFileReader<GenericRecord> records = new DataFileReader<>(new File(words[2]), reader);
                BufferedWriter lines = Files.newBufferedWriter(Path.of(words[3]))) {
            for (GenericRecord record : records) {
                lines.write(record + "\n");
                count++;
            }
        } catch (RuntimeException problem) {
            return "refused " + problem;
        }
        return "read " + count;
    }

    private static String compare(String[] words) throws IOException {
        SchemaCompatibility.SchemaPairCompatibility found =
                SchemaCompatibility.checkReaderWriterCompatibility(schema(words[1]), schema(words[2]));
        return found.getType() + " " + found.getResult().getIncompatibilities();
    }
}
