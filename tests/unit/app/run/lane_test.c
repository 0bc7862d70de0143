/* A lane: of each ended flow a record for every output, in its order; when flows may end, and when no more may. */
#include "app/run/lane.h"

#include "app/host/signals.h"
#include "app/run/catching_sink.h"
#include "base/clock.h"

#define SECOND INT64_C(1000000)

struct bench {
    struct caught_plan caught;
    struct progress progress;
    struct failure failure;
    struct delivery delivery;
    struct lane lane;
    bool has_room;
    unsigned asked; /* for room */
    size_t last_output;
    bool in_order; /* each flow's records came for outputs 0, 1, ... */
};

static void send(void *context, size_t output, const struct message *message) {
    struct bench *bench = context;
    bench->in_order &= output == (bench->last_output + 1) % bench->delivery.count;
    bench->last_output = output;
    bench->delivery.outputs[output].shares[0].records.sent++;
    delivery_send(&bench->delivery, output, message);
}

static bool has_room(void *context) {
    struct bench *bench = context;
    bench->asked++;
    return bench->has_room;
}

static void bench_open_with(struct bench *bench, const char *settings, const char *columns) {
    struct error error = {0};
    *bench = (struct bench){.in_order = true, .has_room = true, .last_output = 1};
    failure_init(&bench->failure, &bench->progress);
    plan_to_catch(&bench->caught, settings, 2, columns);
    const struct plan *plan = &bench->caught.plan;
    if (delivery_open(&bench->delivery, plan, &bench->failure, &error) < 0 ||
        lane_open(&bench->lane, 0, &plan->meter, &bench->delivery, &error) < 0)
        fail_msg("%s", error.text);
    bench->lane.send = send;
    bench->lane.has_room = has_room;
    bench->lane.send_context = bench;
}

static void bench_open(struct bench *bench, const char *settings) {
    bench_open_with(bench, settings, "");
}

static void bench_close(struct bench *bench) {
    lane_close(&bench->lane);
    delivery_close(&bench->delivery);
    caught_plan_release(&bench->caught);
}

static void take_packet(struct bench *bench, uint16_t port, int64_t time) {
    static const uint8_t ip[28] = {0x45, 0, 0, 28, [9] = 17};
    struct packet packet = {
        .time = time,
        .ip = ip,
        .ip_captured = sizeof ip,
        .size = {42, 28, 8, 0},
        .source = {192, 0, 2, 1},
        .destination = {198, 51, 100, 1},
        .source_port = port,
        .destination_port = 53,
        .ip_version = 4,
        .protocol = 17,
    };
    meter_packet(bench->lane.meter, &packet);
}

static uint64_t ended(const struct bench *bench, enum end_reason reason) {
    struct meter_statistics statistics;
    meter_statistics(bench->lane.meter, &statistics);
    return statistics.flows_exported[reason];
}

static void each_flow_is_a_record_of_each_output(void **state) {
    (void)state;
    struct bench bench;
    bench_open(&bench, "");
    for (uint16_t port = 1; port <= 20; port++)
        take_packet(&bench, port, port * SECOND);
    assert_int_equal(catchers[0].count, 0);
    lane_finish(&bench.lane, false);
    assert_int_equal(ended(&bench, END_OF_INPUT), 20);
    assert_true(bench.in_order);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(catchers[i].count, 20);
        assert_int_equal(bench.delivery.outputs[i].shares[0].records.made, 20);
    }
    for (size_t i = 0; i < 20; i++) { /* of one schema */
        assert_int_equal(catchers[0].records[i].length, catchers[1].records[i].length);
        assert_memory_equal(catchers[0].records[i].body, catchers[1].records[i].body,
                            catchers[0].records[i].length);
    }
    bench_close(&bench);
}

static void beyond_max_nflows_flows_are_discarded(void **state) {
    (void)state;
    struct bench bench;
    struct meter_statistics statistics;
    bench_open(&bench, "meter = { max_nflows = 7; };");
    for (uint16_t port = 1; port <= 20; port++)
        take_packet(&bench, port, port);
    lane_finish(&bench.lane, false);
    meter_statistics(bench.lane.meter, &statistics);
    assert_int_equal(statistics.flows_opened, 20);
    assert_int_equal(statistics.flows_discarded, 13);
    assert_int_equal(catchers[0].count, 7);
    assert_int_equal(catchers[1].count, 7);
    assert_true(bench.delivery.stop);
    bench_close(&bench);
}

