/* The catalogue itself, and the shipped schemas against it: the text that consumers read says what the code does. */
#include "record/field/catalogue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "record/schema/embedded.h"
#include "record/schema/schema.h"

static void visit_row(const char *name, const struct catalogue_row *row, enum flow_direction direction,
                      void *context) {
    size_t *count = context;
    ++*count;
    enum flow_direction found = FLOW_DIRECTIONS;
    assert_ptr_equal(catalogue_find_in(name, row->profiles, &found), row);
    assert_int_equal(found, direction);
    assert_true(strlen(name) < CATALOGUE_NAME_SIZE);
    assert_true(strlen(row->help) > 5);
    assert_true(row->version > 0);
    assert_non_null(row->get);
    /* Only what the meter always knows is never absent; a text can be. */
    if (row->profiles == IN_NFSTREAM)
        assert_int_equal(row->absence, FIELD_REQUIRED);
}

/* A name leads to its own row in each profile, so that no second row of a profile shadows it. */
static void names_are_found(void **state) {
    (void)state;
    size_t count = 0;
    catalogue_visit(visit_row, &count);
    assert_true(count > catalogue_size);
    enum flow_direction direction;
    assert_null(catalogue_find("packets", &direction));
    assert_null(catalogue_find("bidirectional_src_ip", &direction));
    assert_null(catalogue_find("", &direction));
    assert_null(catalogue_find_in("id", IN_NATIVE, &direction));
    const struct catalogue_row *row = catalogue_find("dst2src_packets", &direction);
    assert_int_equal(direction, DST2SRC);
    assert_ptr_equal(catalogue_find("src2dst_packets", &direction), row);
    assert_int_equal(direction, SRC2DST);
}

static void nearest_names(void **state) {
    (void)state;
    assert_string_equal(catalogue_nearest("bidirectional_pakets"), "bidirectional_packets");
    assert_string_equal(catalogue_nearest("scr_port"), "src_port");
    assert_null(catalogue_nearest("temperature_of_the_sea"));
}

static void assert_text(const json_t *field, const char *key, const char *expected) {
    const char *name = json_string_value(json_object_get(field, "name"));
    const char *text = json_string_value(json_object_get(field, key));
    if (strcmp(text != NULL ? text : "", expected) != 0)
        fail_msg("%s: %s is \"%s\", the catalogue says \"%s\"", name, key, text != NULL ? text : "",
                 expected);
}

/* flow/v1 is frozen: of fields whose set of values has grown since, it has the definition of that time. */
static bool doc_is_frozen(const char *schema, const char *field) {
    return strcmp(schema, "flow/v1") == 0 &&
           (strcmp(field, "end_reason") == 0 || strcmp(field, "quality_flags") == 0);
}

static void assert_documented(const struct bound_field *bound, const json_t *field,
                              enum field_records records, enum meter_profile profile) {
    const struct catalogue_row *row = bound_field_row(bound, profile);
    assert_text(field, "unit", row->unit);
    assert_text(field, "pii", row->pii == PII_NONE ? "" : pii_class_name(row->pii));
    const json_t *tags = json_object_get(field, "confluent:tags");
    assert_int_equal(json_array_size(tags), row->pii == PII_NONE ? 0 : 1);
    if (row->pii != PII_NONE)
        assert_string_equal(json_string_value(json_array_get(tags, 0)), "PII");
    /* Null where the value may be absent or its group off, and only there. */
    bool may_be_off =
        row->group >= GROUP_TUNNEL && records != OF_PROTOCOL; /* those are of labels that are on */
    assert_true((row->records & records) != 0);
    assert_int_equal(bound->nullable, may_be_off || catalogue_nullable(row, bound->direction));
}

static void assert_doc(const struct bound_field *bound, const json_t *field, enum meter_profile profile) {
    const struct catalogue_row *row = bound_field_row(bound, profile);
    char doc[2048];
    assert_true(catalogue_doc(row, bound->direction, doc, sizeof doc) < sizeof doc);
    assert_text(field, "doc", doc);
}

