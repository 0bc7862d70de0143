/* Outputs that come and go: each account closes at every moment, wherever a change is broken off. */
#include "app/run/roster.h"

#include <unistd.h>

#include "app/host/signals.h"
#include "app/run/catching_sink.h"
#include "app/run/lane.h"
#include "base/thread.h"

#define SECOND INT64_C(1000000)
#define KEPT   "{ name = \"0\"; sink = \"null\"; columns_to_anonymize = [ \"all=keep\" ]; }"
#define OTHER  "{ name = \"1\"; sink = \"null\"; columns_to_anonymize = [ \"all=keep\" ]; }"
#define CHANGED \
    "{ name = \"1\"; sink = \"null\"; columns_to_anonymize = [ \"all=keep\" ]; schema = \"flow/v2\"; }"
#define MORE "{ name = \"more\"; sink = \"null\"; columns_to_anonymize = [ \"all=keep\" ]; }"

struct bench {
    struct caught_plan caught;
    struct progress progress;
    struct failure failure;
    struct delivery delivery;
    struct lane lane;
    uint16_t port;
    int64_t beside; /* records of outputs[1] that no flow is behind */
};

/* A configuration that comes into force, and what it makes. It stays while outputs are of it. */
struct next {
    struct caught_plan made;
    struct roster_change change;
    atomic_bool given_up, done;
    pthread_t thread;
};

static void send(void *context, size_t output, const struct message *message) {
    struct bench *bench = context;
    bench->delivery.outputs[output].shares[0].records.sent++;
    delivery_send(&bench->delivery, output, message);
}

static const char *text_of(const char *outputs) {
    static char text[1024];
    snprintf(text, sizeof text,
             "sandbox = false; capture = { interfaces = [ \"lo\" ]; };"
             "meter = { n_meters = 1; flow_table_size = 1024; }; outputs = ( %s );",
             outputs);
    return text;
}

static void bench_open(struct bench *bench, const char *outputs) {
    struct error error = {0};
    *bench = (struct bench){0};
    failure_init(&bench->failure, &bench->progress);
    plan_text_to_catch(&bench->caught, text_of(outputs));
    const struct plan *plan = &bench->caught.plan;
    if (delivery_open(&bench->delivery, plan, &bench->failure, &error) < 0 ||
        lane_open(&bench->lane, 0, &plan->meter, &bench->delivery, &error) < 0)
        fail_msg("%s", error.text);
    bench->lane.send = send;
    bench->lane.send_context = bench;
    signals_install(SECOND);
}

static void bench_close(struct bench *bench) {
    lane_close(&bench->lane);
    delivery_close(&bench->delivery);
    caught_plan_release(&bench->caught);
}

static void next_open(struct next *next, struct bench *bench, const char *outputs) {
    *next = (struct next){0};
    load_well(&next->made.config, text_of(outputs));
    struct error error = {0};
    if (plan_make(&next->made.config, PLAN_SCHEMAS_AS_NAMED, &next->made.plan, &error) < 0)
        fail_msg("%s", error.text);
    static const struct sandbox no_sandbox;
    next->change = (struct roster_change){.roster = &bench->delivery.roster,
                                          .start = &bench->caught.plan,
                                          .next = &next->made.plan,
                                          .sandbox = &no_sandbox};
}

static void next_close(struct next *next) {
    plan_release(&next->made.plan);
    config_release(&next->made.config);
}

static void *run_change(void *context) {
    struct next *next = context;
    roster_run(&next->change, &next->given_up);
    atomic_store(&next->done, true);
    return NULL;
}

static void next_begin(struct next *next) {
    struct error error = {0};
    if (roster_prepare(&next->change, &error) < 0)
        fail_msg("%s", error.text);
    assert_int_equal(thread_start(&next->thread, "reload", run_change, next), 0);
}

static void next_end(struct next *next) {
    pthread_join(next->thread, NULL);
}

/* A flow that ends, with a record in each output that the lane knows. */
static void meter_flow(struct bench *bench) {
    static const uint8_t ip[28] = {0x45, 0, 0, 28, [9] = 17};
    struct packet packet = {
        .time = ++bench->port * 1000 * SECOND,
        .ip = ip,
        .ip_captured = sizeof ip,
        .size = {42, 28, 8, 0},
        .source = {192, 0, 2, 1},
        .destination = {198, 51, 100, 1},
        .source_port = bench->port,
        .destination_port = 53,
        .ip_version = 4,
        .protocol = 17,
    };
    meter_packet(bench->lane.meter, &packet);
    packet.time += 500 * SECOND;
    while (meter_tick(bench->lane.meter, packet.time))
        continue;
}

