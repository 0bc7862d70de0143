#include "base/error.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void fills_code_and_line(void **state) {
    (void)state;
    struct error error;
    assert_int_equal(error_set(&error, ENOENT, EX_NOINPUT, "no file %s", "x.pcap"), -ENOENT);
    assert_int_equal(error.exit_code, EX_NOINPUT);
    assert_string_equal(error.text, "no file x.pcap");
}

static void a_line_stays_a_line(void **state) {
    (void)state;
    struct error error;
    error_set(&error, EIO, EX_IOERR, "a%s", "\nb\x1b[31m\x7f\xc3\xa9");
    assert_string_equal(error.text, "a?b?[31m?\xc3\xa9");
}

static void a_long_text_is_cut(void **state) {
    (void)state;
    struct error error;
    char text[ERROR_TEXT_SIZE + 100];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    error_set(&error, EIO, EX_IOERR, "%s", text);
    assert_int_equal(strlen(error.text), ERROR_TEXT_SIZE - 1);
}

static void nobody_has_to_listen(void **state) {
    (void)state;
    assert_int_equal(error_set(NULL, EPERM, EX_NOPERM, "ignored"), -EPERM);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fills_code_and_line),
        cmocka_unit_test(a_line_stays_a_line),
        cmocka_unit_test(a_long_text_is_cut),
        cmocka_unit_test(nobody_has_to_listen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
