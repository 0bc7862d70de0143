/* Loading and binding: embedded schemas, schema files, and each way in which a schema does not fit, with its line. */
#include "record/schema/schema.h"

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "record/schema/embedded.h"

/* A schema file of our own in the current folder; removed by drop(). */
static char *store(const char *fields) {
    static char path[] = "schema_test_XXXXXX";
    strcpy(path, "schema_test_XXXXXX");
    int file = mkstemp(path);
    assert_true(file >= 0);
    FILE *stream = fdopen(file, "w");
    assert_non_null(stream);
    fprintf(stream,
            "{\"type\":\"record\",\"name\":\"Slim\",\"namespace\":\"test\",\"doc\":\"d\",\"fields\":[%s]}",
            fields);
    fclose(stream);
    return path;
}

static struct schema *load(const char *fields) {
    struct schema *schema = NULL;
    struct error error;
    char *path = store(fields);
    int status = schema_load(path, NULL, false, &schema, &error);
    unlink(path);
    if (status < 0)
        fail_msg("%s", error.text);
    return schema;
}

/* `line` is what stands behind "schema PATH: ". */
static void assert_refused(const char *fields, const char *line) {
    struct schema *schema = NULL;
    struct error error = {0};
    char *path = store(fields), expected[ERROR_TEXT_SIZE];
    assert_int_equal(schema_load(path, NULL, false, &schema, &error), -EINVAL);
    unlink(path);
    assert_null(schema);
    assert_int_equal(error.exit_code, EX_CONFIG);
    snprintf(expected, sizeof expected, "schema %s: %s", path, line);
    assert_string_equal(error.text, expected);
}

/* The fingerprints are those that fastavro computes of the same files. */
static void embedded_schemas_load(void **state) {
    (void)state;
    static const struct {
        const char *name, *full_name;
        uint64_t fingerprint;
        enum field_records records;
    } cases[] = {
        {"flow/v1", "flowsensor.flow.Flow", UINT64_C(0x05c6cbb347e2dd4d), OF_FLOW},
        {"flow/v2", "flowsensor.flow.Flow", UINT64_C(0x2ad7150f2b3061f2), OF_FLOW},
        {"flow/v3", "flowsensor.flow.Flow", UINT64_C(0xf6af4d3e82f07e87), OF_FLOW},
        {"flow_full/v1", "flowsensor.flow_full.Flow", UINT64_C(0x9a4c532e480b179b), OF_FLOW},
        {"flow_lite/v1", "flowsensor.flow_lite.Flow", UINT64_C(0x3c7a33e51e3f7ad5), OF_FLOW},
        {"heartbeat/v1", "flowsensor.heartbeat.Heartbeat", UINT64_C(0xa51711ae971acb88), OF_SENSOR},
        {"ndpi_dictionary/v1", "flowsensor.ndpi_dictionary.Protocol", UINT64_C(0xe59b481edc8d87bd),
         OF_PROTOCOL},
        {"nfstream/v1", "flowsensor.nfstream.Flow", UINT64_C(0x1d9d33d26f4c6399), OF_FLOW},
        {"sensor_stats/v1", "flowsensor.sensor_stats.SensorStats", UINT64_C(0xb3d1d0db636adcb1), OF_SENSOR},
    };
    const char *const *names = schema_embedded_names();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct schema *schema;
        assert_string_equal(names[i], cases[i].name);
        assert_int_equal(schema_load(cases[i].name, NULL, false, &schema, NULL), 0);
        assert_string_equal(schema->full_name, cases[i].full_name);
        assert_int_equal(schema->text_length, embedded_schemas[i].length);
        assert_memory_equal(schema->text, embedded_schemas[i].text, schema->text_length);
        assert_int_equal(strlen(schema->sha256), 64);
        if (schema->fingerprint != cases[i].fingerprint)
            fail_msg("%s: fingerprint %016" PRIx64, cases[i].name, schema->fingerprint);
        assert_int_equal(schema->records, cases[i].records);
        assert_int_equal(schema_is_of_heartbeats(schema), strncmp(names[i], "heartbeat/", 10) == 0);
        schema_free(schema);
    }
    assert_null(names[sizeof cases / sizeof cases[0]]);
}

/* The shipped file and the embedded text are the same, byte by byte. */
static void embedded_text_is_the_file(void **state) {
    (void)state;
    char path[4096];
    const char *root = getenv("SOURCE_ROOT");
    assert_non_null(root);
    snprintf(path, sizeof path, "%s/schemas/flow/v1.avsc", root);
    struct schema *embedded, *file;
    assert_int_equal(schema_load("flow/v1", NULL, false, &embedded, NULL), 0);
    assert_int_equal(schema_load(path, NULL, false, &file, NULL), 0);
    assert_string_equal(file->name, path);
    assert_string_equal(file->sha256, embedded->sha256);
    assert_int_equal(file->fingerprint, embedded->fingerprint);
    schema_free(file);
    schema_free(embedded);
}

