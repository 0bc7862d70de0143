/* Records of the sensor itself: their values, what goes beside them, and that making one allocates nothing. */
#include "record/field/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "allocations.h"
#include "record/example_flow.h"
#include "record/example_report.h"
#include "record/recorder.h"

static struct example example;
static struct schema *schema;

static struct recorder *open_recorder(const char *encoding, enum meter_profile profile) {
    struct recorder *recorder = NULL;
    struct error error;
    example_init(&example, profile);
    const struct recorder_options options = {.output = "stats",
                                             .schema = schema,
                                             .encoding = encoding_find(encoding),
                                             .identity = &example.identity,
                                             .groups_on = EXAMPLE_ALL_GROUPS,
                                             .live = true};
    if (recorder_create(&options, &recorder, &error) < 0)
        fail_msg("%s", error.text);
    return recorder;
}

static struct message make(struct recorder *recorder, const struct sensor_report *report) {
    struct message message;
    assert_int_equal(recorder_make_report(recorder, report, &message), 0);
    return message;
}

/* The record in JSON, but for the fields whose values are not the report's. */
static void assert_json(struct recorder *recorder, const struct sensor_report *report, const char *expected) {
    struct message message = make(recorder, report);
    json_t *root = json_loadb((const char *)message.body, message.body_length, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(root);
    assert_int_equal(json_object_size(root), schema->field_count);
    assert_int_equal(json_string_length(json_object_get(root, "feature_hash")), 32);
    json_object_del(root, "feature_hash");
    char *text = json_dumps(root, JSON_COMPACT);
    assert_string_equal(text, expected);
    free(text);
    json_decref(root);
}

#define IDENTITY(seq)                                                                                        \
    "{\"sensor_id\":\"sensor-1\",\"boot_id\":\"6fa459ea-ee8a-4ca4-894e-db77e160355e\",\"output\":\"stats\"," \
    "\"seq\":" #seq ","

static void values_are_the_reports(void **state) {
    (void)state;
    for (int profile = PROFILE_NATIVE; profile <= PROFILE_NFSTREAM; profile++) {
        struct recorder *recorder = open_recorder("jsonl", (enum meter_profile)profile);
        assert_json(
            recorder, &example_report,
            IDENTITY(
                0) "\"report_time\":1700000060000001,\"start_time\":1700000000000000,\"interval_us\":60000001,"
                   "\"is_last\":false,\"flows_opened\":31,\"flows_expired\":21,\"flows_evicted\":4,\"flows_open\":10,"
                   "\"packets_processed\":100,\"packets_ignored\":5000000007,"
                   "\"packets_ignored_reasons\":[\"link_type\",\"not_ip\"],\"packets_ignored_counts\":[7,5000000000],"
                   "\"packets_dropped_kernel\":3,\"packets_dropped_interface\":2,"
                   "\"meters_packets_processing_balance\":[60,40],\"meters_memory\":81920,\"resident_memory\":4096000,"
                   "\"packets_truncated\":5,\"ring_freezes\":6,\"loss_gap_bytes\":1460,"
                   "\"overload_step\":4,\"packets_sampled_out\":90,\"packets_shed\":91}");
        const struct sensor_report last = {.is_last = true, .resident_memory = -1};
        assert_json(
            recorder, &last,
            IDENTITY(
                1) "\"report_time\":0,\"start_time\":0,\"interval_us\":0,\"is_last\":true,\"flows_opened\":0,"
                   "\"flows_expired\":0,\"flows_evicted\":0,\"flows_open\":0,\"packets_processed\":0,"
                   "\"packets_ignored\":0,\"packets_ignored_reasons\":[],\"packets_ignored_counts\":[],"
                   "\"packets_dropped_kernel\":0,\"packets_dropped_interface\":0,"
                   "\"meters_packets_processing_balance\":[],\"meters_memory\":0,\"resident_memory\":null,"
                   "\"packets_truncated\":0,\"ring_freezes\":0,\"loss_gap_bytes\":null,"
                   "\"overload_step\":0,\"packets_sampled_out\":0,\"packets_shed\":0}");
        recorder_destroy(recorder);
    }
}

static void messages_have_the_sensor_as_key(void **state) {
    (void)state;
    struct recorder *recorder = open_recorder("avro", PROFILE_NATIVE);
    for (uint64_t seq = 0; seq < 3; seq++) {
        struct message message = make(recorder, &example_report);
        assert_int_equal(message.seq, seq);
        assert_int_equal(message.key_length, strlen("sensor-1"));
        assert_memory_equal(message.key, "sensor-1", message.key_length);
        assert_string_equal(message.record_kind, "report");
        assert_ptr_equal(message.origin, recorder_origin(recorder));
    }
    recorder_destroy(recorder);
}

static void lists_are_cells_of_csv(void **state) {
    (void)state;
    struct recorder *recorder = open_recorder("csv", PROFILE_NATIVE);
    struct text header = recorder_header(recorder);
    assert_non_null(memmem(header.bytes, header.length, ",is_last,flows_opened,", 22));
    struct message message = make(recorder, &example_report);
    static const char lists[] =
        ",\"[\"\"link_type\"\", \"\"not_ip\"\"]\",\"[7, 5000000000]\",3,2,\"[60, 40]\",";
    assert_non_null(memmem(message.body, message.body_length, lists, sizeof lists - 1));
    recorder_destroy(recorder);
}

static void nothing_is_allocated(void **state) {
    (void)state;
    static const char *const encodings[] = {"avro", "csv", "jsonl"};
    for (int i = 0; i < 3; i++) {
        struct recorder *recorder = open_recorder(encodings[i], PROFILE_NATIVE);
        make(recorder, &example_report);
        size_t before = allocations;
        assert_true(before > 0);
        for (int round = 0; round < 100; round++)
            make(recorder, &example_report);
        assert_int_equal(allocations, before);
        recorder_destroy(recorder);
    }
}

static int set_up(void **state) {
    (void)state;
    return schema_load("sensor_stats/v1", NULL, false, &schema, NULL);
}

static int tear_down(void **state) {
    (void)state;
    schema_free(schema);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_the_reports),
        cmocka_unit_test(messages_have_the_sensor_as_key),
        cmocka_unit_test(lists_are_cells_of_csv),
        cmocka_unit_test(nothing_is_allocated),
    };
    count_allocations();
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