static void assert_closes(const struct bench *bench, size_t outputs) {
    static struct snapshot snapshot;
    snapshot = (struct snapshot){0};
    delivery_count(&bench->delivery, &snapshot);
    lane_count(&bench->lane, &snapshot.ledger);
    assert_int_equal(snapshot.output_count, outputs);
    for (size_t i = 0; i < outputs; i++) {
        assert_int_equal(snapshot_exports_residual(&snapshot, i), i == 1 ? -bench->beside : 0);
        assert_int_equal(snapshot_records_residual(&snapshot, i), 0);
    }
}

/* The threads take the change, while flows end. */
static void take_change(struct bench *bench, struct next *next) {
    while (!atomic_load(&next->done)) {
        usleep(200);
        delivery_poll(&bench->delivery);
        meter_flow(bench);
        lane_follow_outputs(&bench->lane);
        meter_flow(bench);
    }
    next_end(next);
}

/* And what they have to do then. */
static void take_all(struct bench *bench, struct next *next) {
    take_change(bench, next);
    while (output_state(&bench->delivery.outputs[1]) != OUTPUT_OPEN &&
           output_state(&bench->delivery.outputs[1]) != OUTPUT_CLOSED) {
        usleep(200);
        delivery_poll(&bench->delivery);
    }
}

static uint64_t made(const struct bench *bench, size_t output) {
    return bench->delivery.outputs[output].shares[0].records.made;
}

static void an_output_comes_goes_and_comes_again(void **state) {
    (void)state;
    struct bench bench;
    struct next next[4];
    bench_open(&bench, KEPT);
    meter_flow(&bench);
    for (size_t i = 0; i < 4; i++) {
        bool comes = i % 2 == 0;
        next_open(&next[i], &bench, comes ? MORE "," KEPT : KEPT);
        next_begin(&next[i]);
        take_all(&bench, &next[i]);
        assert_closes(&bench, 2);
        assert_int_equal(output_state(&bench.delivery.outputs[1]), comes ? OUTPUT_OPEN : OUTPUT_CLOSED);
        uint64_t before = made(&bench, 1);
        meter_flow(&bench);
        assert_int_equal(made(&bench, 1), before + comes);
        assert_int_equal(output_last_seq(&bench.delivery.outputs[1]), made(&bench, 1) - 1);
        assert_closes(&bench, 2);
    }
    assert_int_equal(made(&bench, 0), bench.port);
    assert_int_equal(catchers[0].count, bench.port);
    bench_close(&bench);
    for (size_t i = 0; i < 4; i++)
        next_close(&next[i]);
}

/* The run ends before this many of its steps are taken: by the delivering thread, by the meters, by both. */
static void end_within(unsigned steps, const char *outputs, size_t counted) {
    struct bench bench;
    struct next next;
    bench_open(&bench, KEPT "," OTHER);
    meter_flow(&bench);
    next_open(&next, &bench, outputs);
    next_begin(&next);
    struct roster *roster = &bench.delivery.roster;
    for (unsigned step = 0; step < steps; step++) {
        struct handout *handout = step == 1 ? &roster->meters : &roster->deliver;
        while (atomic_load(&handout->turn) != (step == 2 ? 2 : 1))
            usleep(200);
        if (step == 1)
            lane_follow_outputs(&bench.lane);
        else
            delivery_poll(&bench.delivery);
        meter_flow(&bench);
    }
    atomic_store(&next.given_up, true);
    next_end(&next);
    meter_flow(&bench);
    lane_follow_outputs(&bench.lane);
    roster_settle(&bench.delivery.roster);
    delivery_flush(&bench.delivery);
    assert_closes(&bench, steps == 0 ? 2 : counted);
    assert_int_equal(made(&bench, 0), bench.port);
    bench_close(&bench);
    next_close(&next);
}

static void a_change_may_be_broken_off(void **state) {
    (void)state;
    for (unsigned steps = 0; steps <= 3; steps++) {
        end_within(steps, MORE "," KEPT, 3);
        end_within(steps, KEPT "," CHANGED, 2);
        end_within(steps, CHANGED "," MORE "," KEPT, 3);
    }
}

static void refuse_change(struct bench *bench, const char *outputs, const char *says) {
    struct next next;
    struct error error = {0};
    next_open(&next, bench, outputs);
    assert_int_equal(roster_prepare(&next.change, &error), -EINVAL);
    assert_line(&error, EX_CONFIG, says);
    roster_undo(&next.change);
    meter_flow(bench);
    delivery_poll(&bench->delivery);
    assert_closes(bench, 2);
    next_close(&next);
}