static void fields_are_bound_in_order(void **state) {
    (void)state;
    struct schema *schema = load(
        "{\"name\":\"dst_port\",\"doc\":\"d\",\"type\":\"int\"},"
        "{\"name\":\"src2dst_mean_ps\",\"doc\":\"d\",\"type\":[\"null\",\"double\"],\"default\":null},"
        "{\"name\":\"dst2src_first_seen\",\"doc\":\"d\",\"type\":[\"null\",{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}],\"default\":null}");
    assert_int_equal(schema->field_count, 3);
    assert_string_equal(schema->fields[1].name, "src2dst_mean_ps");
    assert_string_equal(schema->fields[1].row->name, "mean_ps");
    assert_int_equal(schema->fields[1].direction, SRC2DST);
    assert_true(schema->fields[1].nullable);
    assert_false(schema->fields[0].nullable);
    assert_int_equal(schema->fields[2].row->type, VALUE_TIMESTAMP);
    assert_int_equal(schema_groups(schema), 1u << GROUP_CORE | 1u << GROUP_STATS);
    schema_free(schema);
}

static void wrong_fields_are_refused(void **state) {
    (void)state;
    assert_refused("{\"name\":\"src_prot\",\"doc\":\"d\",\"type\":\"int\"}",
                   "field src_prot: the sensor has no such value; did you mean src_port?");
    assert_refused(
        "{\"name\":\"temperature_of_the_sea\",\"doc\":\"d\",\"type\":\"int\"}",
        "field temperature_of_the_sea: the sensor has no such value; take it off, or take a name of the field reference");
    assert_refused("{\"name\":\"src_port\",\"doc\":\"d\",\"type\":\"long\"}",
                   "field src_port: type long found, int expected; change the schema's type");
    assert_refused("{\"name\":\"splt_ps\",\"doc\":\"d\",\"type\":{\"type\":\"array\",\"items\":\"long\"}}",
                   "field splt_ps: type array<long> found, array<int> expected; change the schema's type");
    assert_refused(
        "{\"name\":\"src2dst_first_seen\",\"doc\":\"d\",\"type\":\"long\"}",
        "field src2dst_first_seen: type long found, timestamp-micros expected; change the schema's type");
    assert_refused(
        "{\"name\":\"icmp_type\",\"doc\":\"d\",\"type\":\"int\"}",
        "field icmp_type: the value can be null; its type must be [\"null\", int] with default null");
    assert_refused(
        "{\"name\":\"bidirectional_loss_gap_bytes\",\"doc\":\"d\",\"type\":\"long\"}",
        "field bidirectional_loss_gap_bytes: the value can be null; its type must be [\"null\", long] with default null");
    assert_refused(
        "{\"name\":\"bidirectional_duration_us\",\"doc\":\"d\",\"type\":\"long\"},"
        "{\"name\":\"id\",\"doc\":\"d\",\"type\":\"long\"}",
        "field id: exists only in the profile nfstream, but field bidirectional_duration_us only in native; take one of them off");
    assert_refused(
        "{\"name\":\"seq\",\"doc\":\"d\",\"type\":\"long\"},"
        "{\"name\":\"flows_open\",\"doc\":\"d\",\"type\":\"long\"},"
        "{\"name\":\"src_port\",\"doc\":\"d\",\"type\":\"int\"}",
        "field src_port: exists only in records of flows, but field flows_open only in those of the sensor itself; take one of them off");
    assert_refused(
        "{\"name\":\"ndpi_version\",\"doc\":\"d\",\"type\":\"string\"},"
        "{\"name\":\"protocol_id\",\"doc\":\"d\",\"type\":\"int\"},"
        "{\"name\":\"src_port\",\"doc\":\"d\",\"type\":\"int\"}",
        "field src_port: exists only in records of flows, but field protocol_id only in those of nDPI's protocols; take one of them off");
    assert_refused(
        "{\"name\":\"seq\",\"doc\":\"d\",\"type\":\"long\"},"
        "{\"name\":\"protocol_id\",\"doc\":\"d\",\"type\":\"int\"}",
        "field protocol_id: exists only in records of nDPI's protocols, but field seq only in those of flows or the sensor itself; take one of them off");
    assert_refused("", "no fields; add at least one to \"fields\"");
}

