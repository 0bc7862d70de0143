#include "base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const uint8_t data[] = {0x01, 0x82, 0x83, 0x84, 0x05};
static const struct bytes view = {data, sizeof data};

static void the_end_is_known(void **state) {
    (void)state;
    assert_true(bytes_have(view, 0, 5));
    assert_true(bytes_have(view, 5, 0));
    assert_false(bytes_have(view, 0, 6));
    assert_false(bytes_have(view, 5, 1));
    assert_false(bytes_have(view, 6, 0));
    assert_false(bytes_have(view, SIZE_MAX, 2));
    assert_false(bytes_have(view, 2, SIZE_MAX));
}

static void words_are_big_endian(void **state) {
    (void)state;
    assert_int_equal(bytes_u8(view, 4), 0x05);
    assert_int_equal(bytes_u16(view, 1), 0x8283);
    assert_int_equal(bytes_u32(view, 1), 0x82838405);
}

static void views_shrink_to_nothing(void **state) {
    (void)state;
    assert_int_equal(bytes_from(view, 2).length, 3);
    assert_ptr_equal(bytes_from(view, 2).data, data + 2);
    assert_int_equal(bytes_from(view, 9).length, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_end_is_known),
        cmocka_unit_test(words_are_big_endian),
        cmocka_unit_test(views_shrink_to_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
