package flowsensor.flink;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Optional;
import org.apache.avro.Schema;

/** Asks the schema registry. */
final class Registry {
    private static final Duration TIMEOUT = Duration.ofSeconds(10);
    private static final int OK = 200;
    private static final int NOT_FOUND = 404;

    private final String url;
    private final HttpClient http = HttpClient.newBuilder().connectTimeout(TIMEOUT).build();
    private final ObjectMapper json = new ObjectMapper();

    /** @param url the registry's base URL, which may have a path */
    Registry(String url) {
        this.url = url.replaceAll("/+$", "");
    }

    /**
     * Nothing if the registry doesn't know that schema.
     *
     * @throws IOException if it doesn't answer, or not as a registry does: the job starts again then
     */
    Optional<Schema> schema(int id) throws IOException {
        URI uri = URI.create(url + "/schemas/ids/" + id);
        HttpResponse<String> answer;
        try {
            answer = http.send(HttpRequest.newBuilder(uri).timeout(TIMEOUT).build(), HttpResponse.BodyHandlers.ofString());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while waiting for " + uri, e);
        }
        if (answer.statusCode() == NOT_FOUND) {
            return Optional.empty();
        }
        if (answer.statusCode() != OK) {
            throw new IOException(uri + " answered " + answer.statusCode());
        }
        return Optional.of(new Schema.Parser().parse(json.readTree(answer.body()).required("schema").textValue()));
    }
}
