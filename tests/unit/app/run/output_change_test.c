/* An output becomes another: what waits until it is open, and what finds no room. */
#include "app/run/output_change.h"

#include <unistd.h>

#include "app/host/signals.h"
#include "app/run/catching_sink.h"
#include "app/run/delivery.h"
#include "app/run/departure.h"
#include "app/run/roster.h"
#include "base/clock.h"
#include "logged.h"

#define LIVE "capture = { interfaces = [ \"lo\" ]; }; meter = { flow_table_size = 1024; };"

enum { BODY_BYTES = 1 << 20, TOO_MANY = 2 * PLAN_WAITING_BYTES / BODY_BYTES };

struct bench {
    struct caught_plan was, becomes;
    struct progress progress;
    struct failure failure;
    struct delivery delivery; /* of one output */
    const struct recorder *former, *latter;
};

static void bench_open(struct bench *bench) {
    struct error error = {0};
    struct anonymize_key key = {0};
    *bench = (struct bench){0};
    failure_init(&bench->failure, &bench->progress);
    plan_to_catch(&bench->was, LIVE, 1, "");
    plan_to_catch(&bench->becomes, LIVE, 1, "");
    const struct plan *plan = &bench->was.plan, *next = &bench->becomes.plan;
    if (output_begin(&bench->delivery.outputs[0], &plan->outputs[0], plan, &key, &error) < 0 ||
        output_open(&bench->delivery.outputs[0], plan, INT64_MAX, &error) < 0)
        fail_msg("%s", error.text);
    output_start(&bench->delivery.outputs[0]);
    if (output_prepare_next(&bench->delivery.outputs[0], &next->outputs[0], next, &key, INT64_MAX, &error) <
        0)
        fail_msg("%s", error.text);
    bench->former = bench->delivery.outputs[0].shares[0].recorder;
    bench->latter = bench->delivery.outputs[0].shares[0].next;
    signals_install(1000000);
}

static void bench_close(struct bench *bench) {
    output_drop_next(&bench->delivery.outputs[0]);
    output_close(&bench->delivery.outputs[0]);
    free(bench->becomes.schema);
    plan_release(&bench->becomes.plan);
    config_release(&bench->becomes.config);
    caught_plan_release(&bench->was);
}

/* The number is in the body's first byte. */
static void send(struct bench *bench, const struct recorder *recorder, unsigned number) {
    static uint8_t body[BODY_BYTES];
    struct error error;
    body[0] = (uint8_t)number;
    const struct message message = {
        .key = "", .body = body, .body_length = sizeof body, .origin = recorder_origin(recorder)};
    bench->delivery.outputs[0].shares[0].records.sent++;
    assert_int_equal(output_send_or_wait(&bench->delivery.outputs[0], &message, &error), 0);
}

static void poll_until(struct bench *bench, enum output_state state) {
    while (output_state(&bench->delivery.outputs[0]) != state) {
        usleep(200);
        departure_poll(&bench->delivery.outputs[0], &bench->failure);
    }
}

static void become(struct bench *bench) {
    output_take_next(&bench->delivery.outputs[0], 0);
    departure_begin(&bench->delivery.outputs[0]);
    poll_until(bench, OUTPUT_OPEN);
}

/* Its thread has it. */
static void begin_to_close(struct bench *bench) {
    output_begin_change(&bench->delivery.outputs[0]);
    output_take_next(&bench->delivery.outputs[0], 0);
    departure_begin(&bench->delivery.outputs[0]);
    departure_poll(&bench->delivery.outputs[0], &bench->failure);
    assert_int_equal(output_state(&bench->delivery.outputs[0]), OUTPUT_CLOSING);
}

static void assert_in_order(size_t count) {
    assert_int_equal(catchers[0].count, count);
    for (size_t i = 1; i < count; i++)
        assert_true(catchers[0].records[i].body[0] > catchers[0].records[i - 1].body[0]);
}

/* As each of them is counted at once, the account closes all the time. What it was gets its own meanwhile. */
static void what_finds_no_room_is_dropped(void **state) {
    (void)state;
    struct bench bench;
    struct delivery_counts counts;
    bench_open(&bench);
    struct output *output = &bench.delivery.outputs[0];
    send(&bench, bench.former, 1);
    output_begin_change(output);
    for (unsigned i = 0; i < TOO_MANY; i++)
        send(&bench, bench.latter, i + 3);
    send(&bench, bench.former, 2);
    assert_in_order(2);
    uint64_t dropped = output->dropped[OUTPUT_DROP_not_open];
    assert_in_range(dropped, TOO_MANY / 2, TOO_MANY * 3 / 4);
    assert_int_equal(output->taken, 2 + dropped);
    output->shares[0].records.sent = 2; /* another meter's they were */
    become(&bench);
    assert_int_equal(catchers[0].flushes, 1);
    assert_in_order(2);
    /* It is open, and what comes now comes behind them: the oldest give way to it. */
    for (unsigned i = 0; i < 3; i++)
        send(&bench, bench.latter, TOO_MANY + 3 + i);
    assert_in_range(catchers[0].count, 10, 2 + TOO_MANY - dropped);
    struct error error;
    assert_int_equal(output_end_waits(output, &error), 0);
    assert_null(output->waiting);
    assert_int_equal(output->dropped[OUTPUT_DROP_not_open], dropped);
    assert_in_order(2 + TOO_MANY - dropped + 3);
    output_count(output, &counts);
    assert_int_equal(counts.taken, counts.sink.acknowledged + dropped);
    bench_close(&bench);
}

