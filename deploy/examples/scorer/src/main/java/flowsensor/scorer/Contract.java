package flowsensor.scorer;

import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.apache.avro.JsonProperties;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericRecord;

/**
 * The hash of what decides the values of the fields that a model uses, for the records of one schema. The Python package's
 * contract.py has the same rules. For use by one thread.
 */
final class Contract {
    /** Fields that nDPI fills in, or that have a value only under a label of nDPI's. */
    private static final Pattern NDPI = Pattern.compile("application_.*|requested_server_name|user_agent|content_type|ja3s?|ja4"
            + "|hassh(_server)?|(client|server|dhcp)_fingerprint|ndpi_version|ndpi_risks|ndpi_risk_score|tls_.*|http_.*|(src2dst|dst2src)_quic_version");
    private static final int HASH_DIGITS = 32;
    /** There are few kinds of metering; whoever sends very many takes no memory. */
    private static final int REMEMBERED = 1000;

    private record Kind(String metering, String ndpi, String key) {}

    private final String fields;
    private final boolean usesNdpi;
    private final boolean usesPersonal;
    private final Map<Kind, String> hashes = new HashMap<>();

    /** @param schema with all the fields that the model uses, and their property pii */
    Contract(List<String> used, Schema schema) {
        fields = String.join(",", new TreeSet<>(used));
        usesNdpi = used.stream().anyMatch(name -> NDPI.matcher(name).matches());
        usesPersonal = used.stream().map(name -> Features.find(schema, name)).anyMatch(field -> hasClass(field));
    }

    private static boolean hasClass(JsonProperties field) {
        return field.getObjectProp("pii") != null;
    }

    /** @param flow a record of this schema, with metering_hash */
    String hash(GenericRecord flow) {
        Kind kind = new Kind(text(flow, "metering_hash"), usesNdpi ? text(flow, "ndpi_version") : "",
                usesPersonal ? text(flow, "anon_key_id") : "");
        String hash = hashes.get(kind);
        if (hash == null) {
            hash = Hash.sha256(text(kind).getBytes(StandardCharsets.UTF_8)).substring(0, HASH_DIGITS);
            if (hashes.size() == REMEMBERED) {
                hashes.clear();
            }
            hashes.put(kind, hash);
        }
        return hash;
    }

    private String text(Kind kind) {
        Map<String, String> lines = new TreeMap<>(Map.of("fields", fields, "metering_hash", kind.metering));
        if (usesNdpi) {
            // What follows is of a build, not of a version.
            lines.put("ndpi_version", kind.ndpi.replaceFirst("-.*", ""));
        }
        if (usesPersonal) {
            lines.put("anon_key_id", kind.key);
        }
        StringBuilder text = new StringBuilder();
        lines.forEach((key, value) -> text.append(key).append('=').append(value).append('\n'));
        return text.toString();
    }

    /** Empty where it is missing. */
    private static String text(GenericRecord flow, String name) {
        Object value = flow.hasField(name) ? flow.get(name) : null;
        return value == null ? "" : value.toString();
    }
}