static void what_needs_a_restart_is_named(void **state) {
    (void)state;
    struct bench bench;
    bench_open(&bench, KEPT "," OTHER);
    refuse_change(&bench, KEPT ", { name = \"1\"; sink = \"null\"; schema = \"sensor_stats/v1\"; }",
                  "output \"1\" has other options now, which needs a restart: its records are not of flows");
    refuse_change(
        &bench, KEPT ", { name = \"1\"; sink = \"null\"; columns_to_anonymize = [ \"address=hash\" ]; }",
        "output \"1\" has other options now, which needs a restart: its pseudonyms have no key yet");
    refuse_change(&bench, MORE ", { name = \"2\"; sink = \"null\"; schema = \"sensor_stats/v1\"; }",
                  "output \"2\" is new, which needs a restart: its records are not of flows");
    refuse_change(&bench,
                  KEPT ", { name = \"2\"; sink = \"null\"; columns_to_anonymize = [ \"address=hash\" ]; }",
                  "output \"2\" is new, which needs a restart: its pseudonyms have no key yet");
    assert_int_equal(made(&bench, 0), bench.port);
    assert_int_equal(made(&bench, 1), bench.port);
    bench_close(&bench);
}

/* The delivering thread has not taken it from the meter yet. */
static void an_output_that_goes_gets_what_is_on_its_way(void **state) {
    (void)state;
    struct bench bench;
    struct next next;
    const struct message message = {.body = (const uint8_t *)"x", .body_length = 1};
    bench_open(&bench, KEPT "," OTHER);
    struct output *output = &bench.delivery.outputs[1];
    output->shares[0].records.made++;
    output->shares[0].records.sent++;
    next_open(&next, &bench, KEPT);
    next_begin(&next);
    while (!atomic_load(&next.done)) {
        usleep(200);
        delivery_poll(&bench.delivery);
        lane_follow_outputs(&bench.lane);
    }
    next_end(&next);
    delivery_poll(&bench.delivery);
    assert_int_equal(output_state(output), OUTPUT_LEAVING);
    assert_true(catchers[1].open);
    delivery_send(&bench.delivery, 1, &message);
    while (output_state(output) != OUTPUT_CLOSED) {
        usleep(200);
        delivery_poll(&bench.delivery);
    }
    assert_int_equal(catchers[1].count, 1);
    assert_int_equal(catchers[1].flushes, 1);
    assert_false(catchers[1].open);
    bench_close(&bench);
    next_close(&next);
}

static void count_made(struct bench *bench) {
    struct output *output = &bench->delivery.outputs[1];
    bench->beside++;
    output->shares[0].records.made++;
    output->shares[0].records.sent++;
}

/* To the second output. */
static void deliver(struct bench *bench, const struct recorder *recorder, const char *body) {
    const struct message message = {
        .key = "", .body = (const uint8_t *)body, .body_length = 1, .origin = recorder_origin(recorder)};
    delivery_send(&bench->delivery, 1, &message);
}

/* Takes steps until it has that state. */
static void poll_until(struct bench *bench, struct output *output, enum output_state state) {
    while (output_state(output) != state) {
        usleep(200);
        delivery_poll(&bench->delivery);
        assert_closes(bench, 2);
    }
}

static void begin_change(struct bench *bench, struct next *next, const char *outputs) {
    next_open(next, bench, outputs);
    for (size_t i = 0; i < next->made.plan.output_count; i++)
        next->made.plan.outputs[i].sink = &catching_sink;
    next_begin(next);
}

/* What it has behind its first records. */
static void assert_caught(const struct catcher *catcher, size_t from, const char *bodies) {
    assert_int_equal(catcher->count, from + strlen(bodies));
    for (size_t i = 0; i < strlen(bodies); i++)
        assert_int_equal(catcher->records[from + i].body[0], bodies[i]);
}

/* Each meter changes over by itself: until all have, records of both come, and then those of what it was that are on their way.
 * Its sink gets none of the others before the first one is closed. */
