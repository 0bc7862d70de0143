/* Headers, records and names of segments: what is put is got back, and no damaged byte is taken for a good one. */
#include "sink/spool/segment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "sink/spool/crc32c.h"
#include "sink/spool/cursor.h"

static const struct spool_origin origin = {
    .message = {"sensor-1", "boot-1", "flows", "", true},
    .schema_name = "flow/v2",
    .schema_sha256 = "ab12",
    .schema_text = "{}",
    .framing = "none",
    .schema_id = 70000,
};
static uint8_t bytes[1024];

static void names(void **state) {
    (void)state;
    static const char *const wrong[] = {
        "",
        "42.spool",
        "00000000000000000042.spoo",
        "00000000000000000042.spool.new",
        "0000000000000000004x.spool",
        "00000000000000000000.spool",
        "99999999999999999999.spool",
        "000000000000000000042.spool",
        "cursor",
    };
    char name[SEGMENT_NAME_SIZE];
    uint64_t first;
    segment_name(42, ".spool", name);
    assert_string_equal(name, "00000000000000000042.spool");
    assert_true(segment_name_parse(name, ".spool", &first));
    assert_int_equal(first, 42);
    segment_name(1, ".damaged", name);
    assert_string_equal(name, "00000000000000000001.damaged");
    assert_false(segment_name_parse(name, ".spool", &first));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(segment_name_parse(wrong[i], ".spool", &first));
}

static struct bytes header(void) {
    size_t size = segment_header_size(&origin);
    assert_true(size < sizeof bytes);
    segment_header_put(bytes, 1234567890123, 1700000000000000, &origin);
    return (struct bytes){bytes, size};
}

static void a_header_comes_back(void **state) {
    (void)state;
    struct segment_header got;
    struct bytes view = header();
    assert_int_equal(segment_header_length(bytes), view.length);
    assert_true(segment_header_get(view, &got));
    assert_int_equal(got.first, 1234567890123);
    assert_int_equal(got.begun, 1700000000000000);
    assert_int_equal(got.length, view.length);
    assert_string_equal(got.origin.message.sensor_id, "sensor-1");
    assert_string_equal(got.origin.message.boot_id, "boot-1");
    assert_string_equal(got.origin.message.output, "flows");
    assert_string_equal(got.origin.message.feature_hash, "");
    assert_true(got.origin.message.verify);
    assert_string_equal(got.origin.schema_name, "flow/v2");
    assert_string_equal(got.origin.schema_sha256, "ab12");
    assert_string_equal(got.origin.schema_text, "{}");
    assert_string_equal(got.origin.framing, "none");
    assert_int_equal(got.origin.schema_id, 70000);
}

static void a_header_with_any_other_byte_is_none(void **state) {
    (void)state;
    struct segment_header got;
    struct bytes view = header();
    for (size_t i = 0; i < view.length; i++) {
        bytes[i] ^= 0x10;
        assert_false(segment_header_get(view, &got));
        bytes[i] ^= 0x10;
    }
    for (size_t length = 0; length < view.length; length++)
        assert_false(segment_header_get((struct bytes){bytes, length}, &got));
}

/* A CRC that is right proves no good lengths. */
static void a_sealed_header_with_wrong_lengths_is_none(void **state) {
    (void)state;
    static const uint32_t lengths[] = {0, 1, 8, 10, 200, UINT32_MAX};
    struct segment_header got;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct bytes view = header();
        bytes_put_little_u32(bytes + 37, lengths[i]);
        bytes_put_little_u32(bytes + 12, crc32c(bytes + 16, view.length - 16));
        assert_false(segment_header_get(view, &got));
    }
    struct bytes view = header(); /* the last text has another length */
    bytes_put_little_u32(bytes + view.length - 7, 4);
    bytes_put_little_u32(bytes + 12, crc32c(bytes + 16, view.length - 16));
    assert_false(segment_header_get(view, &got));
    bytes_put_little_u32(bytes + 8, SEGMENT_HEADER_MAX + 1);
    assert_int_equal(segment_header_length(bytes), 0);
}

