/* User-defined fields in records: the composed schema, its binding and lint, and the values in each encoding. */
#include "record/recorder.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <avro.h>
#include <cmocka.h>
#include <jansson.h>

#include "allocations.h"
#include "meter/meter.h"
#include "plugins.h"
#include "record/contract/features.h"
#include "record/contract/metering.h"
#include "record/schema/schema_json.h"

/* From a configuration to records. */
struct bench {
    struct udps *udps;
    struct udps_rows *rows;
    struct schema *schema;
    struct meter_options options;
    struct identity identity;
    struct recorder *recorder;
    struct meter *meter;
    struct buffer out; /* every record */
};

static bool record_flow(void *context, const struct flow *flow) {
    struct bench *bench = context;
    struct message message;
    assert_int_equal(recorder_make(bench->recorder, flow, &message), 0);
    buffer_append(&bench->out, message.body, message.body_length);
    return true;
}

static void load_schema(struct bench *bench, const char *name, bool compose) {
    struct error error = {0};
    if (schema_load(name, bench->rows, compose, &bench->schema, &error) < 0)
        fail_msg("%s", error.text);
}

static void load_bench(struct bench *bench, const char *packets, const char *plugin) {
    struct error error = {0};
    memset(bench, 0, sizeof *bench);
    if (load_udps(packets, NULL, plugin, &bench->udps, &error) < 0)
        fail_msg("%s", error.text);
    bench->rows = udps_rows_create(bench->udps);
    assert_non_null(bench->rows);
}

static void run_bench(struct bench *bench, const char *encoding) {
    struct error error = {0};
    bench->options = (struct meter_options){
        .profile = PROFILE_NATIVE,
        .idle_timeout = 120000000,
        .active_timeout = INT64_C(1800000000),
        .flow_table_size = 1024,
        .preallocate = true,
        .udps = bench->udps,
    };
    bench->identity = (struct identity){.ndpi_version = "", .meter = &bench->options};
    strcpy(bench->identity.sensor_id, "sensor");
    const struct recorder_options options = {
        .output = "main",
        .schema = bench->schema,
        .encoding = encoding_find(encoding),
        .identity = &bench->identity,
        .groups_on = 1u << GROUP_IDENTITY | 1u << GROUP_QUALITY | 1u << GROUP_CORE | 1u << GROUP_TUNNEL |
                     1u << GROUP_UDPS,
    };
    if (recorder_create(&options, &bench->recorder, &error) < 0 ||
        meter_create(&bench->options, record_flow, bench, &bench->meter, &error) < 0)
        fail_msg("%s", error.text);
}

/* One flow of `count` packets of 40 bytes. */
static void meter_flow(struct bench *bench, int count) {
    static uint8_t ip[40] = {0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6};
    for (int i = 0; i < count; i++) {
        struct packet packet = {.time = 1000000 + i,
                                .ip = ip,
                                .ip_captured = sizeof ip,
                                .size = {54, 40, 20, 0},
                                .source = {10, 0, 0, 1},
                                .destination = {10, 0, 0, 2},
                                .source_port = 4000,
                                .destination_port = 80,
                                .ip_version = 4,
                                .protocol = 6};
        meter_packet(bench->meter, &packet);
    }
    meter_finish(bench->meter, END_OF_INPUT);
}

static void close_bench(struct bench *bench) {
    meter_destroy(bench->meter);
    recorder_destroy(bench->recorder);
    schema_free(bench->schema);
    udps_rows_free(bench->rows);
    udps_free(bench->udps);
    buffer_free(&bench->out);
}

static json_t *parse(const char *text, size_t length) {
    json_error_t error;
    json_t *root = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL)
        fail_msg("%s in %.*s", error.text, (int)length, text);
    return root;
}

static void assert_json(const json_t *object, const char *name, const char *expected) {
    char *text = json_dumps(json_object_get(object, name), JSON_ENCODE_ANY | JSON_COMPACT);
    if (text == NULL || strcmp(text, expected) != 0)
        fail_msg("%s is %s, not %s", name, text != NULL ? text : "absent", expected);
    free(text);
}