static void an_output_becomes_another(void **state) {
    (void)state;
    struct bench bench;
    struct next next;
    bench_open(&bench, KEPT "," OTHER);
    struct output *output = &bench.delivery.outputs[1];
    meter_flow(&bench);
    begin_change(&bench, &next, CHANGED "," KEPT);
    const struct recorder *former = output->shares[0].recorder, *latter = output->shares[0].next;
    poll_until(&bench, output, OUTPUT_CHANGING);
    deliver(&bench, latter, "c"); /* of another meter, which changed over before this one */
    count_made(&bench);
    deliver(&bench, former, "a");
    count_made(&bench); /* it is on its way */
    while (output->shares[0].recorder != latter) {
        usleep(200);
        lane_follow_outputs(&bench.lane);
    }
    count_made(&bench); /* "c" */
    poll_until(&bench, output, OUTPUT_LEAVING);
    next_end(&next);
    for (int i = 0; i < 3; i++)
        delivery_poll(&bench.delivery);
    assert_int_equal(output_state(output), OUTPUT_LEAVING);
    deliver(&bench, latter, "d");
    count_made(&bench);
    deliver(&bench, former, "b");
    assert_caught(&catchers[1], 1, "ab");
    poll_until(&bench, output, OUTPUT_OPEN);
    assert_int_equal(catchers[1].flushes, 1);
    assert_ptr_equal(output->plan->config, &next.made.config.outputs[0]);
    delivery_poll(&bench.delivery);
    assert_null(output->waiting);
    deliver(&bench, latter, "e");
    count_made(&bench);
    assert_caught(&catchers[1], 1, "abcde");
    uint64_t seq = atomic_load(&output->next_seq);
    meter_flow(&bench);
    assert_int_equal(atomic_load(&output->next_seq), seq + 1);
    assert_int_equal(made(&bench, 0), bench.port);
    assert_closes(&bench, 2);
    bench_close(&bench);
    next_close(&next);
}

/* Its records wait until it can be opened, or are dropped with it. What fails of what it was doesn't touch it. */
static void what_can_not_be_opened_is_tried_again(void **state) {
    (void)state;
    struct bench bench;
    struct next first, second, third;
    bench_open(&bench, KEPT "," OTHER);
    struct output *output = &bench.delivery.outputs[1];
    catchers[1].fails_at = 1;
    meter_flow(&bench);
    assert_true(output_has_failed(output));
    catchers[1].fails_to_open = true;
    catchers[1].fails_at = 0;
    begin_change(&bench, &first, KEPT "," CHANGED);
    take_change(&bench, &first);
    poll_until(&bench, output, OUTPUT_WAITING);
    assert_false(output_has_failed(output));
    assert_true(atomic_load(&output->health.waiting_since) != 0);
    size_t dropped = (size_t)output->dropped[OUTPUT_DROP_not_open];
    meter_flow(&bench);
    begin_change(&bench, &second, KEPT "," OTHER);
    take_change(&bench, &second);
    assert_true(output->dropped[OUTPUT_DROP_not_open] > dropped); /* those of the first one */
    poll_until(&bench, output, OUTPUT_WAITING);
    dropped = (size_t)output->dropped[OUTPUT_DROP_not_open];
    meter_flow(&bench);
    assert_int_equal(catchers[1].count, 0);
    catchers[1].fails_to_open = false;
    poll_until(&bench, output, OUTPUT_OPEN);
    delivery_poll(&bench.delivery);
    assert_int_equal(output->dropped[OUTPUT_DROP_not_open], dropped);
    assert_true(catchers[1].count > 0);
    begin_change(&bench, &third, KEPT);
    take_change(&bench, &third);
    poll_until(&bench, output, OUTPUT_CLOSED);
    assert_int_equal(made(&bench, 0), catchers[0].count);
    bench_close(&bench);
    next_close(&first);
    next_close(&second);
    next_close(&third);
}

/* What an output leaves in its spool, and the next one of its name finds there. */
static void records_in_the_spool_are_counted_once(void **state) {
    (void)state;
    const struct sink_statistics past = {.acknowledged = 10, .spooled = 7, .found = 3, .bytes = 100};
    struct sink_statistics now = {.acknowledged = 5, .spooled = 2, .found = 9, .in_flight = 4};
    sink_statistics_continue(&now, &past);
    assert_int_equal(now.found, 5);   /* two are of a run before this one */
    assert_int_equal(now.spooled, 2); /* and none is left of the seven */
    assert_int_equal(now.acknowledged, 15);
    assert_int_equal(now.in_flight, 4);
    assert_int_equal(now.bytes, 100);
    now = (struct sink_statistics){0}; /* it has no spool any more */
    sink_statistics_continue(&now, &past);
    assert_int_equal(now.found, 3);
    assert_int_equal(now.spooled, 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_output_comes_goes_and_comes_again),
        cmocka_unit_test(an_output_that_goes_gets_what_is_on_its_way),
        cmocka_unit_test(an_output_becomes_another),
        cmocka_unit_test(what_can_not_be_opened_is_tried_again),
        cmocka_unit_test(a_change_may_be_broken_off),
        cmocka_unit_test(what_needs_a_restart_is_named),
        cmocka_unit_test(records_in_the_spool_are_counted_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
