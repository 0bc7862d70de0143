package flowsensor.connect;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.common.cache.Cache;
import org.apache.kafka.common.cache.LRUCache;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigDef.Importance;
import org.apache.kafka.common.config.ConfigDef.Type;
import org.apache.kafka.common.utils.AppInfoParser;
import org.apache.kafka.connect.components.Versioned;
import org.apache.kafka.connect.connector.ConnectRecord;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.transforms.Transformation;
import org.apache.kafka.connect.transforms.util.Requirements;

/**
 * Writes the fields with times as texts of ISO 8601, to the microsecond. Connect's own times end at milliseconds, and Iceberg's sink takes a number for
 * milliseconds: of a text it keeps each digit. Fields that a record doesn't have are passed over. A task's own, so it has one thread.
 */
public final class TimesAsText<R extends ConnectRecord<R>> implements Transformation<R>, Versioned {
    private static final String FIELDS = "fields";
    private static final ConfigDef OPTIONS = new ConfigDef().define(FIELDS, Type.LIST, Importance.HIGH, "Names of fields with microseconds since 1970.");
    private static final int SCHEMAS = 16;
    private static final long SECOND_US = 1_000_000;

    private Set<String> fields = Set.of();
    private final Cache<Schema, Schema> changed = new LRUCache<>(SCHEMAS);

    @Override
    public void configure(Map<String, ?> options) {
        @SuppressWarnings("unchecked")
        List<String> names = (List<String>)OPTIONS.parse(options).get(FIELDS);
        fields = Set.copyOf(names);
    }

    @Override
    public R apply(R record) {
        if (record.value() == null)
            return record;
        Struct from = Requirements.requireStruct(record.value(), "times as text");
        Schema schema = changed.get(from.schema());
        if (schema == null) {
            schema = change(from.schema());
            changed.put(from.schema(), schema);
        }
        Struct to = new Struct(schema);
        for (Field field : schema.fields()) {
            Object value = from.getWithoutDefault(field.name());
            to.put(field, value != null && fields.contains(field.name()) ? text((Long)value) : value);
        }
        return record.newRecord(record.topic(), record.kafkaPartition(), record.keySchema(), record.key(), schema, to, record.timestamp());
    }

    private Schema change(Schema schema) {
        SchemaBuilder builder = SchemaBuilder.struct().name(schema.name()).version(schema.version()).doc(schema.doc());
        for (Field field : schema.fields()) {
            boolean time = fields.contains(field.name()) && field.schema().type() == Schema.Type.INT64;
            builder.field(field.name(), !time ? field.schema() : field.schema().isOptional() ? Schema.OPTIONAL_STRING_SCHEMA : Schema.STRING_SCHEMA);
        }
        return builder.build();
    }

    private static String text(long micros) {
        return Instant.ofEpochSecond(Math.floorDiv(micros, SECOND_US), Math.floorMod(micros, SECOND_US) * 1000).toString();
    }

    @Override
    public ConfigDef config() {
        return OPTIONS;
    }

    @Override
    public String version() {
        return AppInfoParser.getVersion();
    }

    @Override
    public void close() {
    }
}
