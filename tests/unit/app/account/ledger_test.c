/* The ledger: how parts add up, and its lines. */
#include "app/account/ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "app/account/ledger_log.h"
#include "base/log.h"
#include "logged.h"

/* Every number different, so that none can stand for another; each account closes. */
static struct ledger example_part(uint64_t factor) {
    struct ledger part = {.intake = {.packets = 100 * factor, .bytes = 7 * factor, .held = 3 * factor}};
    part.intake.super_packets = 4 * factor;
    part.intake.segments = 9 * factor;
    part.intake.times_raised = 5 * factor;
    part.meter.packets_truncated = 12 * factor;
    part.intake.ignored[DECODE_METERED] = 80 * factor;
    part.intake.ignored[DECODE_not_ip] = 17 * factor;
    part.capture.dropped_kernel = 11 * factor;
    part.capture.dropped_interface = 13 * factor;
    part.capture.ring_freezes = 6 * factor;
    part.capture.clock_steps = 2 * factor;
    part.capture.interfaces_captured = 21 * factor;
    part.capture.interfaces_left_out = 22 * factor;
    part.capture.interface_overruns = 23 * factor;
    part.rings[0] = part.capture;
    part.ring_count = 1;
    part.meter.packets_without_memory = 3 * factor;
    part.meter.flows_opened = 50 * factor;
    part.meter.flows_exported[END_IDLE] = 20 * factor;
    part.meter.flows_exported[END_EVICTED] = 19 * factor;
    part.meter.early_records = 25 * factor;
    part.meter.update_records = 26 * factor;
    part.meter.flows_discarded = 1 * factor;
    part.meter.flows_open = 10 * factor;
    part.meter.flows_undecided = 6 * factor;
    part.meter.flows_undissected = 8 * factor;
    part.meter.loss_gap_bytes = 14 * factor;
    part.meter.flows_without_splt = 19 * factor;
    part.meter.packets_sampled_out = 15 * factor;
    part.meter.packets_shed = 16 * factor;
    part.meter.overload_entered[OVERLOAD_sampling] = 18 * factor;
    part.overload[0] = 4 / factor;
    part.overload_times[0] = 24 * factor;
    part.meter.memory = 4096 * factor;
    part.meters = 1;
    part.balance[0] = 80 * factor;
    part.records[0].made = 39 * factor;
    part.records[0].sent = 38 * factor;
    part.records[0].dropped[OUTPUT_DROP_handover_full] = 1 * factor;
    return part;
}

static void parts_add_up(void **state) {
    (void)state;
    struct ledger sum = {0}, one = example_part(1), ten = example_part(10);
    ledger_add(&sum, &ten);
    ledger_add(&sum, &one);
    assert_int_equal(sum.intake.packets, 1100);
    assert_int_equal(sum.intake.bytes, 77);
    assert_int_equal(sum.intake.super_packets, 44);
    assert_int_equal(sum.intake.segments, 99);
    assert_int_equal(sum.intake.held, 33);
    assert_int_equal(sum.intake.times_raised, 55);
    assert_int_equal(sum.intake.ignored[DECODE_METERED], 880);
    assert_int_equal(sum.intake.ignored[DECODE_not_ip], 187);
    assert_int_equal(sum.capture.dropped_kernel, 121);
    /* Of these each part tells all. */
    assert_int_equal(sum.capture.dropped_interface, 130);
    assert_int_equal(sum.capture.clock_steps, 20);
    assert_int_equal(sum.capture.interfaces_captured, 210);
    assert_int_equal(sum.capture.interfaces_left_out, 220);
    assert_int_equal(sum.capture.interface_overruns, 230);
    /* Each ring stays apart, in the order of the meters. */
    assert_int_equal(sum.ring_count, 2);
    assert_int_equal(sum.rings[0].dropped_kernel, 110);
    assert_int_equal(sum.rings[1].ring_freezes, 6);
    assert_int_equal(sum.meter.packets_truncated, 132);
    assert_int_equal(sum.meter.loss_gap_bytes, 154);
    assert_int_equal(sum.capture.ring_freezes, 66);
    assert_int_equal(sum.meter.packets_without_memory, 33);
    assert_int_equal(sum.meter.flows_opened, 550);
    assert_int_equal(sum.meter.flows_exported[END_IDLE], 220);
    assert_int_equal(sum.meter.flows_exported[END_EVICTED], 209);
    assert_int_equal(sum.meter.early_records, 275);
    assert_int_equal(sum.meter.update_records, 286);
    assert_int_equal(sum.meter.flows_discarded, 11);
    assert_int_equal(sum.meter.flows_open, 110);
    assert_int_equal(sum.meter.flows_undecided, 66);
    assert_int_equal(sum.meter.flows_undissected, 88);
    assert_int_equal(sum.meter.flows_without_splt, 209);
    assert_int_equal(sum.meter.packets_sampled_out, 165);
    assert_int_equal(sum.meter.packets_shed, 176);
    assert_int_equal(sum.meter.overload_entered[OVERLOAD_sampling], 198);
    assert_int_equal(sum.overload[0], 0);
    assert_int_equal(sum.overload[1], 4);
    assert_int_equal(sum.overload_times[0], 240);
    assert_int_equal(sum.overload_times[1], 24);
    assert_int_equal(sum.meter.memory, 4096 * 11);
    assert_int_equal(sum.meters, 2);
    assert_int_equal(sum.balance[0], 800);
    assert_int_equal(sum.balance[1], 80);
    assert_int_equal(sum.records[0].made, 429);
    assert_int_equal(sum.records[0].sent, 418);
    assert_int_equal(sum.records[0].dropped[OUTPUT_DROP_handover_full], 11);
}