static void lines_have_flat_names(void **state) {
    (void)state;
    struct bench bench;
    load_bench(&bench, "small=ip[2:2] = 40", plugin_entry("none", ""));
    load_schema(&bench, "flow/v1", true);
    run_bench(&bench, "jsonl");
    meter_flow(&bench, 3);
    json_t *root = parse((const char *)bench.out.data, bench.out.length);
    assert_null(json_object_get(root, "udps"));
    assert_json(root, "udps.small", "3");
    assert_json(root, "udps.dst2src_small", "0");
    assert_json(root, "udps.probe_text", "\"iuue\"");
    assert_json(root, "udps.probe_int", "120");
    assert_json(root, "udps.probe_long", "2");
    assert_json(root, "udps.probe_double", "1.5");
    assert_json(root, "udps.probe_boolean", "true");
    assert_json(root, "udps.probe_time", "1000000");
    assert_json(root, "udps.probe_ints", "[0,0,0]");
    assert_json(root, "udps.probe_longs", "[40,40,40]");
    assert_json(root, "udps.probe_texts", "[\"end_of_input\",\"\"]");
    assert_json(root, "udps.probe_absent", "null");
    json_decref(root);
    close_bench(&bench);
}

static void columns_are_sorted(void **state) {
    (void)state;
    struct bench bench;
    load_bench(&bench, "small=tcp", plugin_entry("none", ""));
    load_schema(&bench, "flow/v1", true);
    run_bench(&bench, "csv");
    meter_flow(&bench, 2);
    struct text header = recorder_header(bench.recorder);
    static const char columns[] =
        ",udps.dst2src_small,udps.probe_absent,udps.probe_boolean,udps.probe_double,udps.probe_int,"
        "udps.probe_ints,udps.probe_long,udps.probe_longs,udps.probe_text,udps.probe_texts,udps.probe_time,"
        "udps.small,udps.src2dst_small\r\n";
    static const char cells[] =
        ",0,,true,1.0,80,\"[0, 0]\",1,\"[40, 40]\",iue,\"[\"\"end_of_input\"\", \"\"\"\"]\",1000000,2,2\r\n";
    assert_true(header.length > strlen(columns) && bench.out.length > strlen(cells));
    assert_memory_equal(header.bytes + header.length - strlen(columns), columns, strlen(columns));
    assert_memory_equal(bench.out.data + bench.out.length - strlen(cells), cells, strlen(cells));
    close_bench(&bench);
}

/* Avro C's own reader knows nothing of the sensor but the schema's text. */
static void avro_has_a_nested_record(void **state) {
    (void)state;
    struct bench bench;
    load_bench(&bench, "small=tcp", plugin_entry("none", ""));
    load_schema(&bench, "flow/v1", true);
    run_bench(&bench, "avro");
    meter_flow(&bench, 4);
    avro_schema_t schema;
    assert_int_equal(avro_schema_from_json_length(bench.schema->text, bench.schema->text_length, &schema), 0);
    avro_value_iface_t *iface = avro_generic_class_from_schema(schema);
    avro_value_t record, udps, nested, field, value;
    assert_int_equal(avro_generic_value_new(iface, &record), 0);
    avro_reader_t reader = avro_reader_memory((const char *)bench.out.data, (int64_t)bench.out.length);
    assert_int_equal(avro_value_read(reader, &record), 0);
    char more;
    assert_int_not_equal(avro_read(reader, &more, 1), 0); /* nothing is left */
    assert_int_equal(avro_value_get_by_name(&record, "udps", &udps, NULL), 0);
    assert_int_equal(avro_value_get_current_branch(&udps, &nested), 0);
    assert_int_equal(avro_value_get_type(&nested), AVRO_RECORD);
    int64_t count = 0;
    assert_int_equal(avro_value_get_by_name(&nested, "src2dst_small", &field, NULL), 0);
    assert_int_equal(avro_value_get_current_branch(&field, &value), 0);
    assert_int_equal(avro_value_get_long(&value, &count), 0);
    assert_int_equal(count, 4);
    assert_int_equal(avro_value_get_by_name(&nested, "probe_absent", &field, NULL), 0);
    assert_int_equal(avro_value_get_current_branch(&field, &value), 0);
    assert_int_equal(avro_value_get_type(&value), AVRO_NULL);
    avro_reader_free(reader);
    avro_value_decref(&record);
    avro_value_iface_decref(iface);
    avro_schema_decref(schema);
    close_bench(&bench);
}