static struct bytes record(void) {
    const struct message message = {.body = (const uint8_t *)"body",
                                    .body_length = 4,
                                    .key = "key",
                                    .key_length = 3,
                                    .seq = 99,
                                    .record_kind = "final",
                                    .anon_key_id = "0123456789abcdef"};
    size_t size = segment_record_size(&message);
    segment_record_put(bytes, size, 17, 1700000000000001, -1, &message);
    segment_record_seal(bytes);
    assert_int_equal(segment_record_whole_size(bytes), size);
    return (struct bytes){bytes, size};
}

static void a_record_comes_back(void **state) {
    (void)state;
    struct spool_record got;
    struct bytes view = record();
    size_t size;
    assert_int_equal(segment_record_check(view, 17, &size), SEGMENT_WHOLE);
    assert_int_equal(size, view.length);
    segment_record_get(bytes, &got);
    assert_int_equal(got.position, 17);
    assert_int_equal(got.lane, -1);
    assert_int_equal(got.message.seq, 99);
    assert_int_equal(got.message.body_length, 4);
    assert_memory_equal(got.message.body, "body", 4);
    assert_int_equal(got.message.key_length, 3);
    assert_memory_equal(got.message.key, "key", 3);
    assert_string_equal(got.message.record_kind, "final");
    assert_string_equal(got.message.anon_key_id, "0123456789abcdef");
    assert_int_equal(segment_record_time(bytes), 1700000000000001);
}

static void a_record_with_any_other_byte_is_none(void **state) {
    (void)state;
    struct bytes view = record();
    size_t size;
    for (size_t i = 0; i < view.length; i++) {
        bytes[i] ^= 0x04;
        assert_int_not_equal(segment_record_check(view, 17, &size), SEGMENT_WHOLE);
        bytes[i] ^= 0x04;
    }
    for (size_t length = 0; length < view.length; length++)
        assert_int_equal(segment_record_check((struct bytes){bytes, length}, 17, &size), SEGMENT_SHORT);
    assert_int_equal(segment_record_check(view, 18, &size), SEGMENT_BAD);
    memset(bytes, 0, sizeof bytes);
    assert_int_equal(segment_record_check(view, 0, &size), SEGMENT_BAD);
}

static void a_sealed_record_with_wrong_lengths_is_none(void **state) {
    (void)state;
    static const struct {
        size_t at;
        uint8_t value;
    } wrong[] = {{36, 255}, {38, 0}, {38, 5}, {38, 255}, {39, 17}};
    size_t size;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct bytes view = record();
        bytes[wrong[i].at] = wrong[i].value;
        segment_record_seal(bytes);
        assert_int_equal(segment_record_check(view, 17, &size), SEGMENT_BAD);
    }
}

static void the_cursor_comes_back(void **state) {
    (void)state;
    const struct spool_lane lanes[] = {{-1, 7}, {5, 1000}};
    struct spool_lane got[2];
    uint64_t low;
    size_t size = cursor_size(2);
    struct bytes view = {bytes, size};
    cursor_put(bytes, 6, lanes, 2, 900); /* no further than what is on disk */
    assert_int_equal(cursor_lanes(view), 2);
    assert_true(cursor_get(view, &low, got));
    assert_int_equal(low, 6);
    assert_int_equal(got[0].lane, -1);
    assert_int_equal(got[0].position, 7);
    assert_int_equal(got[1].lane, 5);
    assert_int_equal(got[1].position, 900);
    for (size_t i = 0; i < size; i++) {
        bytes[i] ^= 0x01;
        assert_false(cursor_get(view, &low, NULL));
        bytes[i] ^= 0x01;
    }
    for (size_t length = 0; length < size; length++)
        assert_false(cursor_get((struct bytes){bytes, length}, &low, NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(a_header_comes_back),
        cmocka_unit_test(a_header_with_any_other_byte_is_none),
        cmocka_unit_test(a_sealed_header_with_wrong_lengths_is_none),
        cmocka_unit_test(a_record_comes_back),
        cmocka_unit_test(a_record_with_any_other_byte_is_none),
        cmocka_unit_test(a_sealed_record_with_wrong_lengths_is_none),
        cmocka_unit_test(the_cursor_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