static void applications_are_added_where_there_is_room(void **state) {
    (void)state;
    struct ledger sum = {0}, part = {0}, without = {0};
    assert_int_equal(applications_open(&sum.applications, 3), 0);
    assert_int_equal(applications_open(&part.applications, 3), 0);
    part.intake.packets = 4;
    part.applications.counts[2] = (struct application_counts){.flows = 1, .packets = 2, .bytes = 3};
    ledger_add(&sum, &part);
    ledger_add(&sum, &part);
    ledger_add(&sum, &without);
    ledger_add(&without, &part);
    assert_int_equal(sum.applications.counts[2].flows, 2);
    assert_int_equal(sum.applications.counts[2].packets, 4);
    assert_int_equal(sum.applications.counts[2].bytes, 6);
    assert_int_equal(without.intake.packets, 4);
    /* Clearing leaves the room. */
    ledger_clear(&sum);
    assert_int_equal(sum.intake.packets, 0);
    assert_int_equal(sum.applications.count, 3);
    assert_int_equal(sum.applications.counts[2].flows, 0);
    applications_close(&sum.applications);
    applications_close(&part.applications);
}

static struct ledger part_with_bounds(struct meter_bounds bounds) {
    return (struct ledger){.meters = 1, .bounds = bounds};
}

static void bounds_hold_for_all_meters(void **state) {
    (void)state;
    const struct ledger read = {.intake.packets = 5};
    struct ledger one = part_with_bounds((struct meter_bounds){true, false, 70, 60, 50});
    struct ledger two = part_with_bounds((struct meter_bounds){true, true, 71, 59, 51});
    struct ledger sum = {0};
    ledger_add(&sum, &read);
    ledger_add(&sum, &one);
    assert_true(sum.bounds.known);
    assert_false(sum.bounds.has_open);
    ledger_add(&sum, &two);
    ledger_add(&sum, &read);
    assert_true(sum.bounds.known && sum.bounds.has_open);
    assert_int_equal(sum.bounds.record_time, 70);
    assert_int_equal(sum.bounds.last_seen, 59);
    assert_int_equal(sum.bounds.first_seen, 50);
    struct ledger unknown = part_with_bounds((struct meter_bounds){0});
    ledger_add(&sum, &unknown);
    assert_false(sum.bounds.known);
}

static struct schema of_flows = {.records = OF_FLOW}, of_reports = {.records = OF_SENSOR};
static const struct output_plan to_kafka = {
    .name = "flows", .sink = &sink_kafka, .schema = &of_flows, .kinds = 1u << RECORD_FINAL};
static const struct output_plan to_nowhere = {.name = "stats", .sink = &sink_null, .schema = &of_reports};
#define OUTPUTS .plans = {&to_kafka, &to_nowhere}, .output_count = 2

static void assert_logs(const struct snapshot *snapshot, double seconds, const char *expected) {
    char written[4096];
    struct logged logged;
    logged_begin(&logged);
    ledger_log(snapshot, seconds);
    logged_end(&logged, written, sizeof written);
    assert_string_equal(written, expected);
}

/* What is 0 is not said, but for the terms of an account. */
static void an_empty_ledger_says_little(void **state) {
    (void)state;
    static const struct snapshot nothing = {OUTPUTS};
    log_configure(LOG_INFO, LOG_PLAIN);
    assert_logs(
        &nothing, 0,
        "flowsensor: packets: read 0 = metered 0 + ignored 0\n"
        "flowsensor: flows: opened 0 = exported 0 + open 0\n"
        "flowsensor: output flows (kafka): made 0 = acknowledged 0 + in flight 0 + dropped 0; 0 bytes encoded; "
        "exported 0 = made 0\n"
        "flowsensor: output stats (null): made 0 = acknowledged 0 + in flight 0 + dropped 0; 0 bytes encoded; "
        "reports 0 = made 0\n");
}

