/* One output: of every flow a record, and every record in one account, whatever its sink does. */
#include "app/run/output.h"

#include "app/run/catching_sink.h"
#include "base/log.h"
#include "logged.h"

#define LIVE "capture = { interfaces = [ \"lo\" ]; };"

struct bench {
    struct caught_plan caught;
    struct output output;
};

static void bench_open(struct bench *bench, const char *settings) {
    struct error error = {0};
    struct anonymize_key key = {0};
    *bench = (struct bench){0};
    plan_to_catch(&bench->caught, settings, 1, "");
    const struct plan *plan = &bench->caught.plan;
    if (output_begin(&bench->output, &plan->outputs[0], plan, &key, &error) < 0 ||
        output_open(&bench->output, plan, INT64_MAX, &error) < 0)
        fail_msg("%s", error.text);
    assert_true(catchers[0].open);
    output_start(&bench->output);
}

static void bench_close(struct bench *bench) {
    output_close(&bench->output);
    caught_plan_release(&bench->caught);
}

static struct flow a_flow(uint16_t port) {
    static const struct flow_shared nothing;
    return (struct flow){
        .key = {.port_a = port, .protocol = 17},
        .ip_version = 4,
        .ways = {{.packets = 1}, FLOW_NO_COUNTERS},
        .shared = &nothing,
    };
}

/* Makes a record of a flow in this meter's share and sends it; whether one was made. */
static bool make_and_send(struct bench *bench, unsigned meter, int *result) {
    struct flow flow = a_flow(1000);
    struct message message;
    struct error error = {0};
    *result = 0;
    if (!output_make(&bench->output, meter, &flow, &message))
        return false;
    bench->output.shares[meter].records.sent++;
    *result = output_send(&bench->output, &message, &error);
    if (*result < 0)
        assert_line(&error, EX_IOERR, "the test's sink fails");
    return true;
}

static uint64_t sum(const uint64_t *counts, size_t count) {
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += counts[i];
    return sum;
}

/* made = sent + dropped of each share, and taken = the sink's + dropped. */
static void assert_accounts_close(const struct output *output, uint64_t made) {
    struct record_counts all = {0};
    struct delivery_counts delivered = {0};
    for (size_t i = 0; i < output->share_count; i++) {
        const struct record_counts *share = &output->shares[i].records;
        assert_int_equal(share->made, share->sent + sum(share->dropped, OUTPUT_DROP_COUNT));
        record_counts_add(&all, share);
    }
    output_count(output, &delivered);
    assert_int_equal(all.made, made);
    assert_int_equal(all.sent, delivered.taken);
    assert_int_equal(delivered.taken, delivered.sink.acknowledged + delivered.sink.in_flight +
                                          sum(delivered.sink.dropped, SINK_DROP_COUNT) +
                                          sum(delivered.dropped, OUTPUT_DROP_COUNT));
}

static void each_meter_has_a_share(void **state) {
    (void)state;
    struct bench bench;
    int result;
    bench_open(&bench, "meter = { n_meters = 3; };");
    assert_int_equal(bench.output.share_count, 3);
    for (unsigned meter = 0; meter < 3; meter++)
        for (unsigned i = 0; i <= meter; i++)
            assert_true(make_and_send(&bench, meter, &result) && result == 0);
    for (unsigned meter = 0; meter < 3; meter++)
        assert_int_equal(bench.output.shares[meter].records.made, meter + 1);
    assert_int_equal(catchers[0].count, 6);
    assert_int_equal(bench.output.next_seq, 6);
    assert_accounts_close(&bench.output, 6);
    bench_close(&bench);
}

static void a_sink_that_fails_gets_nothing_more(void **state) {
    (void)state;
    struct bench bench;
    int result;
    bench_open(&bench, "");
    catchers[0].fails_at = 2;
    assert_true(make_and_send(&bench, 0, &result) && result == 0);
    assert_false(output_has_failed(&bench.output));
    assert_true(make_and_send(&bench, 0, &result) && result == -EIO);
    assert_true(output_has_failed(&bench.output));
    /* Nothing is encoded, but each record has its seq and its place in the accounts. */
    for (int i = 0; i < 5; i++)
        assert_false(make_and_send(&bench, 0, &result));
    assert_int_equal(catchers[0].writes, 2);
    assert_int_equal(bench.output.next_seq, 7);
    assert_int_equal(bench.output.shares[0].records.dropped[OUTPUT_DROP_output_failed], 5);
    assert_accounts_close(&bench.output, 7);
    bench_close(&bench);
}

