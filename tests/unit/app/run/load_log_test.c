/* The lines about the overload ladder: what was taken or left, and the remedy once. */
#include "app/run/load_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"
#include "logged.h"

static void assert_logs(unsigned meter, const struct meter_load *load, const char *expected) {
    char written[1024];
    struct logged logged;
    logged_begin(&logged);
    load_log(meter, load);
    logged_end(&logged, written, sizeof written);
    assert_string_equal(written, expected);
}

static void each_change_is_a_line(void **state) {
    (void)state;
    struct meter_load load = {.pressure = {.ring = 83, .table = 12},
                              .level = 1,
                              .levels = 5,
                              .step = OVERLOAD_short_idle,
                              .is_taken = true};
    log_configure(LOG_INFO, LOG_PLAIN);
    assert_logs(
        0, &load,
        "flowsensor: warning: meter 0 is overloaded: the kernel's ring is 83 % full, the flow table 12 %; step 1 of 5, "
        "short_idle: flows end after overload.idle_timeout without a packet; if this comes again, give it more of a "
        "processor, raise meter.n_meters, capture.socket_buffer_size or meter.flow_table_size, or filter traffic out "
        "(deploy/overload.md)\n");
    load.level = 4;
    load.step = OVERLOAD_sampling;
    assert_logs(
        3, &load,
        "flowsensor: warning: meter 3 is overloaded: the kernel's ring is 83 % full, the flow table 12 %; step 4 of 5, "
        "sampling: of new flows one in overload.sampling_rate is metered\n");
    load.is_taken = false;
    load.level = 3;
    assert_logs(3, &load, "flowsensor: meter 3 leaves the overload step sampling; 3 of 5 are left\n");
    load.level = 0;
    load.step = OVERLOAD_short_idle;
    assert_logs(
        3, &load,
        "flowsensor: meter 3 is not overloaded any more: it leaves the step short_idle, the last one\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_change_is_a_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
