/* All outputs of a run: one that fails leaves the others their records, and the last one ends the run; max_nflows; the end. */
#include "app/run/delivery.h"

#include "app/run/catching_sink.h"

enum { ADMITTING_THREADS = 4 };

struct bench {
    struct caught_plan caught;
    struct progress progress;
    struct failure failure;
    struct delivery delivery;
};

static int bench_try(struct bench *bench, const char *settings, size_t outputs, const char *columns,
                     struct error *error) {
    failure_init(&bench->failure, &bench->progress);
    plan_to_catch(&bench->caught, settings, outputs, columns);
    return delivery_open(&bench->delivery, &bench->caught.plan, &bench->failure, error);
}

static void bench_open(struct bench *bench, const char *settings, size_t outputs, const char *columns) {
    struct error error = {0};
    *bench = (struct bench){0};
    if (bench_try(bench, settings, outputs, columns, &error) < 0)
        fail_msg("%s", error.text);
}

static void bench_close(struct bench *bench) {
    delivery_close(&bench->delivery);
    caught_plan_release(&bench->caught);
}

/* A record of a flow to each output. */
static void send_to_all(struct bench *bench) {
    static const struct flow_shared nothing;
    struct flow flow = {
        .key = {.address_a = {192, 0, 2, 1}, .protocol = 17}, .ip_version = 4, .shared = &nothing};
    for (size_t i = 0; i < bench->delivery.count; i++) {
        struct message message;
        if (output_make(&bench->delivery.outputs[i], 0, &flow, &message))
            delivery_send(&bench->delivery, i, &message);
    }
}

static void what_was_opened_is_closed_if_the_next_one_fails(void **state) {
    (void)state;
    struct bench bench = {0};
    struct error error = {0};
    catchers[1].fails_to_open = true;
    assert_int_equal(bench_try(&bench, "", 3, "", &error), -EIO);
    assert_line(&error, EX_IOERR, "the test's sink fails");
    assert_true(catchers[0].open);
    bench_close(&bench);
}

static void an_output_that_fails_leaves_the_others_their_records(void **state) {
    (void)state;
    struct bench bench;
    struct error error;
    bench_open(&bench, "", 3, "");
    catchers[1].fails_at = 2;
    for (int i = 0; i < 5; i++)
        send_to_all(&bench);
    assert_false(bench.delivery.stop);
    assert_int_equal(catchers[0].count, 5);
    assert_int_equal(catchers[1].count, 1);
    assert_int_equal(catchers[1].writes, 2);
    assert_int_equal(catchers[2].count, 5);
    /* The exit code is the first failure's, and the run ends with the last output. */
    catchers[0].fails_at = catchers[0].writes + 1;
    send_to_all(&bench);
    assert_false(bench.delivery.stop);
    catchers[2].fails_at = catchers[2].writes + 1;
    send_to_all(&bench);
    assert_true(bench.delivery.stop);
    assert_int_equal(failure_result(&bench.failure, &error), -EIO);
    assert_int_equal(error.exit_code, EX_IOERR);
    bench_close(&bench);
}

static void a_reader_that_goes_away_is_no_failure(void **state) {
    (void)state;
    struct bench bench;
    struct error error;
    for (size_t outputs = 1; outputs <= 2; outputs++) {
        bench_open(&bench, "", outputs, "");
        catchers[0].fails_at = 1;
        catchers[0].goes_away = true;
        send_to_all(&bench);
        assert_int_equal(bench.delivery.stop, outputs == 1);
        assert_int_equal(failure_result(&bench.failure, &error), 0);
        bench_close(&bench);
    }
}

/* Reports alone are no reason to meter; without outputs of flows they are. */
static void the_last_output_of_flows_ends_the_run(void **state) {
    (void)state;
    static const char stats[] = "{ name = \"%d\"; sink = \"null\"; schema = \"sensor_stats/v1\"; }";
    static const char flows[] = "{ name = \"%d\"; sink = \"null\"; schema = \"flow/v1\"; }";
    for (int has_flows = 0; has_flows < 2; has_flows++) {
        struct bench bench = {0};
        struct error error = {0};
        char one[128], two[128], text[512];
        snprintf(one, sizeof one, has_flows ? flows : stats, 0); /* NOLINT: one of ours */
        snprintf(two, sizeof two, stats, 1);
        snprintf(text, sizeof text, "performance_report = \"1s\"; outputs = ( %s, %s );", one, two);
        failure_init(&bench.failure, &bench.progress);
        plan_text_to_catch(&bench.caught, text);
        assert_int_equal(delivery_open(&bench.delivery, &bench.caught.plan, &bench.failure, &error), 0);
        catchers[0].poll_fails = true;
        delivery_poll(&bench.delivery);
        assert_int_equal(bench.delivery.stop, has_flows);
        catchers[1].poll_fails = true;
        delivery_poll(&bench.delivery);
        assert_true(bench.delivery.stop);
        bench_close(&bench);
    }
}