/* A name with a row for each profile is filled by the profile's own. */
static void rows_depend_on_the_profile(void **state) {
    (void)state;
    struct schema *schema =
        load("{\"name\":\"splt_ps\",\"doc\":\"d\",\"type\":{\"type\":\"array\",\"items\":\"int\"}},"
             "{\"name\":\"src_ip\",\"doc\":\"d\",\"type\":\"string\"}");
    const struct catalogue_row *native = bound_field_row(&schema->fields[0], PROFILE_NATIVE);
    const struct catalogue_row *nfstream = bound_field_row(&schema->fields[0], PROFILE_NFSTREAM);
    assert_int_equal(native->profiles, IN_NATIVE);
    assert_int_equal(nfstream->profiles, IN_NFSTREAM);
    assert_int_equal(schema_check_profile(schema, PROFILE_NATIVE, NULL), 0);
    assert_int_equal(schema_check_profile(schema, PROFILE_NFSTREAM, NULL), 0);
    schema_free(schema);

    /* Not null: only NFStream's row promises that. */
    struct error error;
    schema = load("{\"name\":\"user_agent\",\"doc\":\"d\",\"type\":\"string\"}");
    assert_null(bound_field_row(&schema->fields[0], PROFILE_NATIVE));
    assert_non_null(bound_field_row(&schema->fields[0], PROFILE_NFSTREAM));
    assert_int_equal(schema_check_profile(schema, PROFILE_NATIVE, &error), -EINVAL);
    schema_free(schema);
}

static void profile_is_checked(void **state) {
    (void)state;
    struct schema *schema;
    struct error error;
    assert_int_equal(schema_load("nfstream/v1", NULL, false, &schema, NULL), 0);
    assert_int_equal(schema_check_profile(schema, PROFILE_NATIVE, &error), -EINVAL);
    assert_int_equal(error.exit_code, EX_CONFIG);
    assert_string_equal(
        error.text,
        "schema nfstream/v1: field id: exists only in the profile nfstream; set profile = \"nfstream\", or take another schema (flow/v2)");
    schema_free(schema);
    assert_int_equal(schema_load("flow/v1", NULL, false, &schema, NULL), 0);
    assert_int_equal(schema_check_profile(schema, PROFILE_NFSTREAM, &error), -EINVAL);
    assert_string_equal(
        error.text,
        "schema flow/v1: field tunnel_key: exists only in the profile native; set profile = \"native\", or take another schema (nfstream/v1)");
    schema_free(schema);
}

/* Text has capture_file whatever the schema says, but once, and only where it can tell something. */
static void text_has_a_column_behind_the_fields(void **state) {
    (void)state;
    static const struct {
        const char *schema;
        enum meter_profile profile;
        bool has_column;
    } cases[] = {
        {"flow/v1", PROFILE_NATIVE, true},        {"flow/v2", PROFILE_NATIVE, false},
        {"nfstream/v1", PROFILE_NFSTREAM, false}, {"sensor_stats/v1", PROFILE_NATIVE, false},
        {"heartbeat/v1", PROFILE_NATIVE, false},  {"ndpi_dictionary/v1", PROFILE_NATIVE, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct schema *schema;
        assert_int_equal(schema_load(cases[i].schema, NULL, false, &schema, NULL), 0);
        const struct bound_field *column = schema_text_column(schema, cases[i].profile);
        assert_int_equal(column != NULL, cases[i].has_column);
        if (column != NULL)
            assert_string_equal(column->name, "capture_file");
        schema_free(schema);
    }
}

static void unknown_names_are_refused(void **state) {
    (void)state;
    struct schema *schema = NULL;
    struct error error;
    assert_int_equal(schema_load("flow/v9", NULL, false, &schema, &error), -ENOENT);
    assert_int_equal(error.exit_code, EX_CONFIG);
    assert_string_equal(
        error.text,
        "schema flow/v9: neither embedded nor a readable file (No such file or directory); did you mean flow/v1?");
    assert_int_equal(schema_load("/nonexistent/x.avsc", NULL, false, &schema, &error), -ENOENT);
    assert_string_equal(
        error.text,
        "schema /nonexistent/x.avsc: neither embedded nor a readable file (No such file or directory); give flow/v2, flow/v1, flow/v3, flow_lite/v1, flow_full/v1, nfstream/v1, sensor_stats/v1, heartbeat/v1, ndpi_dictionary/v1 or the path of an .avsc file");
    assert_int_equal(schema_load("/", NULL, false, &schema, &error), -EISDIR);
    assert_int_equal(schema_load("/dev/zero", NULL, false, &schema, &error), -EINVAL);
    assert_string_equal(error.text, "schema /dev/zero: larger than 1 MiB; choose fewer fields");
    unlink("schema_test_fifo"); /* of a run that failed */
    assert_int_equal(mkfifo("schema_test_fifo", 0600), 0);
    assert_int_equal(schema_load("schema_test_fifo", NULL, false, &schema, &error), -EINVAL);
    unlink("schema_test_fifo");
    assert_null(schema);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(embedded_schemas_load),      cmocka_unit_test(embedded_text_is_the_file),
        cmocka_unit_test(fields_are_bound_in_order),  cmocka_unit_test(wrong_fields_are_refused),
        cmocka_unit_test(rows_depend_on_the_profile), cmocka_unit_test(profile_is_checked),
        cmocka_unit_test(unknown_names_are_refused),  cmocka_unit_test(text_has_a_column_behind_the_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
