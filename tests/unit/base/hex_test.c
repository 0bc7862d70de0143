/* Hex digits, against printf(). */
#include "base/hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void every_byte_at_every_place(void **state) {
    (void)state;
    enum { BYTES = 8 };
    for (unsigned byte = 0; byte < 256; byte++) {
        for (unsigned place = 0; place < BYTES; place++) {
            uint8_t bytes[BYTES] = {0x09, 0xa0, 0xff, 0x1f, 0xf1, 0x5a, 0xa5, 0x90};
            char digits[2 * BYTES], expected[2 * BYTES + 1];
            bytes[place] = (uint8_t)byte;
            for (size_t i = 0; i < BYTES; i++)
                snprintf(expected + 2 * i, 3, "%02x", bytes[i]);
            hex_put(digits, bytes, BYTES);
            assert_memory_equal(digits, expected, sizeof digits);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_at_every_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
