package flowsensor.scorer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.Schema;

/** The schema registry, by its HTTP API. Safe for use by several threads. */
final class Registry {
    private static final String MEDIA_TYPE = "application/vnd.schemaregistry.v1+json";
    private static final Duration ATTEMPT = Duration.ofSeconds(10);
    private static final long PAUSE_MS = 500;
    private static final int OK = 200;
    private static final int NOT_FOUND = 404;
    private static final int BUSY = 429;
    private static final int SERVER_ERROR = 500;
    /** Whoever sends messages with very many ids takes no memory; the ids of schemas are few. */
    private static final int REMEMBERED = 1000;

    /** A follower of the registry may hear of a schema later: who wasn't known is asked for again. */
    private static final Duration UNKNOWN_FOR = Duration.ofSeconds(10);

    /** What is known of an id, and when that was asked for, by System.nanoTime(). */
    private record Answer(Optional<Schema> schema, long at) {
        boolean isValid() {
            return schema.isPresent() || System.nanoTime() - at < UNKNOWN_FOR.toNanos();
        }
    }

    private final String url;
    private final Duration timeout;
    private final HttpClient http = HttpClient.newBuilder().connectTimeout(ATTEMPT).build();
    private final ObjectMapper json = new ObjectMapper();
    private final Map<Integer, Answer> answers = new ConcurrentHashMap<>();

    /**
     * @param url the registry's base URL, which may have a path
     * @param timeout how long to ask again where it doesn't answer; shorter than Kafka's max.poll.interval.ms
     */
    Registry(String url, Duration timeout) {
        this.url = url.replaceAll("/+$", "");
        this.timeout = timeout;
    }

    /**
     * Asks once for each id that there is.
     *
     * @return empty if there is no such Avro schema
     * @throws Failure if the registry doesn't answer in time
     */
    Optional<Schema> schema(int id) {
        Answer known = answers.get(id);
        if (known == null || !known.isValid()) {
            HttpResponse<String> answer = ask(HttpRequest.newBuilder(URI.create(url + "/schemas/ids/" + id)));
            known = new Answer(answer.statusCode() == NOT_FOUND ? Optional.empty() : parse(body(answer)), System.nanoTime());
            if (answers.size() >= REMEMBERED) {
                answers.clear();
            }
            answers.put(id, known);
        }
        return known.schema;
    }

    private static Optional<Schema> parse(JsonNode body) {
        try {
            return Optional.of(new Schema.Parser().parse(body.required("schema").textValue()));
        } catch (AvroRuntimeException e) {
            return Optional.empty(); // Of another kind, such as JSON Schema.
        }
    }

    /**
     * The id under which the subject has the schema.
     *
     * @param register whether to register it where the subject hasn't got it
     * @throws Failure if it isn't registered and may not be, is refused, or the registry doesn't answer in time
     */
    int idOf(String subject, String schema, boolean register) {
        String place = url + "/subjects/" + URLEncoder.encode(subject, StandardCharsets.UTF_8);
        HttpRequest.BodyPublisher content = HttpRequest.BodyPublishers.ofString(
                json.createObjectNode().put("schema", schema).toString());
        HttpResponse<String> answer = ask(post(place, content));
        if (answer.statusCode() == NOT_FOUND) {
            if (!register) {
                throw new Failure(Failure.UNAVAILABLE, "the registry's subject " + subject
                        + " doesn't have the schema of scores; set schema.register=true once, or register it yourself");
            }
            answer = ask(post(place + "/versions", content));
        }
        return body(answer).required("id").intValue();
    }

    private static HttpRequest.Builder post(String place, HttpRequest.BodyPublisher content) {
        return HttpRequest.newBuilder(URI.create(place)).header("Content-Type", MEDIA_TYPE).POST(content);
    }

    private JsonNode body(HttpResponse<String> answer) {
        if (answer.statusCode() != OK) {
            throw new Failure(Failure.UNAVAILABLE, answer.uri() + " answered " + answer.statusCode() + ": " + answer.body());
        }
        try {
            return json.readTree(answer.body());
        } catch (IOException e) {
            throw new Failure(Failure.UNAVAILABLE, answer.uri() + " didn't answer with JSON", e);
        }
    }

    /** Asks until there is an answer. */
    private HttpResponse<String> ask(HttpRequest.Builder builder) {
        HttpRequest request = builder.timeout(ATTEMPT).build();
        long end = System.nanoTime() + timeout.toNanos();
        while (true) {
            try {
                HttpResponse<String> answer = http.send(request, HttpResponse.BodyHandlers.ofString());
                if (answer.statusCode() < SERVER_ERROR && answer.statusCode() != BUSY || System.nanoTime() > end) {
                    return answer;
                }
            } catch (IOException e) {
                if (System.nanoTime() > end) {
                    throw new Failure(Failure.UNAVAILABLE, "the registry doesn't answer at " + request.uri(), e);
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new Failure(Failure.UNAVAILABLE, "interrupted while waiting for " + request.uri());
            }
            pause();
        }
    }

    private static void pause() {
        try {
            Thread.sleep(PAUSE_MS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new Failure(Failure.UNAVAILABLE, "interrupted while waiting for the registry");
        }
    }
}
