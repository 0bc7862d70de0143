/* Recorders: the numbers beside a record, groups that are off, and that nothing is allocated once it runs. */
#include "record/recorder_bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "allocations.h"
#include "record/contract/metering.h"

static void numbers_and_origin(void **state) {
    (void)state;
    struct bench bench = open_bench("flow/v1", "avro", PROFILE_NATIVE, EXAMPLE_ALL_GROUPS);
    struct message message;
    for (uint64_t seq = 0; seq < 3; seq++) {
        assert_int_equal(recorder_make(bench.recorder, &example.flow, &message), 0);
        assert_int_equal(message.seq, seq);
        assert_int_equal(message.key_length, 32);
        assert_string_equal(message.record_kind, "final");
        assert_ptr_equal(message.origin, recorder_origin(bench.recorder));
    }
    assert_string_equal(message.origin->output, "main");
    assert_string_equal(message.origin->sensor_id, "sensor-1");
    assert_int_equal(strlen(message.origin->feature_hash), 32);
    assert_int_equal(recorder_header(bench.recorder).length, 0);
    assert_non_null(strstr(recorder_features(bench.recorder), "profile=native\n"));
    close_bench(bench);
}

static void flow_uid_is_of_key_and_time(void **state) {
    (void)state;
    struct bench bench = open_bench("flow/v1", "avro", PROFILE_NATIVE, EXAMPLE_ALL_GROUPS);
    struct message message;
    struct flow *flow = &example.flow;
    char first[33] = {0};
    assert_int_equal(recorder_make(bench.recorder, flow, &message), 0);
    memcpy(first, message.key, 32);
    assert_int_equal(strspn(first, "0123456789abcdef"), 32);
    /* Neither slice nor counters are in it, so that it stays over slices. */
    flow->slice = 3;
    flow->ways[0].packets++;
    assert_int_equal(recorder_make(bench.recorder, flow, &message), 0);
    assert_memory_equal(message.key, first, 32);
#define CHANGE(field)                                                       \
    do {                                                                    \
        (field) ^= 1;                                                       \
        assert_int_equal(recorder_make(bench.recorder, flow, &message), 0); \
        assert_memory_not_equal(message.key, first, 32);                    \
        (field) ^= 1;                                                       \
    } while (0)
    CHANGE(flow->uid_time);
    CHANGE(flow->uid_series);
    CHANGE(flow->key.address_a[0]);
    CHANGE(flow->key.address_b[15]);
    CHANGE(flow->key.port_a);
    CHANGE(flow->key.port_b);
    CHANGE(flow->key.vlan_id);
    CHANGE(flow->key.protocol);
    CHANGE(flow->key.ip_version);
    CHANGE(flow->key.tunnel);
    CHANGE(example.identity.key.word[1]);
#undef CHANGE
    close_bench(bench);
}

static void text_forms_leave_groups_out(void **state) {
    (void)state;
    struct bench bench =
        open_bench("nfstream/v1", "csv", PROFILE_NFSTREAM, 1u << GROUP_IDENTITY | 1u << GROUP_CORE);
    struct text header = recorder_header(bench.recorder);
    static const char end[] = "dst2src_packets,dst2src_bytes\r\n";
    assert_true(header.length > sizeof end);
    assert_memory_equal(header.bytes + header.length - sizeof end + 1, end, sizeof end - 1);
    assert_null(memmem(header.bytes, header.length, "tunnel_id", 9));
    struct message message;
    assert_int_equal(recorder_make(bench.recorder, &example.flow, &message), 0);
    size_t columns = 1;
    for (size_t i = 0; i < message.body_length; i++)
        columns += message.body[i] == ',';
    assert_int_equal(columns, 13 + 15);
    close_bench(bench);
}

/* A group that is off is not read: its state is not even there. */
static void groups_that_are_off_are_null(void **state) {
    (void)state;
    struct bench bench = open_bench("flow/v1", "avro", PROFILE_NATIVE,
                                    1u << GROUP_IDENTITY | 1u << GROUP_QUALITY | 1u << GROUP_CORE);
    example.shared = (struct flow_shared){0};
    struct message message;
    assert_int_equal(recorder_make(bench.recorder, &example.flow, &message), 0);
    close_bench(bench);
}