static void values_are_bounded(void **state) {
    (void)state;
    struct bench bench;
    load_bench(&bench, NULL, plugin_entry("none", "wild=1"));
    load_schema(&bench, "flow/v1", true);
    run_bench(&bench, "jsonl");
    meter_flow(&bench, 1);
    json_t *root = parse((const char *)bench.out.data, bench.out.length);
    /* Cut before the character that would go beyond. */
    assert_int_equal(json_string_length(json_object_get(root, "udps.probe_text")), FLOWSENSOR_TEXT_MAX - 1);
    assert_json(root, "udps.probe_int", "2147483647");
    assert_json(root, "udps.probe_absent", "\"\"");
    assert_json(root, "udps.probe_double", "null");
    const json_t *ints = json_object_get(root, "udps.probe_ints"),
                 *longs = json_object_get(root, "udps.probe_longs"),
                 *texts = json_object_get(root, "udps.probe_texts");
    assert_int_equal(json_array_size(ints), FLOWSENSOR_ITEMS_MAX);
    assert_true(json_integer_value(json_array_get(ints, 0)) == INT32_MIN);
    assert_int_equal(json_array_size(longs), FLOWSENSOR_ITEMS_MAX);
    assert_true(json_integer_value(json_array_get(longs, 0)) == INT64_MIN);
    assert_in_range(json_array_size(texts), 1000, FLOWSENSOR_ITEMS_MAX);
    assert_string_equal(json_string_value(json_array_get(texts, 0)), "\xef\xbf\xbd\"\\\n");
    json_decref(root);
    close_bench(&bench);
}

static void csv_lists_are_json(void **state) {
    (void)state;
    struct bench bench;
    load_bench(&bench, NULL, plugin_entry("none", "wild=1"));
    load_schema(&bench, "flow/v1", true);
    run_bench(&bench, "csv");
    meter_flow(&bench, 1);
    buffer_append(&bench.out, "", 1);
    assert_non_null(
        strstr((const char *)bench.out.data,
               ",\"[\"\"\xef\xbf\xbd\\\"\"\\\\\\u000a\"\", \"\"\xef\xbf\xbd\\\"\"\\\\\\u000a\"\", "));
    close_bench(&bench);
}

static void nothing_is_allocated_after_warm_up(void **state) {
    (void)state;
    struct bench bench;
    load_bench(&bench, "small=tcp", plugin_entry("none", ""));
    load_schema(&bench, "flow/v1", true);
    run_bench(&bench, "avro");
    meter_flow(&bench, 20);
    buffer_reserve(&bench.out, 1 << 20);
    size_t before = allocations;
    for (int i = 1; i < 20; i++)
        meter_flow(&bench, i);
#ifndef __SANITIZE_ADDRESS__ /* there each object is an allocation of its own, on purpose */
    assert_int_equal(allocations, before);
#else
    assert_true(allocations > before);
#endif
    close_bench(&bench);
}

/* The nested record of a schema's text. */
static const json_t *nested_of(const json_t *root) {
    const json_t *fields = json_object_get(root, "fields");
    size_t place = 0;
    /* NFStream's columns of plugins stand before those of the process. */
    while (strcmp(json_string_value(json_object_get(json_array_get(fields, place + 1), "name")),
                  "system_process_pid") != 0)
        place++;
    const json_t *field = json_array_get(fields, place);
    assert_string_equal(json_string_value(json_object_get(field, "name")), "udps");
    assert_true(json_is_null(json_object_get(field, "default")));
    return json_object_get(schema_nested_record(json_object_get(field, "type")), "fields");
}