static void lines_say_where_all_went(void **state) {
    (void)state;
    static struct snapshot snapshot = {OUTPUTS};
    log_configure(LOG_INFO, LOG_PLAIN);
    struct ledger one = example_part(1), ten = example_part(10);
    ledger_add(&snapshot.ledger, &ten);
    ledger_add(&snapshot.ledger, &one);
    snapshot.reports = 6;
    snapshot.ledger.records[1].made = 5; /* one too few */
    snapshot.outputs[0].taken = 418;
    snapshot.outputs[0].dropped[OUTPUT_DROP_schema_mismatch] = 8;
    snapshot.outputs[0].sink.acknowledged = 400;
    snapshot.outputs[0].sink.in_flight = 6;
    snapshot.outputs[0].sink.dropped[SINK_DROP_rejected] = 4;
    snapshot.outputs[0].sink.bytes = 12345;
    snapshot.outputs[1].sink.acknowledged = 5;
    snapshot.outputs[1].sink.checksum = 0xabc;
    assert_logs(
        &snapshot, 2.5,
        "flowsensor: packets: read 1100 = metered 880 + ignored 187 (not_ip 187) + held 33; not read: dropped by "
        "kernel 121, by interface 130; rings full 66; interfaces left out 220; super-packets 44, cut into packets 99; times raised 55; clock steps 20; 2.50 s, 440 packets/s\n"
        "flowsensor: meters: 2, packets 800 + 80\n"
        "flowsensor: flows: opened 550 = exported 429 (idle 220, evicted 209) + discarded 11 (max_nflows 11) + "
        "open 110; truncated 132; packets without memory 33; early records 275; update records 286; undissected 88; loss_gap_bytes 154; packets sampled out 165; packets shed 176; without SPLT 209\n"
        "flowsensor: output flows (kafka): made 429 = acknowledged 400 + in flight 6 + dropped 23 (handover_full "
        "11, schema_mismatch 8, rejected 4); 12345 bytes encoded; exported 429 = made 429\n"
        "flowsensor: output stats (null): made 5 = acknowledged 5 + in flight 0 + dropped 0; 0 bytes encoded, "
        "checksum 0000000000000abc; reports 6 = made 5 + RESIDUAL 1 (a bug: please report it)\n");
    snapshot.ledger.capture.dropped_kernel = 0;
    snapshot.ledger.intake.packets++;
    snapshot.ledger.meter.flows_open--;
    snapshot.outputs[0].sink.in_flight++;
    snapshot.ledger.records[1].made = 6;
    snapshot.outputs[1].sink.acknowledged = 6;
    assert_logs(
        &snapshot, 0,
        "flowsensor: packets: read 1101 = metered 880 + ignored 187 (not_ip 187) + held 33 + RESIDUAL 1 (a bug: "
        "please report it); not read: dropped by kernel 0, by interface 130; rings full 66; interfaces left out 220; super-packets 44, cut into packets 99; "
        "times raised 55; clock steps 20\n"
        "flowsensor: meters: 2, packets 800 + 80\n"
        "flowsensor: flows: opened 550 = exported 429 (idle 220, evicted 209) + discarded 11 (max_nflows 11) + "
        "open 109 + RESIDUAL 1 (a bug: please report it); truncated 132; packets without memory 33; early records 275; update records 286; undissected 88; loss_gap_bytes 154; packets sampled out 165; packets shed 176; without SPLT 209\n"
        "flowsensor: output flows (kafka): made 429 = acknowledged 400 + in flight 7 + dropped 23 (handover_full "
        "11, schema_mismatch 8, rejected 4) + RESIDUAL -1 (a bug: please report it); 12345 bytes encoded; "
        "exported 429 = made 429\n"
        "flowsensor: output stats (null): made 6 = acknowledged 6 + in flight 0 + dropped 0; 0 bytes encoded, "
        "checksum 0000000000000abc; reports 6 = made 6\n");
}

/* No record is due of what was exported before an output was open, or once it was closed. */
static void an_output_that_came_or_went_says_what_it_missed(void **state) {
    (void)state;
    static struct snapshot snapshot = {.plans = {&to_kafka}, .output_count = 1};
    const struct record_counts one = {.made = 5, .sent = 5, .missed = 3}, other = {.missed = 4};
    log_configure(LOG_INFO, LOG_PLAIN);
    snapshot.ledger.meter.flows_opened = snapshot.ledger.meter.flows_exported[END_IDLE] = 12;
    snapshot.outputs[0].taken = snapshot.outputs[0].sink.acknowledged = 5;
    record_counts_add(&snapshot.ledger.records[0], &one);
    record_counts_add(&snapshot.ledger.records[0], &other);
    assert_true(snapshot_closes(&snapshot));
    assert_logs(
        &snapshot, 0,
        "flowsensor: packets: read 0 = metered 0 + ignored 0\n"
        "flowsensor: flows: opened 12 = exported 12 (idle 12) + open 0\n"
        "flowsensor: output flows (kafka): made 5 = acknowledged 5 + in flight 0 + dropped 0; 0 bytes "
        "encoded; exported 5 = made 5 while it was open, and 7 others\n");
    snapshot.ledger.records[0].missed--;
    assert_int_equal(snapshot_exports_residual(&snapshot, 0), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds_hold_for_all_meters),
        cmocka_unit_test(parts_add_up),
        cmocka_unit_test(applications_are_added_where_there_is_room),
        cmocka_unit_test(an_empty_ledger_says_little),
        cmocka_unit_test(lines_say_where_all_went),
        cmocka_unit_test(an_output_that_came_or_went_says_what_it_missed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