/* What waited goes on as the new sink takes it. An output that goes before it was ever open is asked for room as any other. */
static void what_waits_is_sent_as_there_is_room(void **state) {
    (void)state;
    struct bench bench;
    struct error error;
    bench_open(&bench);
    struct output *output = &bench.delivery.outputs[0];
    output_begin_change(output);
    for (unsigned i = 1; i <= 3; i++)
        send(&bench, bench.latter, i);
    output->shares[0].records.sent = 0; /* another meter's they were */
    become(&bench);
    catchers[0].is_full = true;
    assert_int_equal(output_end_waits(output, &error), 0);
    assert_in_order(0);
    catchers[0].is_full = false;
    assert_int_equal(output_end_waits(output, &error), 0);
    assert_in_order(3);
    void *sink = output->sink;
    output->sink = NULL;
    assert_true(output_has_room(output));
    output->sink = sink;
    bench_close(&bench);
}

static void what_is_not_put_into_force_changes_nothing(void **state) {
    (void)state;
    struct bench bench;
    bench_open(&bench);
    output_drop_next(&bench.delivery.outputs[0]);
    send(&bench, bench.former, 1);
    assert_in_order(1);
    assert_ptr_equal(bench.delivery.outputs[0].shares[0].recorder, bench.former);
    assert_ptr_equal(output_shown_plan(&bench.delivery.outputs[0]), &bench.was.plan.outputs[0]);
    bench_close(&bench);
}

/* While it has failed it drops; what it becomes doesn't. */
static void what_it_becomes_has_not_failed(void **state) {
    (void)state;
    struct bench bench;
    bench_open(&bench);
    atomic_store(&bench.delivery.outputs[0].health.failed, true);
    output_begin_change(&bench.delivery.outputs[0]);
    assert_false(output_has_failed(&bench.delivery.outputs[0]));
    send(&bench, bench.former, 1);
    assert_int_equal(bench.delivery.outputs[0].dropped[OUTPUT_DROP_output_failed], 1);
    assert_true(atomic_load(&bench.delivery.outputs[0].health.waiting_since) != 0);
    become(&bench);
    assert_true(atomic_load(&bench.delivery.outputs[0].health.waiting_since) == 0);
    send(&bench, bench.latter, 2);
    struct error error;
    assert_int_equal(output_end_waits(&bench.delivery.outputs[0], &error), 0);
    assert_in_order(1);
    bench_close(&bench);
}

/* A thread that tries and opens it has it, or what waited for it is not handed over yet: until then it doesn't change again. */
static void a_change_waits_for_the_one_before(void **state) {
    (void)state;
    struct bench bench;
    static struct output outputs[CONFIG_OUTPUTS_MAX];
    bench_open(&bench);
    outputs[0] = bench.delivery.outputs[0];
    struct output *output = &outputs[0];
    struct roster roster;
    roster_begin(&roster, outputs, 1);
    roster.changes = 1;
    atomic_store(&roster.deliver.turn, 1);
    atomic_store(&roster.deliver.left, 1);
    atomic_store(&output->state, OUTPUT_CLOSING);
    roster_follow(&roster, &bench.failure);
    assert_int_equal(output_state(output), OUTPUT_CLOSING);
    atomic_store(&output->state, OUTPUT_OPEN);
    output->waiting = output->next.waiting;
    roster_follow(&roster, &bench.failure);
    assert_int_equal(output_state(output), OUTPUT_OPEN);
    assert_int_equal(atomic_load(&roster.deliver.left), 1);
    output->waiting = NULL;
    roster_follow(&roster, &bench.failure);
    assert_int_equal(output_state(output), OUTPUT_CHANGING);
    assert_int_equal(atomic_load(&roster.deliver.left), 0);
    bench.delivery.outputs[0] = outputs[0];
    bench_close(&bench);
}