static void composed_schemas_are_documented_and_stable(void **state) {
    (void)state;
    struct bench bench;
    load_bench(&bench, "small=tcp", plugin_entry("none", ""));
    load_schema(&bench, "nfstream/v1", true);
    json_t *root = parse(bench.schema->text, bench.schema->text_length);
    const json_t *fields = nested_of(root);
    const char *previous = "";
    assert_int_equal(json_array_size(fields), 13);
    for (size_t i = 0; i < json_array_size(fields); i++) {
        const json_t *field = json_array_get(fields, i);
        const char *name = json_string_value(json_object_get(field, "name"));
        assert_true(strcmp(previous, name) < 0);
        assert_true(json_is_null(json_object_get(field, "default")));
        assert_true(json_string_length(json_object_get(field, "doc")) > 0);
        previous = name;
    }
    assert_json(json_array_get(fields, 11), "unit", "\"packets\"");
    assert_json(json_array_get(fields, 8), "pii", "\"name\"");
    assert_json(json_array_get(fields, 8), "confluent:tags", "[\"PII\"]");
    assert_json(json_array_get(fields, 10), "type",
                "[\"null\",{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}]");
    json_decref(root);

    /* Composed again, from what it is already, it is the same. */
    char path[] = "/tmp/flowsensor-udps-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, bench.schema->text, bench.schema->text_length), bench.schema->text_length);
    close(file);
    struct schema *again = NULL, *bound = NULL;
    assert_int_equal(schema_load(path, bench.rows, true, &again, NULL), 0);
    assert_int_equal(schema_load(path, bench.rows, false, &bound, NULL), 0);
    assert_string_equal(again->text, bench.schema->text);
    assert_string_equal(bound->text, bench.schema->text);
    assert_int_equal(bound->fingerprint, bench.schema->fingerprint);
    assert_int_equal(bound->field_count, bench.schema->field_count);
    assert_true(schema_groups(bound) & 1u << GROUP_UDPS);
    schema_free(bound);
    schema_free(again);
    unlink(path);
    close_bench(&bench);
}

/* Names of the parsing canonical form are full names; the nested record inherits the namespace. */
static void the_canonical_form_has_full_names(void **state) {
    (void)state;
    static const char text[] =
        "{\"type\":\"record\",\"name\":\"a.b.Flow\",\"doc\":\"d\",\"fields\":[{\"name\":\"udps\",\"doc\":\"d\",\"default\":null,"
        "\"type\":[\"null\",{\"type\":\"record\",\"name\":\"Udps\",\"doc\":\"d\",\"fields\":["
        "{\"name\":\"x\",\"type\":[\"null\",{\"type\":\"array\",\"items\":\"long\"}],\"default\":null,\"doc\":\"d\"}]}]}]}";
    json_t *root = schema_lint_parse("s", text, strlen(text), NULL);
    assert_non_null(root);
    char *form = schema_canonical_form(root);
    assert_string_equal(
        form, "{\"name\":\"a.b.Flow\",\"type\":\"record\",\"fields\":[{\"name\":\"udps\",\"type\":[\"null\","
              "{\"name\":\"a.b.Udps\",\"type\":\"record\",\"fields\":[{\"name\":\"x\",\"type\":[\"null\","
              "{\"type\":\"array\",\"items\":\"long\"}]}]}]}]}");
    free(form);
    json_decref(root);
}

#define NESTED(name, nullable, members)                                                                      \
    "{\"type\":\"record\",\"name\":\"Flow\",\"namespace\":\"t\",\"doc\":\"d\",\"fields\":[{\"name\":\"" name \
    "\",\"doc\":\"d\",\"type\":" nullable                                                                    \
    "{\"type\":\"record\",\"name\":\"Udps\",\"doc\":\"d\",\"fields\":[" members "]}"
#define LONG(name)   "{\"name\":\"" name "\",\"type\":[\"null\",\"long\"],\"default\":null,\"doc\":\"d\"}"
#define NULLABLE_END "],\"default\":null}]}"

static void refuse(const char *text, const struct udps_rows *rows, const char *says) {
    char path[] = "/tmp/flowsensor-udps-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, text, strlen(text)), strlen(text));
    close(file);
    struct error error = {0};
    struct schema *schema = NULL;
    assert_true(schema_load(path, rows, false, &schema, &error) < 0);
    unlink(path);
    assert_int_equal(error.exit_code, EX_CONFIG);
    if (strstr(error.text, says) == NULL)
        fail_msg("\"%s\" is not in: %s", says, error.text);
}