static void schema_agrees(const char *name, enum meter_profile profile, size_t fields) {
    struct schema *schema;
    struct error error;
    if (schema_load(name, NULL, false, &schema, &error) < 0)
        fail_msg("%s", error.text);
    assert_int_equal(schema_check_profile(schema, profile, &error), 0);
    json_t *root = json_loads(schema->text, 0, NULL);
    const json_t *array = json_object_get(root, "fields");
    assert_int_equal(schema->field_count, fields);
    for (size_t i = 0; i < fields; i++) {
        assert_documented(&schema->fields[i], json_array_get(array, i), schema->records, profile);
        if (!doc_is_frozen(name, schema->fields[i].name))
            assert_doc(&schema->fields[i], json_array_get(array, i), profile);
    }
    json_decref(root);
    schema_free(schema);
}

static void flow_schema_agrees(void **state) {
    (void)state;
    schema_agrees("flow/v1", PROFILE_NATIVE, 114);
}

static void flow_v2_agrees(void **state) {
    (void)state;
    schema_agrees("flow/v2", PROFILE_NATIVE, 131);
}

static void flow_v3_agrees(void **state) {
    (void)state;
    schema_agrees("flow/v3", PROFILE_NATIVE, 150);
}

static void flow_lite_agrees(void **state) {
    (void)state;
    schema_agrees("flow_lite/v1", PROFILE_NATIVE, 34);
}

static void flow_full_agrees(void **state) {
    (void)state;
    schema_agrees("flow_full/v1", PROFILE_NATIVE, 298);
}

static void nfstream_schema_agrees(void **state) {
    (void)state;
    schema_agrees("nfstream/v1", PROFILE_NFSTREAM, 91);
}

static void dictionary_agrees(void **state) {
    (void)state;
    schema_agrees("ndpi_dictionary/v1", PROFILE_NATIVE, 6);
    schema_agrees("ndpi_dictionary/v1", PROFILE_NFSTREAM, 6);
}

static void sensor_schema_agrees(void **state) {
    (void)state;
    schema_agrees("sensor_stats/v1", PROFILE_NATIVE, 28);
    schema_agrees("sensor_stats/v1", PROFILE_NFSTREAM, 28);
}

static void heartbeat_schema_agrees(void **state) {
    (void)state;
    schema_agrees("heartbeat/v1", PROFILE_NATIVE, 22);
    schema_agrees("heartbeat/v1", PROFILE_NFSTREAM, 22);
}

struct missing {
    const struct schema *schema;
    enum field_profiles profile;
};

static void assert_in_schema(const char *name, const struct catalogue_row *row, enum flow_direction direction,
                             void *context) {
    (void)direction;
    const struct missing *missing = context;
    if ((row->profiles & missing->profile) == 0 || (row->records & missing->schema->records) == 0 ||
        row->group == GROUP_UDPS ||    /* composed when configured */
        row->group == GROUP_HEARTBEAT) /* of a schema of their own */
        return;
    for (size_t i = 0; i < missing->schema->field_count; i++) {
        if (strcmp(missing->schema->fields[i].name, name) == 0)
            return;
    }
    fail_msg("%s is not in %s", name, missing->schema->name);
}

/* These are the full records: a new native row belongs into its schema's next version. */
static void full_schemas_are_complete(void **state) {
    (void)state;
    static const char *const names[] = {"flow_full/v1", "sensor_stats/v1", "ndpi_dictionary/v1"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct schema *schema;
        assert_int_equal(schema_load(names[i], NULL, false, &schema, NULL), 0);
        struct missing missing = {schema, IN_NATIVE};
        catalogue_visit(assert_in_schema, &missing);
        schema_free(schema);
    }
}