/* States of open flows are records of outputs that take them, and don't count as flows. */
static void states_are_records_of_who_takes_them(void **state) {
    (void)state;
    struct bench bench;
    struct meter_statistics statistics;
    bench_open_with(&bench, "meter = { max_nflows = 1; early_packets = [ \"1\", \"2\" ]; };",
                    "record_kinds = [ \"final\", \"early\" ];");
    bench.delivery.outputs[0].shares[0].kinds = 1u << RECORD_FINAL;
    for (uint16_t i = 0; i < 3; i++)
        take_packet(&bench, 1, i);
    assert_int_equal(catchers[0].count, 0);
    assert_int_equal(catchers[1].count, 2);
    assert_false(bench.delivery.stop);
    lane_finish(&bench.lane, false);
    assert_true(bench.delivery.stop);
    take_packet(&bench, 2, 10); /* after the last flow there are no states either */
    meter_statistics(bench.lane.meter, &statistics);
    assert_int_equal(statistics.early_records, 2);
    assert_int_equal(catchers[0].count, 1);
    assert_int_equal(catchers[1].count, 3);
    assert_int_equal(bench.delivery.outputs[0].shares[0].records.made, 1);
    assert_int_equal(bench.delivery.outputs[1].shares[0].records.made, 3);
    bench_close(&bench);
}

/* An output that failed has its records in the accounts, and the other one gets its own. */
static void a_failed_output_is_passed_over(void **state) {
    (void)state;
    struct bench bench;
    bench_open(&bench, "");
    catchers[0].fails_at = 3;
    for (uint16_t port = 1; port <= 20; port++)
        take_packet(&bench, port, port);
    lane_finish(&bench.lane, false);
    assert_int_equal(catchers[0].count, 2);
    assert_int_equal(catchers[1].count, 20);
    const struct record_counts *records = &bench.delivery.outputs[0].shares[0].records;
    assert_int_equal(records->made, 20);
    assert_int_equal(records->sent, 3);
    assert_int_equal(records->dropped[OUTPUT_DROP_output_failed], 17);
    bench_close(&bench);
}

#define LIVE                                           \
    "capture = { interfaces = [ \"lo\" ]; }; meter = " \
    "{ flow_table_size = 1024; idle_timeout = \"1s\"; active_timeout = \"10s\"; };"

/* Sweeps end nothing while there is no room; a cut by the active timeout doesn't wait. */
static void live_idle_flows_wait_for_room(void **state) {
    (void)state;
    struct bench bench;
    bench_open(&bench, LIVE);
    bench.has_room = false;
    take_packet(&bench, 1, 100 * SECOND);
    while (meter_tick(bench.lane.meter, 105 * SECOND)) {
    }
    assert_true(bench.asked > 0);
    assert_int_equal(ended(&bench, END_IDLE), 0);
    bench.has_room = true;
    while (meter_tick(bench.lane.meter, 106 * SECOND)) {
    }
    assert_int_equal(ended(&bench, END_IDLE), 1);
    assert_int_equal(catchers[0].count, 1);
    bench_close(&bench);
}

static void of_files_nobody_asks_for_room(void **state) {
    (void)state;
    struct bench bench;
    bench_open(&bench, "meter = { idle_timeout = \"1s\"; };");
    bench.has_room = false;
    take_packet(&bench, 1, 100 * SECOND);
    take_packet(&bench, 2, 105 * SECOND);
    meter_tick(bench.lane.meter, 105 * SECOND + 1);
    assert_int_equal(bench.asked, 0);
    assert_int_equal(ended(&bench, END_IDLE), 1);
    bench_close(&bench);
}

static void counts_are_of_this_lane(void **state) {
    (void)state;
    struct bench bench;
    struct ledger ledger = {0};
    bench_open(&bench, "");
    for (uint16_t port = 1; port <= 3; port++)
        take_packet(&bench, port, port);
    lane_finish(&bench.lane, false);
    lane_count(&bench.lane, &ledger);
    assert_int_equal(ledger.meters, 1);
    assert_int_equal(ledger.balance[0], 3);
    assert_int_equal(ledger.records[0].made, 3);
    assert_int_equal(ledger.records[1].sent, 3);
    bench_close(&bench);
}

/* Last, since there is no way back from a shutdown. */
static void a_live_source_ends_by_a_shutdown(void **state) {
    (void)state;
    struct bench bench;
    signals_install(5 * SECOND);
    bench_open(&bench, LIVE);
    take_packet(&bench, 1, 100 * SECOND);
    assert_int_equal(shutdown_deadline(), 0);
    lane_finish(&bench.lane, true);
    assert_int_equal(ended(&bench, END_SHUTDOWN), 1);
    assert_true(shutdown_deadline() > clock_monotonic());
    bench_close(&bench);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_flow_is_a_record_of_each_output),
        cmocka_unit_test(beyond_max_nflows_flows_are_discarded),
        cmocka_unit_test(states_are_records_of_who_takes_them),
        cmocka_unit_test(a_failed_output_is_passed_over),
        cmocka_unit_test(live_idle_flows_wait_for_room),
        cmocka_unit_test(of_files_nobody_asks_for_room),
        cmocka_unit_test(counts_are_of_this_lane),
        cmocka_unit_test(a_live_source_ends_by_a_shutdown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