static void wrong_nested_records_are_refused(void **state) {
    (void)state;
    struct bench bench;
    load_bench(&bench, "small=tcp", NULL);
    const struct udps_rows *rows = bench.rows;
    refuse(NESTED("other", "[\"null\",", LONG("small")) NULLABLE_END, rows, "field other: unsupported union");
    refuse(NESTED("udps", "", LONG("small")) "}]}", rows, "field udps: unsupported type");
    refuse(NESTED("udps", "[\"null\",", "") NULLABLE_END, rows, "no fields");
    refuse(NESTED("udps", "[\"null\",", LONG("small") "," LONG("small")) NULLABLE_END, rows,
           "field udps.small: a second field of this name");
    refuse(NESTED("udps", "[\"null\",", "{\"name\":\"small\",\"type\":\"long\",\"doc\":\"d\"}") NULLABLE_END,
           rows, "field udps.small: can't be null");
    refuse(NESTED("udps", "[\"null\",", "{\"name\":\"small\",\"type\":[\"null\",\"long\"],\"doc\":\"d\"}")
               NULLABLE_END,
           rows, "field udps.small: may be null but has no default");
    refuse(NESTED("udps", "[\"null\",",
                  "{\"name\":\"small\",\"type\":[\"null\",\"int\"],\"default\":null,\"doc\":\"d\"}")
               NULLABLE_END,
           rows, "field udps.small: type int found, long expected");
    refuse(NESTED("udps", "[\"null\",", LONG("smal")) NULLABLE_END, rows,
           "field udps.smal: no counter or plugin gives it; did you mean udps.small?");
    refuse(NESTED("udps", "[\"null\",", LONG("small")) NULLABLE_END, NULL,
           "field udps.small: no counter or plugin gives it; configure it under udps");
    refuse(
        NESTED(
            "udps", "[\"null\",",
            "{\"name\":\"udps\",\"doc\":\"d\",\"default\":null,\"type\":[\"null\",{\"type\":\"record\",\"name\":\"X\","
            "\"doc\":\"d\",\"fields\":[" LONG("small") "]}]}") NULLABLE_END,
        rows, "field udps.udps: unsupported union");
    close_bench(&bench);
}

static char *features_of(const char *packets, const char *plugin, bool compose,
                         char hash[CANONICAL_HASH_SIZE]) {
    struct bench bench;
    load_bench(&bench, packets, plugin);
    load_schema(&bench, "flow/v1", compose);
    bench.options.udps = bench.udps;
    bench.identity.meter = &bench.options;
    bench.identity.ndpi_version = "";
    char *text = features_text(bench.schema, &bench.identity, false, 0, NULL);
    assert_non_null(text);
    canonical_hash(text, hash);
    char *metering = metering_text(&bench.identity); /* whatever the schema binds */
    assert_true(strstr(metering, "\nudps.counter.a=") && strstr(metering, "\nudps.plugin.probe=3 end="));
    free(metering);
    close_bench(&bench);
    return text;
}

static void feature_hash_covers_definitions(void **state) {
    (void)state;
    char base[CANONICAL_HASH_SIZE], other[CANONICAL_HASH_SIZE];
    char *text = features_of("a=tcp", plugin_entry("none", "end=5"), true, base);
    assert_non_null(strstr(text, "\nudps.counter.a=packets tcp\n"));
    assert_non_null(strstr(text, "\nudps.plugin.probe=3 end=5\n"));
    assert_non_null(strstr(text, "\nfield.udps.src2dst_a=1\n"));
    free(text);
    free(features_of("a=udp", plugin_entry("none", "end=5"), true, other));
    assert_string_not_equal(base, other);
    free(features_of("a=tcp", plugin_entry("none", "end=6"), true, other));
    assert_string_not_equal(base, other);
    /* Where they are not bound, counters change nothing, but a plugin may end flows. */
    text = features_of("a=tcp", plugin_entry("none", "end=5"), false, other);
    assert_null(strstr(text, "udps.counter"));
    assert_non_null(strstr(text, "\nudps.plugin.probe=3 end=5\n"));
    free(text);
}

int main(void) {
    count_allocations();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_have_flat_names),
        cmocka_unit_test(columns_are_sorted),
        cmocka_unit_test(avro_has_a_nested_record),
        cmocka_unit_test(values_are_bounded),
        cmocka_unit_test(csv_lists_are_json),
        cmocka_unit_test(nothing_is_allocated_after_warm_up),
        cmocka_unit_test(composed_schemas_are_documented_and_stable),
        cmocka_unit_test(the_canonical_form_has_full_names),
        cmocka_unit_test(wrong_nested_records_are_refused),
        cmocka_unit_test(feature_hash_covers_definitions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