/* With several meters they lie in rings while the output fails. */
static void records_made_before_it_failed_are_counted_too(void **state) {
    (void)state;
    struct bench bench;
    struct flow flow = a_flow(1);
    struct message message;
    struct error error = {0};
    bench_open(&bench, "");
    assert_true(output_make(&bench.output, 0, &flow, &message));
    bench.output.shares[0].records.sent++;
    catchers[0].poll_fails = true;
    assert_int_equal(output_poll(&bench.output, &error), -EIO);
    assert_line(&error, EX_IOERR, "the test's sink fails");
    assert_int_equal(output_poll(&bench.output, &error), 0); /* it is told once */
    assert_int_equal(output_send(&bench.output, &message, &error), 0);
    assert_int_equal(catchers[0].writes, 0);
    assert_int_equal(bench.output.dropped[OUTPUT_DROP_output_failed], 1);
    assert_accounts_close(&bench.output, 1);
    bench_close(&bench);
}

static void an_output_that_takes_nothing_needs_no_room(void **state) {
    (void)state;
    struct bench bench;
    int result;
    bench_open(&bench, LIVE);
    assert_true(output_has_room(&bench.output));
    catchers[0].is_full = true;
    assert_false(output_has_room(&bench.output));
    catchers[0].fails_at = 1;
    assert_true(make_and_send(&bench, 0, &result) && result == -EIO);
    assert_true(output_has_room(&bench.output));
    bench_close(&bench);
}

static void a_poll_tells_since_when_records_wait(void **state) {
    (void)state;
    struct bench bench;
    struct error error = {0};
    bench_open(&bench, "");
    catchers[0].waiting_since = 77;
    assert_int_equal(output_poll(&bench.output, &error), 0);
    assert_int_equal(bench.output.health.waiting_since, 77);
    catchers[0].waiting_since = 0;
    assert_int_equal(output_poll(&bench.output, &error), 0);
    assert_int_equal(bench.output.health.waiting_since, 0);
    assert_int_equal(catchers[0].polls, 2);
    bench_close(&bench);
}

/* Once a second for the probes, and once a minute for the log. */
static void a_watch_tells_what_waits_and_what_was_dropped(void **state) {
    (void)state;
    struct bench bench;
    char written[1024];
    struct logged logged;
    const int64_t second = 1000000;
    bench_open(&bench, LIVE);
    catchers[0].spooled = 7;
    output_watch(&bench.output, 100 * second);
    output_watch_share(&bench.output, 0, 100 * second);
    assert_int_equal(bench.output.health.spooled, 7);
    catchers[0].spooled = 8;
    output_watch(&bench.output, 100 * second + second / 2);
    assert_int_equal(bench.output.health.spooled, 7);
    catchers[0].spool_full = 3;
    bench.output.shares[0].records.dropped[OUTPUT_DROP_handover_full] = 5;
    logged_begin(&logged);
    output_watch(&bench.output, 160 * second);
    output_watch_share(&bench.output, 0, 160 * second);
    logged_end(&logged, written, sizeof written);
    assert_int_equal(bench.output.health.spooled, 8);
    assert_non_null(strstr(written, "3 records dropped within 60 s, which are lost: spool_full 3 ("));
    assert_non_null(strstr(written, "5 records dropped within 60 s, which are lost: handover_full 5 ("));
    bench_close(&bench);
}

static void reports_go_to_outputs_for_them_only(void **state) {
    (void)state;
    struct bench bench;
    const struct sensor_report report = {0};
    struct message message;
    bench_open(&bench, "");
    assert_true(output_is_of_flows(&bench.output));
    assert_false(output_make_report(&bench.output, &report, &message));
    assert_accounts_close(&bench.output, 0);
    bench_close(&bench);
}

static void without_pseudonyms_there_is_no_key_to_change(void **state) {
    (void)state;
    struct bench bench;
    struct anonymize_key key = {.bytes = {1}};
    bench_open(&bench, "");
    assert_false(bench.output.may_rekey);
    assert_int_equal(output_prepare_key(&bench.output, &key), 0);
    output_end_rekeying(&bench.output, true);
    bench_close(&bench);
}

static void a_sink_that_does_not_open_is_an_error(void **state) {
    (void)state;
    struct caught_plan caught;
    struct output output = {0};
    struct anonymize_key key = {0};
    struct error error = {0};
    plan_to_catch(&caught, "", 1, "");
    catchers[0].fails_to_open = true;
    assert_int_equal(output_begin(&output, &caught.plan.outputs[0], &caught.plan, &key, &error), 0);
    assert_int_equal(output_open(&output, &caught.plan, INT64_MAX, &error), -EIO);
    assert_line(&error, EX_IOERR, "the test's sink fails");
    output_close(&output);
    caught_plan_release(&caught);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_meter_has_a_share),
        cmocka_unit_test(a_sink_that_fails_gets_nothing_more),
        cmocka_unit_test(records_made_before_it_failed_are_counted_too),
        cmocka_unit_test(an_output_that_takes_nothing_needs_no_room),
        cmocka_unit_test(a_poll_tells_since_when_records_wait),
        cmocka_unit_test(a_watch_tells_what_waits_and_what_was_dropped),
        cmocka_unit_test(reports_go_to_outputs_for_them_only),
        cmocka_unit_test(without_pseudonyms_there_is_no_key_to_change),
        cmocka_unit_test(a_sink_that_does_not_open_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
