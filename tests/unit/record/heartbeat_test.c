/* Records of heartbeats: their values, and what is null. */
#include "record/field/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "record/example_flow.h"
#include "record/example_report.h"
#include "record/recorder.h"

static struct example example;
static struct schema *schema;
static struct recorder *recorder;

static int open_recorder(void **state) {
    (void)state;
    struct error error;
    if (schema_load("heartbeat/v1", NULL, false, &schema, &error) < 0)
        return -1;
    example_init(&example, PROFILE_NATIVE);
    const struct recorder_options options = {.output = "heartbeats",
                                             .schema = schema,
                                             .encoding = encoding_find("jsonl"),
                                             .identity = &example.identity,
                                             .groups_on = EXAMPLE_ALL_GROUPS,
                                             .live = true};
    return recorder_create(&options, &recorder, &error);
}

static int close_recorder(void **state) {
    (void)state;
    recorder_destroy(recorder);
    schema_free(schema);
    return 0;
}

static json_t *make(const struct sensor_report *report) {
    struct message message;
    assert_int_equal(recorder_make_report(recorder, report, &message), 0);
    assert_string_equal(message.record_kind, "report");
    assert_memory_equal(message.key, "sensor-1", message.key_length);
    json_t *root = json_loadb((const char *)message.body, message.body_length, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(root);
    return root;
}

static void values_are_the_heartbeats(void **state) {
    (void)state;
    json_t *root = make(&example_report);
    assert_int_equal(json_string_length(json_object_get(root, "feature_hash")), 32);
    json_object_del(root, "feature_hash");
    char *text = json_dumps(root, JSON_COMPACT);
    assert_string_equal(
        text,
        "{\"sensor_id\":\"sensor-1\",\"boot_id\":\"6fa459ea-ee8a-4ca4-894e-db77e160355e\",\"output\":\"heartbeats\","
        "\"seq\":0,\"heartbeat_time\":1700000060000001,\"heartbeat_interval_us\":1000000,\"interval_us\":60000001,"
        "\"is_last\":false,\"least_record_time\":1700000059000003,\"oldest_open_first_seen\":1700000040000001,"
        "\"least_last_seen\":1700000050000002,\"outputs\":[\"flows\",\"more\"],\"last_seqs\":[20,-1],"
        "\"records_made\":[21,0],\"records_acknowledged\":[17,0],\"records_dropped\":[3,0],"
        "\"packets_processed\":100,\"packets_dropped_kernel\":3,\"flows_opened\":31,\"flows_expired\":21,"
        "\"flows_open\":10}");
    free(text);
    json_decref(root);
}

static void assert_null_fields(const struct sensor_report *report, bool first_seen, bool others) {
    json_t *root = make(report);
    assert_int_equal(json_is_null(json_object_get(root, "oldest_open_first_seen")), first_seen);
    assert_int_equal(json_is_null(json_object_get(root, "least_last_seen")), others);
    assert_int_equal(json_is_null(json_object_get(root, "least_record_time")), others);
    json_decref(root);
}

static void what_is_not_known_is_null(void **state) {
    (void)state;
    struct sensor_report report = example_report;
    assert_null_fields(&report, false, false);
    report.heartbeat.bounds.has_open = false;
    assert_null_fields(&report, true, false);
    report.heartbeat.bounds = (struct meter_bounds){.has_open = true};
    assert_null_fields(&report, true, true);
    report.heartbeat = (struct sensor_heartbeat){0};
    json_t *root = make(&report);
    assert_int_equal(json_array_size(json_object_get(root, "outputs")), 0);
    assert_int_equal(json_array_size(json_object_get(root, "last_seqs")), 0);
    json_decref(root);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(values_are_the_heartbeats, open_recorder, close_recorder),
        cmocka_unit_test_setup_teardown(what_is_not_known_is_null, open_recorder, close_recorder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