/* Records wait in half of their room: what it was gives up the time that it has, since its spool keeps what is left. */
static void what_has_a_spool_is_closed_when_records_need_the_room(void **state) {
    (void)state;
    struct bench bench;
    struct error error;
    bench_open(&bench);
    struct output *output = &bench.delivery.outputs[0];
    output->departure.limit = INT64_C(3600) * 1000000;
    catchers[0].flush_waits = true;
    begin_to_close(&bench);
    output->departure.keeps = true;
    unsigned sent = 0;
    while (atomic_load(&output->departure.early_end) == 0 && sent < TOO_MANY)
        send(&bench, bench.latter, ++sent);
    assert_in_range(sent, TOO_MANY / 4 - 1, TOO_MANY / 4 + 1);
    poll_until(&bench, OUTPUT_OPEN);
    assert_true(atomic_load(&output->departure.early_end) == 0);
    assert_int_equal(output_end_waits(output, &error), 0);
    assert_in_order(sent);
    assert_int_equal(output->dropped[OUTPUT_DROP_not_open], 0);
    bench_close(&bench);
}

static int64_t pause_of(const struct bench *bench) {
    return bench->delivery.outputs[0].departure.try_at - clock_monotonic();
}

static void next_try(struct bench *bench) {
    unsigned opens = catchers[0].opens;
    bench->delivery.outputs[0].departure.try_at = 0;
    departure_poll(&bench->delivery.outputs[0], &bench->failure);
    poll_until(bench, OUTPUT_WAITING);
    assert_int_equal(catchers[0].opens, opens + 1);
}

/* The tries come less and less often, and only the first one is told. */
static void what_can_not_be_opened_is_tried_less_and_less_often(void **state) {
    (void)state;
    static const int seconds[] = {1, 2, 4, 8, 16, 32, 60, 60};
    struct bench bench;
    struct logged logged;
    char said[4096];
    bench_open(&bench);
    struct output_departure *departure = &bench.delivery.outputs[0].departure;
    catchers[0].fails_to_open = true;
    logged_begin(&logged);
    begin_to_close(&bench);
    poll_until(&bench, OUTPUT_WAITING);
    for (size_t i = 0; i < sizeof seconds / sizeof *seconds; i++) {
        assert_in_range(pause_of(&bench), seconds[i] * 1000000 - 200000, seconds[i] * 1000000);
        departure_poll(&bench.delivery.outputs[0], &bench.failure); /* it is not time yet */
        assert_int_equal(catchers[0].opens, i + 2);
        next_try(&bench);
    }
    departure_try_now(&bench.delivery.outputs[0]); /* SIGHUP */
    next_try(&bench);
    assert_in_range(pause_of(&bench), 800000, 1000000);
    logged_end(&logged, said, sizeof said);
    const char *first = strstr(said, "can't be opened with its other options");
    assert_non_null(first);
    assert_null(strstr(first + 1, "can't be opened"));
    logged_begin(&logged);
    departure->told[0] = 'T'; /* the reason was another one */
    next_try(&bench);
    logged_end(&logged, said, sizeof said);
    assert_non_null(strstr(said, "can't be opened with its other options"));
    bench_close(&bench);
}

/* At the end of a run all open flows end at once. What it was is given half of the time, and who has records waits. */
static void at_the_end_records_wait_for_a_change(void **state) {
    (void)state;
    static uint8_t body[BODY_BYTES];
    struct bench bench;
    bench_open(&bench);
    struct delivery *delivery = &bench.delivery;
    delivery->failure = &bench.failure;
    delivery->count = 1;
    catchers[0].flush_waits = true;
    begin_to_close(&bench);
    shutdown_begin();
    int64_t half = clock_monotonic() + 500000;
    const struct message message = {
        .key = "", .body = body, .body_length = sizeof body, .origin = recorder_origin(bench.latter)};
    for (unsigned i = 0; i < TOO_MANY; i++)
        delivery_send(delivery, 0, &message);
    assert_in_range(clock_monotonic(), half - 100000, half + 400000);
    delivery_flush(delivery);
    assert_int_equal(delivery->outputs[0].dropped[OUTPUT_DROP_not_open], 0);
    assert_int_equal(catchers[0].count, TOO_MANY);
    bench_close(&bench);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_finds_no_room_is_dropped),
        cmocka_unit_test(what_waits_is_sent_as_there_is_room),
        cmocka_unit_test(what_is_not_put_into_force_changes_nothing),
        cmocka_unit_test(what_it_becomes_has_not_failed),
        cmocka_unit_test(a_change_waits_for_the_one_before),
        cmocka_unit_test(what_has_a_spool_is_closed_when_records_need_the_room),
        cmocka_unit_test(what_can_not_be_opened_is_tried_less_and_less_often),
        cmocka_unit_test(at_the_end_records_wait_for_a_change), /* the process has a deadline from then on */
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
