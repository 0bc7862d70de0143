#include "sink/framing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void confluent_is_zero_and_the_id_big_endian(void **state) {
    (void)state;
    static const uint8_t expected[] = {0x00, 0x01, 0x02, 0x03, 0xff};
    struct framing framing;
    framing_make(&framing, "confluent", 0x010203ff, 1);
    assert_int_equal(framing.length, sizeof expected);
    assert_memory_equal(framing.prefix, expected, sizeof expected);
}

static void single_object_is_a_marker_and_the_fingerprint_little_endian(void **state) {
    (void)state;
    static const uint8_t expected[] = {0xc3, 0x01, 0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0xf1};
    struct framing framing;
    framing_make(&framing, "single_object", 1, UINT64_C(0xf102030405060708));
    assert_int_equal(framing.length, sizeof expected);
    assert_memory_equal(framing.prefix, expected, sizeof expected);
}

static void none_is_nothing(void **state) {
    (void)state;
    struct framing framing;
    framing_make(&framing, "none", 1, 1);
    assert_int_equal(framing.length, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(confluent_is_zero_and_the_id_big_endian),
        cmocka_unit_test(single_object_is_a_marker_and_the_fingerprint_little_endian),
        cmocka_unit_test(none_is_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