static void a_poll_serves_every_output(void **state) {
    (void)state;
    struct bench bench;
    bench_open(&bench, "", 3, "");
    delivery_poll(&bench.delivery);
    assert_true(bench.delivery.heartbeat.time > 0);
    catchers[0].poll_fails = true;
    for (int i = 0; i < 2; i++)
        delivery_poll(&bench.delivery);
    assert_false(bench.delivery.stop);
    assert_int_equal(bench.failure.first.exit_code, EX_IOERR);
    assert_int_equal(catchers[0].polls, 2); /* it has failed by then */
    assert_int_equal(catchers[1].polls, 3);
    assert_int_equal(catchers[2].polls, 3);
    bench_close(&bench);
}

static void there_is_room_if_all_outputs_have_it(void **state) {
    (void)state;
    struct bench bench;
    bench_open(&bench, "", 2, "");
    assert_true(delivery_has_room(&bench.delivery));
    catchers[1].is_full = true;
    assert_false(delivery_has_room(&bench.delivery));
    catchers[1].fails_at = 1;
    send_to_all(&bench);
    assert_true(delivery_has_room(&bench.delivery));
    bench_close(&bench);
}

static void *admit_a_thousand(void *context) {
    struct delivery *delivery = context;
    uintptr_t admitted = 0;
    for (int i = 0; i < 1000; i++)
        admitted += delivery_admit(delivery);
    return (void *)admitted;
}

static void max_nflows_are_admitted_of_all_threads_together(void **state) {
    (void)state;
    struct bench bench;
    pthread_t threads[ADMITTING_THREADS];
    uintptr_t admitted = 0;
    bench_open(&bench, "meter = { max_nflows = 1500; };", 1, "");
    assert_false(bench.delivery.stop);
    for (size_t i = 0; i < ADMITTING_THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, admit_a_thousand, &bench.delivery), 0);
    for (size_t i = 0; i < ADMITTING_THREADS; i++) {
        void *result;
        pthread_join(threads[i], &result);
        admitted += (uintptr_t)result;
    }
    assert_int_equal(admitted, 1500);
    assert_true(bench.delivery.stop);
    bench_close(&bench);
    bench_open(&bench, "", 1, "");
    assert_int_equal((uintptr_t)admit_a_thousand(&bench.delivery), 1000);
    assert_false(bench.delivery.stop);
    bench_close(&bench);
}

static pthread_barrier_t all_flush;

static void wait_for_the_other(void) {
    pthread_barrier_wait(&all_flush);
}

/* Each returns once the other flushes too: one after the other they would wait for ever. */
static void outputs_flush_at_the_same_time(void **state) {
    (void)state;
    struct bench bench;
    bench_open(&bench, "delivery = { timeout = \"7s\"; };", 2, "");
    pthread_barrier_init(&all_flush, NULL, 2);
    catchers[0].flushing = catchers[1].flushing = wait_for_the_other;
    delivery_flush(&bench.delivery);
    assert_int_equal(catchers[0].flushes, 1);
    assert_int_equal(catchers[1].flushes, 1);
    assert_int_equal(catchers[0].flush_limit, 7000000);
    pthread_barrier_destroy(&all_flush);
    bench_close(&bench);
}

static void a_flush_that_fails_is_a_failure_once(void **state) {
    (void)state;
    struct bench bench;
    bench_open(&bench, "", 2, "");
    catchers[1].flush_fails = true;
    delivery_flush(&bench.delivery);
    assert_int_equal(bench.failure.first.exit_code, EX_IOERR);
    bench.failure.first = (struct error){0};
    catchers[0].fails_at = 1;
    catchers[0].flush_fails = true;
    catchers[1].flush_fails = false;
    send_to_all(&bench);
    assert_int_equal(bench.failure.first.exit_code, EX_IOERR);
    bench.failure.first = (struct error){0};
    delivery_flush(&bench.delivery);
    assert_int_equal(bench.failure.first.exit_code, 0); /* it was said when it failed */
    assert_int_equal(catchers[0].flush_limit, 0);       /* and had its time */
    bench_close(&bench);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_opened_is_closed_if_the_next_one_fails),
        cmocka_unit_test(an_output_that_fails_leaves_the_others_their_records),
        cmocka_unit_test(a_reader_that_goes_away_is_no_failure),
        cmocka_unit_test(the_last_output_of_flows_ends_the_run),
        cmocka_unit_test(a_poll_serves_every_output),
        cmocka_unit_test(there_is_room_if_all_outputs_have_it),
        cmocka_unit_test(max_nflows_are_admitted_of_all_threads_together),
        cmocka_unit_test(outputs_flush_at_the_same_time),
        cmocka_unit_test(a_flush_that_fails_is_a_failure_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
