/* Records of nDPI's protocols: values, key, and that a schema of them has no user-defined fields. */
#include "record/recorder_bench.h"

#include <stdlib.h>
#include <string.h>

#include "record/example_protocol.h"

static void values_are_the_protocols(void **state) {
    (void)state;
    struct bench bench = open_bench("ndpi_dictionary/v1", "jsonl", PROFILE_NATIVE, EXAMPLE_ALL_GROUPS);
    struct message message;
    assert_int_equal(recorder_make_protocol(bench.recorder, &example_protocol, &message), 0);
    static const char expected[] =
        "{\"ndpi_version\":\"4.2.0\",\"protocol_id\":124,\"protocol_name\":\"YouTube\",\"category_id\":1,"
        "\"category_name\":\"Media\",\"breed\":\"Fun\"}\n";
    assert_int_equal(message.body_length, sizeof expected - 1);
    assert_memory_equal(message.body, expected, message.body_length);
    close_bench(bench);
}

/* What a compacted topic keeps one record of. */
static void the_key_is_version_and_number(void **state) {
    (void)state;
    struct bench bench = open_bench("ndpi_dictionary/v1", "avro", PROFILE_NFSTREAM, EXAMPLE_ALL_GROUPS);
    struct message message;
    struct l7_protocol protocol = example_protocol;
    static const char *const keys[] = {"5.0.0-5021-0a1b2c3:0", "5.0.0-5021-0a1b2c3:65535"};
    example.identity.ndpi_version = "5.0.0-5021-0a1b2c3";
    for (uint64_t seq = 0; seq < 2; seq++) {
        protocol.id = seq == 0 ? 0 : UINT16_MAX;
        assert_int_equal(recorder_make_protocol(bench.recorder, &protocol, &message), 0);
        assert_int_equal(message.key_length, strlen(keys[seq]));
        assert_memory_equal(message.key, keys[seq], message.key_length);
        assert_int_equal(message.seq, seq);
        assert_string_equal(message.record_kind, "protocol");
    }
    close_bench(bench);
}

/* Names come from a library: whatever is in them, a record can be read. */
static void names_are_made_clean(void **state) {
    (void)state;
    struct bench bench = open_bench("ndpi_dictionary/v1", "jsonl", PROFILE_NATIVE, EXAMPLE_ALL_GROUPS);
    struct message message;
    const struct l7_protocol protocol = {.name = "\xff", .category_name = "", .breed = "\"\n"};
    assert_int_equal(recorder_make_protocol(bench.recorder, &protocol, &message), 0);
    static const char end[] =
        "\"protocol_name\":\"\uFFFD\",\"category_id\":0,\"category_name\":\"\",\"breed\":\"\\\"\\n\"}\n";
    assert_memory_equal(message.body + message.body_length - sizeof end + 1, end, sizeof end - 1);
    close_bench(bench);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_the_protocols),
        cmocka_unit_test(the_key_is_version_and_number),
        cmocka_unit_test(names_are_made_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
