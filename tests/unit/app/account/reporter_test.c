/* The performance report: when it is due, what it takes from the ledger, and its line. */
#include "app/account/reporter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "logged.h"

#define SECOND INT64_C(1000000)

static struct reporter *open_reporter(int64_t interval) {
    struct reporter *reporter = NULL;
    struct error error;
    assert_int_equal(reporter_open(interval, true, &reporter, &error), 0);
    return reporter;
}

static void it_is_due_once_each_interval(void **state) {
    (void)state;
    struct ledger ledger = {0};
    assert_false(reporter_due(NULL, INT64_MAX));
    int64_t before = clock_monotonic();
    struct reporter *reporter = open_reporter(10 * SECOND);
    int64_t after = clock_monotonic();
    assert_false(reporter_due(reporter, after));
    assert_false(reporter_due(reporter, before + 10 * SECOND - 1));
    assert_true(reporter_due(reporter, after + 10 * SECOND));
    const struct sensor_report *report = reporter_make(reporter, &ledger, after + 10 * SECOND, false);
    assert_in_range(report->interval, 10 * SECOND, 10 * SECOND + (after - before));
    /* Late by 3 s: the next one is on time all the same. */
    assert_false(reporter_due(reporter, before + 20 * SECOND - 1));
    report = reporter_make(reporter, &ledger, after + 23 * SECOND, false);
    assert_int_equal(report->interval, 13 * SECOND);
    assert_false(reporter_due(reporter, before + 30 * SECOND - 1));
    assert_true(reporter_due(reporter, after + 30 * SECOND));
    /* Stopped for a minute: one report, not six. */
    report = reporter_make(reporter, &ledger, after + 90 * SECOND, false);
    assert_int_equal(report->interval, 67 * SECOND);
    assert_false(reporter_due(reporter, before + 100 * SECOND - 1));
    assert_true(reporter_due(reporter, after + 100 * SECOND));
    reporter_close(reporter);
    reporter_close(NULL);
}

/* Every number different, so that none can stand for another. */
static struct ledger example_ledger(void) {
    struct ledger ledger = {.intake.packets = 1000};
    ledger.capture.dropped_kernel = 5;
    ledger.capture.dropped_interface = 6;
    ledger.intake.ignored[DECODE_METERED] = 900;
    ledger.intake.ignored[DECODE_link_type] = 30;
    ledger.intake.ignored[DECODE_not_ip] = 70;
    ledger.meter.packets = 900;
    ledger.meters = 2;
    ledger.balance[0] = 600;
    ledger.balance[1] = 300;
    ledger.meter.flows_opened = 60;
    ledger.meter.flows_exported[END_IDLE] = 20;
    ledger.meter.flows_exported[END_ACTIVE] = 10;
    ledger.meter.flows_exported[END_EVICTED] = 2;
    ledger.meter.flows_open = 28;
    ledger.meter.memory = 4096;
    ledger.meter.loss_gap_bytes = 77;
    ledger.meter.packets_truncated = 8;
    ledger.capture.ring_freezes = 9;
    ledger.meter.packets_sampled_out = 12;
    ledger.meter.packets_shed = 13;
    ledger.overload[1] = 2;
    return ledger;
}

static void numbers_are_the_ledgers(void **state) {
    (void)state;
    struct ledger ledger = example_ledger();
    int64_t start = clock_realtime();
    struct reporter *reporter = open_reporter(SECOND);
    const struct sensor_report *report = reporter_make(reporter, &ledger, clock_monotonic(), true);
    int64_t end = clock_realtime();
    assert_true(start <= report->start_time && report->start_time <= report->time && report->time <= end);
    assert_true(report->is_last);
    assert_int_equal(report->flows_opened, 60);
    assert_int_equal(report->flows_expired, 32);
    assert_int_equal(report->flows_evicted, 2);
    assert_int_equal(report->flows_open, 28);
    assert_int_equal(report->packets_processed, 900);
    assert_int_equal(report->packets_ignored, 100);
    assert_int_equal(report->packets_dropped_kernel, 5);
    assert_int_equal(report->packets_dropped_interface, 6);
    assert_int_equal(report->packets_truncated, 8);
    assert_int_equal(report->ring_freezes, 9);
    assert_int_equal(report->loss_gap_bytes, 77);
    assert_int_equal(report->meter_count, 2);
    assert_int_equal(report->meters_packets[0], 600);
    assert_int_equal(report->meters_packets[1], 300);
    assert_int_equal(report->meters_memory, 4096);
    assert_int_equal(report->packets_sampled_out, 12);
    assert_int_equal(report->packets_shed, 13);
    assert_int_equal(report->overload_step, 2); /* of the meter that is worst off */
    assert_true(report->resident_memory > 100000);
    assert_int_equal(report->ignored_count, 2);
    assert_int_equal(report->ignored_counts[0], 30);
    assert_int_equal(report->ignored_counts[1], 70);
    assert_memory_equal(report->ignored_reasons[0].bytes, "link_type", report->ignored_reasons[0].length);
    assert_memory_equal(report->ignored_reasons[1].bytes, "not_ip", report->ignored_reasons[1].length);
    reporter_close(reporter);
}