static void schemas_that_need_a_group(void **state) {
    (void)state;
    static const char text[] =
        "{\"type\":\"record\",\"name\":\"S\",\"namespace\":\"t\",\"doc\":\"d\",\"fields\":["
        "{\"name\":\"splt_ps\",\"doc\":\"d\",\"type\":{\"type\":\"array\",\"items\":\"int\"}}]}";
    char path[] = "recorder_test_XXXXXX";
    int file = mkstemp(path);
    FILE *stream = fdopen(file, "w");
    assert_non_null(stream);
    fputs(text, stream);
    fclose(stream);
    struct schema *schema;
    assert_int_equal(schema_load(path, NULL, false, &schema, NULL), 0);
    remove(path);
    example_init(&example, PROFILE_NATIVE);
    struct recorder_options options = {.output = "main",
                                       .schema = schema,
                                       .encoding = encoding_find("avro"),
                                       .identity = &example.identity,
                                       .groups_on = 1u << GROUP_CORE};
    struct recorder *recorder = NULL;
    struct error error;
    assert_int_equal(recorder_create(&options, &recorder, &error), -EINVAL);
    assert_int_equal(error.exit_code, EX_CONFIG);
    assert_non_null(strstr(
        error.text,
        ": field splt_ps can't be null, but its group splt is off; switch on meter.splt_analysis, or allow null in the schema"));
    assert_null(recorder);
    options.groups_on = EXAMPLE_ALL_GROUPS;
    strcpy(example.identity.sensor_id, "bad\xFF");
    assert_int_equal(recorder_create(&options, &recorder, &error), -EINVAL);
    assert_string_equal(error.text, "identity.sensor_id is not valid UTF-8; give another name");
    schema_free(schema);
}

static void nothing_is_allocated(void **state) {
    (void)state;
    static const char *const encodings[] = {"avro", "csv", "jsonl"};
    for (int i = 0; i < 6; i++) {
        bool nfstream = i >= 3;
        struct bench bench = open_bench(nfstream ? "nfstream/v1" : "flow/v1", encodings[i % 3],
                                        nfstream ? PROFILE_NFSTREAM : PROFILE_NATIVE, EXAMPLE_ALL_GROUPS);
        size_t before = 0;
        for (uint32_t round = 0; round < 1000; round++) {
            struct message message;
            /* Null and not null by turns, and a text that has to be cleaned. */
            example_set_splt(&example, EXAMPLE_SPLT_PLACES - round % EXAMPLE_SPLT_PLACES);
            example.flow.first_flags = round % 2 ? PACKET_HAS_MAC : PACKET_HAS_ICMP;
            const char *const texts[L7_TEXTS] = {[L7_SERVER_NAME] = round % 3 ? "name\xFF" : NULL};
            example_set_texts(&example, texts);
            if (round == 10)
                before = allocations;
            assert_int_equal(recorder_make(bench.recorder, &example.flow, &message), 0);
        }
        assert_true(before > 0);
        assert_int_equal(allocations, before);
        close_bench(bench);
    }
}

static bool has_text(const struct message *message, const char *text) {
    return memmem(message->body, message->body_length, text, strlen(text)) != NULL;
}

/* Whether the next record says that it was metered so. */
static bool is_metered_by(struct bench *bench, const struct identity *identity) {
    struct message message;
    char feature[CANONICAL_HASH_SIZE], metering[CANONICAL_HASH_SIZE];
    canonical_hash(recorder_features(bench->recorder), feature);
    assert_true(metering_hash(identity, metering));
    assert_int_equal(recorder_make(bench->recorder, &example.flow, &message), 0);
    return has_text(&message, feature) && has_text(&message, metering);
}

/* Hashes are those of the timeouts in force, whether records have them as encoded constants or not. */
static void another_contract_has_other_hashes(void **state) {
    (void)state;
    static const char *const encodings[] = {"avro", "jsonl"};
    for (size_t i = 0; i < 2; i++) {
        struct bench bench = open_bench("flow/v2", encodings[i], PROFILE_NATIVE, EXAMPLE_ALL_GROUPS);
        struct identity identity = example.identity;
        struct meter_options meter = *identity.meter;
        struct error error = {0};
        identity.meter = &meter;
        const struct recorder_options options = {.output = "main",
                                                 .schema = bench.schema,
                                                 .encoding = encoding_find(encodings[i]),
                                                 .identity = &identity,
                                                 .groups_on = EXAMPLE_ALL_GROUPS};
        for (int turn = 0; turn < 3; turn++) {
            assert_true(is_metered_by(&bench, &identity));
            struct identity before = identity;
            struct meter_options meter_before = meter;
            before.meter = &meter_before;
            meter.idle_timeout += 1000000;
            assert_int_equal(recorder_prepare_contract(bench.recorder, &options, &error), 0);
            assert_true(is_metered_by(&bench, &before));
            recorder_take_contract(bench.recorder);
            assert_false(is_metered_by(&bench, &before));
        }
        close_bench(bench);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_and_origin),
        cmocka_unit_test(flow_uid_is_of_key_and_time),
        cmocka_unit_test(text_forms_leave_groups_out),
        cmocka_unit_test(groups_that_are_off_are_null),
        cmocka_unit_test(schemas_that_need_a_group),
        cmocka_unit_test(nothing_is_allocated),
        cmocka_unit_test(another_contract_has_other_hashes),
    };
    count_allocations();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
