#include "record/avro_decode.h"

#include <avro.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct avro_decoded {
    avro_schema_t schema;
    avro_value_iface_t *class;
    avro_value_t record;
    bool has_record;
};

static int decoded_parse_schema(const char *text, const char *what, avro_schema_t *schema,
                                struct error *error) {
    if (avro_schema_from_json_length(text, strlen(text), schema) == 0 && is_avro_record(*schema))
        return 0;
    return error_set(error, EINVAL, EX_CONFIG, "%s is no schema of a record that Avro C can read: %s", what,
                     avro_strerror());
}

/* Where two records differ. */
static int tell_difference(avro_schema_t expected, avro_schema_t found, const char *what,
                           struct error *error) {
    size_t count = avro_schema_record_size(expected), others = avro_schema_record_size(found);
    if (strcmp(avro_schema_name(expected), avro_schema_name(found)) != 0)
        return error_set(error, EINVAL, EX_CONFIG, "%s is of the record %s, not %s", what,
                         avro_schema_name(found), avro_schema_name(expected));
    for (int i = 0; (size_t)i < count && (size_t)i < others; i++) {
        const char *name = avro_schema_record_field_name(expected, i);
        const char *other = avro_schema_record_field_name(found, i);
        if (strcmp(name, other) != 0)
            return error_set(error, EINVAL, EX_CONFIG, "%s has %s as field %d, not %s", what, other, i + 1,
                             name);
        if (!avro_schema_equal(avro_schema_record_field_get_by_index(expected, i),
                               avro_schema_record_field_get_by_index(found, i)))
            return error_set(error, EINVAL, EX_CONFIG, "%s has another type for the field %s", what, name);
    }
    return error_set(error, EINVAL, EX_CONFIG, "%s has %zu fields, not %zu, or another namespace", what,
                     others, count);
}

int avro_same_schema(const char *expected, const char *found, const char *what, struct error *error) {
    avro_schema_t ours = NULL, theirs = NULL;
    int result = decoded_parse_schema(expected, "the output's schema", &ours, error);
    if (result == 0)
        result = decoded_parse_schema(found, what, &theirs, error);
    if (result == 0 && !avro_schema_equal(ours, theirs))
        result = tell_difference(ours, theirs, what, error);
    if (theirs)
        avro_schema_decref(theirs);
    if (ours)
        avro_schema_decref(ours);
    return result;
}

static int read_record(struct avro_decoded *decoded, const uint8_t *bytes, size_t length,
                       struct error *error) {
    avro_reader_t reader = avro_reader_memory((const char *)bytes, (int64_t)length);
    if (!reader)
        return error_set(error, ENOMEM, EX_OSERR, "out of memory");
    int result = 0;
    char left;
    if (avro_value_read(reader, &decoded->record) != 0)
        result = error_set(error, EBADMSG, EX_CONFIG, "Avro C can't decode the record: %s", avro_strerror());
    else if (avro_read(reader, &left, 1) == 0)
        result = error_set(error, EBADMSG, EX_CONFIG, "bytes are left over behind the record's last field");
    avro_reader_free(reader);
    return result;
}

int avro_decode(const char *schema, const uint8_t *bytes, size_t length, struct avro_decoded **opened,
                struct error *error) {
    struct avro_decoded *decoded = calloc(1, sizeof *decoded);
    if (!decoded)
        return error_set(error, ENOMEM, EX_OSERR, "out of memory");
    int result = decoded_parse_schema(schema, "the schema", &decoded->schema, error);
    if (result == 0) {
        decoded->class = avro_generic_class_from_schema(decoded->schema);
        decoded->has_record = decoded->class && avro_generic_value_new(decoded->class, &decoded->record) == 0;
        result = decoded->has_record ? read_record(decoded, bytes, length, error)
                                     : error_set(error, ENOMEM, EX_OSERR, "out of memory");
    }
    if (result < 0)
        avro_decoded_free(decoded);
    else
        *opened = decoded;
    return result;
}

void avro_decoded_free(struct avro_decoded *decoded) {
    if (!decoded)
        return;
    if (decoded->has_record)
        avro_value_decref(&decoded->record);
    if (decoded->class)
        avro_value_iface_decref(decoded->class);
    if (decoded->schema)
        avro_schema_decref(decoded->schema);
    free(decoded);
}

size_t avro_decoded_field_count(const struct avro_decoded *decoded) {
    return avro_schema_record_size(decoded->schema);
}

/* The field's value; for a union, the value of its present branch. */
static bool decoded_find(const struct avro_decoded *decoded, const char *field, avro_value_t *value) {
    avro_value_t branch;
    if (avro_value_get_by_name(&decoded->record, field, value, NULL) != 0)
        return false;
    if (avro_value_get_type(value) == AVRO_UNION && avro_value_get_current_branch(value, &branch) == 0)
        *value = branch;
    return true;
}

bool avro_decoded_text(const struct avro_decoded *decoded, const char *field, const char **text) {
    avro_value_t value;
    size_t size;
    return decoded_find(decoded, field, &value) && avro_value_get_type(&value) == AVRO_STRING &&
           avro_value_get_string(&value, text, &size) == 0;
}

bool avro_decoded_integer(const struct avro_decoded *decoded, const char *field, int64_t *integer) {
    avro_value_t value;
    return decoded_find(decoded, field, &value) && avro_value_get_type(&value) == AVRO_INT64 &&
           avro_value_get_long(&value, integer) == 0;
}