/* Of each output of flows, not of those for the sensor's own records. */
static void heartbeats_say_what_each_output_got(void **state) {
    (void)state;
    struct schema of_flows = {.records = OF_FLOW}, of_sensor = {.records = OF_SENSOR};
    const struct output_plan plans[] = {{.name = "flows", .schema = &of_flows},
                                        {.name = "beats", .schema = &of_sensor},
                                        {.name = "more", .schema = &of_flows}};
    static struct snapshot snapshot;
    for (size_t i = 0; i < 3; i++)
        snapshot.plans[snapshot.output_count++] = &plans[i];
    snapshot.ledger = example_ledger();
    snapshot.ledger.bounds = (struct meter_bounds){true, true, 30, 20, 10};
    snapshot.ledger.records[0] = (struct record_counts){.made = 100, .dropped = {1, 2}};
    snapshot.outputs[0].dropped[OUTPUT_DROP_schema_mismatch] = 4;
    snapshot.outputs[0].sink.dropped[0] = 8;
    snapshot.outputs[0].sink.acknowledged = 80;
    const int64_t last_seqs[] = {102, 7, -1};
    struct reporter *reporter = open_reporter(SECOND);
    for (int i = 0; i < 2; i++) {
        const struct sensor_report *report =
            reporter_make_heartbeat(reporter, &snapshot, last_seqs, clock_monotonic(), i == 1);
        const struct sensor_heartbeat *heartbeat = &report->heartbeat;
        assert_int_equal(report->is_last, i == 1);
        assert_int_equal(report->flows_open, 28);
        assert_int_equal(heartbeat->interval, SECOND);
        assert_int_equal(heartbeat->bounds.record_time, 30);
        assert_int_equal(heartbeat->output_count, 2);
        assert_memory_equal(heartbeat->outputs[0].bytes, "flows", heartbeat->outputs[0].length);
        assert_memory_equal(heartbeat->outputs[1].bytes, "more", heartbeat->outputs[1].length);
        assert_int_equal(heartbeat->last_seqs[0], 102);
        assert_int_equal(heartbeat->last_seqs[1], -1);
        assert_int_equal(heartbeat->records_made[0], 100);
        assert_int_equal(heartbeat->records_acknowledged[0], 80);
        assert_int_equal(heartbeat->records_dropped[0], 15);
        assert_int_equal(heartbeat->records_made[1], 0);
    }
    reporter_close(reporter);
}

/* Makes a report and compares its line. */
static void assert_logs(struct reporter *reporter, const struct ledger *ledger, int64_t now, bool is_last,
                        const char *expected) {
    char written[1024];
    struct logged logged;
    reporter_make(reporter, ledger, now, is_last);
    logged_begin(&logged);
    reporter_log(reporter);
    logged_end(&logged, written, sizeof written);
    assert_string_equal(written, expected);
}

static void lines_have_totals_and_growth(void **state) {
    (void)state;
    struct ledger ledger = example_ledger();
    int64_t now = clock_monotonic();
    struct reporter *reporter = open_reporter(10 * SECOND);
    log_configure(LOG_INFO, LOG_PLAIN);
    assert_logs(
        reporter, &ledger, now + 10 * SECOND, false,
        "flowsensor: performance report in 10.0 s: flows expired 32 (+32), open 28; packets processed 900 (+900), "
        "ignored 100 (+100), dropped by kernel 5 (+5), by interface 6 (+6), sampled out 12 (+12), shed 13 (+13); meters 600 (+600), 300 (+300); overload step 2\n");
    ledger.meter.flows_exported[END_IDLE] += 8;
    ledger.meter.flows_open = 20;
    ledger.intake.ignored[DECODE_METERED] += 11;
    ledger.intake.ignored[DECODE_too_deep] += 1;
    ledger.capture.dropped_kernel += 2;
    ledger.balance[1] += 11;
    ledger.meter.packets_shed += 4;
    ledger.overload[1] = 0;
    assert_logs(
        reporter, &ledger, now + 20 * SECOND, false,
        "flowsensor: performance report in 10.0 s: flows expired 40 (+8), open 20; packets processed 911 (+11), "
        "ignored 101 (+1), dropped by kernel 7 (+2), by interface 6 (+0), sampled out 12 (+0), shed 17 (+4); meters 600 (+0), 311 (+11)\n");
    ledger.capture.dropped_interface += 4;
    assert_logs(
        reporter, &ledger, now + 22 * SECOND + SECOND / 2, true,
        "flowsensor: last performance report in 2.5 s: flows expired 40 (+0), open 20; packets processed 911 (+0), "
        "ignored 101 (+0), dropped by kernel 7 (+0), by interface 10 (+4), sampled out 12 (+0), shed 17 (+0); meters 600 (+0), 311 (+0)\n");
    reporter_close(reporter);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_due_once_each_interval),
        cmocka_unit_test(numbers_are_the_ledgers),
        cmocka_unit_test(heartbeats_say_what_each_output_got),
        cmocka_unit_test(lines_have_totals_and_growth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
