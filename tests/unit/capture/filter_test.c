/* Filters before anything is captured: wrong for every link type, or for some. */
#include "capture/capture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sysexits.h>

#include <cmocka.h>

static void what_compiles_for_some_link_type_passes(void **state) {
    (void)state;
    static const char *const filters[] = {
        "udp port 53", "", "ether host 02:00:00:00:00:01", /* Ethernet's */
        "wlan type mgt subtype beacon",                    /* of 802.11 alone */
    };
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) {
        struct error error = {0};
        if (capture_check_filter(filters[i], &error) != 0)
            fail_msg("%s", error.text);
    }
}

static void what_compiles_for_none_is_refused(void **state) {
    (void)state;
    struct error error = {0};
    assert_true(capture_check_filter("udp prot 53", &error) < 0);
    assert_int_equal(error.exit_code, EX_CONFIG);
    assert_non_null(strstr(error.text, "the BPF filter \"udp prot 53\" can't be compiled: "));
    assert_non_null(strstr(error.text, "; see pcap-filter(7)"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_compiles_for_some_link_type_passes),
        cmocka_unit_test(what_compiles_for_none_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