/* A version is the one before as it stands, field by field, and more that a reader of either may leave out. */
static void assert_adds(const char *older, const char *newer) {
    struct schema *before, *after;
    assert_int_equal(schema_load(older, NULL, false, &before, NULL), 0);
    assert_int_equal(schema_load(newer, NULL, false, &after, NULL), 0);
    assert_string_equal(after->full_name, before->full_name);
    json_t *old = json_loads(before->text, 0, NULL), *new = json_loads(after->text, 0, NULL);
    const json_t *fields = json_object_get(new, "fields");
    size_t index;
    json_t *field;
    json_array_foreach(json_object_get(old, "fields"), index, field) {
        json_t *same = json_array_get(fields, index);
        if (doc_is_frozen(older, json_string_value(json_object_get(field, "name"))))
            json_object_set(field, "doc", json_object_get(same, "doc"));
        assert_true(json_equal(field, same));
    }
    assert_true(json_array_size(fields) > index);
    for (; index < json_array_size(fields); index++) {
        assert_true(after->fields[index].nullable);
        assert_true(json_is_null(json_object_get(json_array_get(fields, index), "default")));
    }
    json_decref(new);
    json_decref(old);
    schema_free(after);
    schema_free(before);
}

static void each_version_adds_to_the_one_before(void **state) {
    (void)state;
    assert_adds("flow/v1", "flow/v2");
    assert_adds("flow/v2", "flow/v3");
}

/* NFStream 6.6.0's own order; directional columns by their parts. */
static size_t nfstream_columns(char names[][CATALOGUE_NAME_SIZE]) {
    static const char *const before[] = {"id",       "expiration_id", "src_ip",  "src_mac",  "src_oui",
                                         "src_port", "dst_ip",        "dst_mac", "dst_oui",  "dst_port",
                                         "protocol", "ip_version",    "vlan_id", "tunnel_id"};
    static const char *const groups[][9] = {
        {"first_seen_ms", "last_seen_ms", "duration_ms", "packets", "bytes"},
        {"min_ps", "mean_ps", "stddev_ps", "max_ps"},
        {"min_piat_ms", "mean_piat_ms", "stddev_piat_ms", "max_piat_ms"},
        {"syn_packets", "cwr_packets", "ece_packets", "urg_packets", "ack_packets", "psh_packets",
         "rst_packets", "fin_packets"},
    };
    static const char *const directions[] = {"bidirectional", "src2dst", "dst2src"};
    static const char *const after[] = {"splt_direction",
                                        "splt_ps",
                                        "splt_piat_ms",
                                        "application_name",
                                        "application_category_name",
                                        "application_is_guessed",
                                        "application_confidence",
                                        "requested_server_name",
                                        "client_fingerprint",
                                        "server_fingerprint",
                                        "user_agent",
                                        "content_type",
                                        "system_process_pid",
                                        "system_process_name"};
    size_t count = 0;
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++)
        snprintf(names[count++], CATALOGUE_NAME_SIZE, "%s", before[i]);
    for (size_t group = 0; group < 4; group++) {
        for (size_t direction = 0; direction < 3; direction++) {
            for (size_t i = 0; groups[group][i] != NULL; i++)
                snprintf(names[count++], CATALOGUE_NAME_SIZE, "%s_%s", directions[direction],
                         groups[group][i]);
        }
    }
    for (size_t i = 0; i < sizeof after / sizeof after[0]; i++)
        snprintf(names[count++], CATALOGUE_NAME_SIZE, "%s", after[i]);
    return count;
}

static void nfstream_columns_in_order(void **state) {
    (void)state;
    char names[128][CATALOGUE_NAME_SIZE];
    size_t count = nfstream_columns(names);
    struct schema *schema;
    assert_int_equal(schema_load("nfstream/v1", NULL, false, &schema, NULL), 0);
    assert_int_equal(schema->field_count, count);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(schema->fields[i].name, names[i]);
    schema_free(schema);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_found),           cmocka_unit_test(nearest_names),
        cmocka_unit_test(flow_schema_agrees),        cmocka_unit_test(flow_v2_agrees),
        cmocka_unit_test(flow_full_agrees),          cmocka_unit_test(flow_v3_agrees),
        cmocka_unit_test(flow_lite_agrees),          cmocka_unit_test(nfstream_schema_agrees),
        cmocka_unit_test(sensor_schema_agrees),      cmocka_unit_test(heartbeat_schema_agrees),
        cmocka_unit_test(dictionary_agrees),         cmocka_unit_test(full_schemas_are_complete),
        cmocka_unit_test(nfstream_columns_in_order), cmocka_unit_test(each_version_adds_to_the_one_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
