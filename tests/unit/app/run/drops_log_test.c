/* What is said of records that are dropped: each once, by reason, no more than a line a minute. */
#include "app/run/drops_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "logged.h"

#define SECOND INT64_C(1000000)

static struct drops_log drops;
static uint64_t dropped[OUTPUT_DROP_COUNT], sink[SINK_DROP_COUNT];

static int begin(void **state) {
    (void)state;
    drops = (struct drops_log){0};
    memset(dropped, 0, sizeof dropped);
    memset(sink, 0, sizeof sink);
    log_configure(LOG_INFO, LOG_PLAIN);
    return 0;
}

static void assert_says(const uint64_t *of_sink, int64_t now, const char *expected) {
    char written[1024];
    struct logged logged;
    logged_begin(&logged);
    drops_log_look(&drops, "flows", dropped, of_sink, now);
    logged_end(&logged, written, sizeof written);
    assert_string_equal(written, expected);
}

static void each_minute_says_what_is_new(void **state) {
    (void)state;
    assert_says(sink, 100 * SECOND, "");
    sink[SINK_DROP_spool_full] = 1200;
    sink[SINK_DROP_too_large] = 34;
    dropped[OUTPUT_DROP_schema_mismatch] = 1;
    assert_says(sink, 160 * SECOND - 1, "");
    assert_says(sink, 160 * SECOND,
                "flowsensor: warning: output \"flows\": 1235 records dropped within 60 s, which are lost: "
                "schema_mismatch 1, too_large 34, spool_full 1200 (deploy/delivery.md)\n");
    sink[SINK_DROP_too_large] = 36;
    assert_says(sink, 219 * SECOND, "");
    assert_says(sink, 225 * SECOND,
                "flowsensor: warning: output \"flows\": 2 records dropped within 65 s, which are lost: "
                "too_large 2 (deploy/delivery.md)\n");
}

static void a_minute_without_drops_says_nothing(void **state) {
    (void)state;
    assert_says(sink, 100 * SECOND, "");
    sink[SINK_DROP_rejected] = 1;
    assert_says(sink, 161 * SECOND,
                "flowsensor: warning: output \"flows\": 1 records dropped within 61 s, which are lost: "
                "rejected 1 (deploy/delivery.md)\n");
    for (int64_t now = 162; now < 1000; now++)
        assert_says(sink, now * SECOND, "");
}

static void a_meter_has_no_sink(void **state) {
    (void)state;
    assert_says(NULL, 1, "");
    dropped[OUTPUT_DROP_handover_full] = UINT64_MAX;
    assert_says(
        NULL, 60 * SECOND + 1,
        "flowsensor: warning: output \"flows\": 18446744073709551615 records dropped within 60 s, which "
        "are lost: handover_full 18446744073709551615 (deploy/delivery.md)\n");
}

static void every_reason_fits_into_a_line(void **state) {
    (void)state;
    char written[2048];
    struct logged logged;
    drops_log_look(&drops, "flows", dropped, sink, 1);
    for (int i = 0; i < OUTPUT_DROP_COUNT; i++)
        dropped[i] = UINT64_MAX - (uint64_t)i;
    for (int i = 0; i < SINK_DROP_COUNT; i++)
        sink[i] = UINT64_MAX - (uint64_t)i;
    logged_begin(&logged);
    drops_log_look(&drops, "flows", dropped, sink, 61 * SECOND);
    logged_end(&logged, written, sizeof written);
    for (int i = 0; i < OUTPUT_DROP_COUNT; i++)
        assert_non_null(strstr(written, output_drop_name((enum output_drop)i)));
    for (int i = 0; i < SINK_DROP_COUNT; i++)
        assert_non_null(strstr(written, sink_drop_name((enum sink_drop)i)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_minute_says_what_is_new, begin),
        cmocka_unit_test_setup(a_minute_without_drops_says_nothing, begin),
        cmocka_unit_test_setup(a_meter_has_no_sink, begin),
        cmocka_unit_test_setup(every_reason_fits_into_a_line, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
