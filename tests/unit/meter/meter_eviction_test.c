/* Which flow ends when the table is full. */
#include "meter/meter_case.h"

/* A full table: flows that are over make room before others are evicted, though the sweep hasn't come to them. */
static void test_room_is_first_made_by_idle_flows(void **state) {
    (void)state;
    struct fixture fixture;
    open_profile(&fixture, PROFILE_NATIVE);
    for (uint32_t i = 0; i < 1024; i++)
        feed(&fixture, at(PROFILE_NATIVE, i < 1000 ? 0 : IDLE_MS - 1, i, false));
    /* 5 us after a sweep there is none for the second one. */
    for (uint32_t i = 0; i < 1024; i++) {
        struct packet packet = at(PROFILE_NATIVE, IDLE_MS, 2000 + i, false);
        feed(&fixture, packet);
    }
    struct meter_statistics statistics;
    meter_statistics(fixture.meter, &statistics);
    assert_int_equal(statistics.flows_exported[END_IDLE], 1000);
    assert_int_equal(statistics.flows_exported[END_EVICTED], 24);
    fixture_close(&fixture);
}

static struct packet tcp(int64_t ms, uint32_t number, bool back) {
    struct packet packet = at(PROFILE_NATIVE, ms, number, back);
    packet.protocol = TCP;
    return packet;
}

/* Fills the table: flow 0 UDP with two packets, 1 TCP with two packets and no answer, 2 TCP answered, then flows of one
 * packet. */
static void fill(struct fixture *fixture) {
    feed(fixture, at(PROFILE_NATIVE, 0, 0, false));
    feed(fixture, at(PROFILE_NATIVE, 1, 0, false));
    feed(fixture, tcp(2, 1, false));
    feed(fixture, tcp(3, 1, false));
    feed(fixture, tcp(4, 2, false));
    feed(fixture, tcp(5, 2, true));
    for (uint32_t i = 3; i < MAX_FLOWS; i++)
        feed(fixture, tcp(6, i, false));
    assert_int_equal(fixture->count, 0);
}

static void test_full_table_evicts_unanswered_flows_first(void **state) {
    (void)state;
    struct meter_options options = options_of(PROFILE_NATIVE);
    options.preallocate = true;
    struct fixture fixture;
    fixture_open(&fixture, &options);
    fill(&fixture);
    feed(&fixture, tcp(7, 5000, false));
    check_export(&fixture, 0, 1, END_EVICTED); /* half-open, used last before the others */
    feed(&fixture, tcp(8, 5001, false));
    check_export(&fixture, 1, 3, END_EVICTED); /* one packet */
    assert_int_equal(fixture.count, 2);
    fixture_check_ledger(&fixture);
    fixture_close(&fixture);
}

static void test_full_table_without_unanswered_flows_evicts_the_longest_idle(void **state) {
    (void)state;
    struct fixture fixture;
    open_profile(&fixture, PROFILE_NATIVE);
    fill(&fixture);
    feed(&fixture, tcp(7, 1, true));
    for (uint32_t i = 3; i < MAX_FLOWS; i++)
        feed(&fixture, tcp(8, i, true));
    feed(&fixture, at(PROFILE_NATIVE, 9, 0, false));
    feed(&fixture, tcp(10, 5000, false));
    assert_int_equal(fixture.count, 1);
    check_export(&fixture, 0, 2, END_EVICTED);
    feed(&fixture,
         tcp(11, 5001, false)); /* there is an unanswered one again, but it has its share of the table */
    check_export(&fixture, 1, 3, END_EVICTED);
    fixture_close(&fixture);
}

static void test_slices_stay_in_their_class(void **state) {
    (void)state;
    struct fixture fixture;
    open_profile(&fixture, PROFILE_NATIVE);
    for (int64_t ms = 0; ms <= ACTIVE_MS; ms += 500) /* flow 1 is answered, and its second slice begins */
        feed(&fixture, tcp(ms, 1, ms > 0));
    assert_int_equal(fixture.count, 1);
    for (uint32_t i = 2; i < MAX_FLOWS + 10; i++)
        feed(&fixture, tcp(ACTIVE_MS, i, false));
    for (size_t i = 1; i < fixture.count; i++)
        check_export(&fixture, i, (uint32_t)i + 1, END_EVICTED);
    fixture_close(&fixture);
}

static void test_nfstream_evicts_the_head(void **state) {
    (void)state;
    struct fixture fixture;
    open_profile(&fixture, PROFILE_NFSTREAM);
    for (uint32_t i = 0; i < MAX_FLOWS; i++)
        feed(&fixture, at(PROFILE_NFSTREAM, 0, i, false));
    feed(&fixture, at(PROFILE_NFSTREAM, 1, 0, false)); /* a second packet doesn't help it */
    feed(&fixture, at(PROFILE_NFSTREAM, 2, 5000, false));
    assert_int_equal(fixture.count, 1);
    check_export(&fixture, 0, 0, END_EVICTED);
    fixture_close(&fixture);
}

/* A flood of flows of one packet beside ten connections: these stay whole, and every flow is accounted for. */
static void test_flood_leaves_connections_whole(void **state) {
    (void)state;
    enum { CONNECTIONS = 10, FLOOD = 100000, TURN = 100 };
    struct meter_options options = options_of(PROFILE_NATIVE);
    options.preallocate = true;
    options.statistical_analysis = true;
    struct fixture fixture;
    fixture_open(&fixture, &options);
    struct meter_statistics before, after;
    meter_statistics(fixture.meter, &before);
    for (uint32_t i = 0; i < FLOOD; i++) {
        if (i % TURN == 0)
            for (uint32_t connection = 0; connection < CONNECTIONS; connection++)
                feed(&fixture, tcp(i / TURN, connection, i / TURN % 2 == 1));
        feed(&fixture, tcp(i / TURN, 10000 + i, false));
    }
    meter_statistics(fixture.meter, &after);
    assert_int_equal(after.flows_open, MAX_FLOWS);
    assert_int_equal(after.flows_exported[END_EVICTED], FLOOD + CONNECTIONS - MAX_FLOWS);
#if !defined(__SANITIZE_ADDRESS__)
    assert_int_equal(after.memory, before.memory);
    struct meter_budget budget;
    meter_budget(&options, &budget);
    assert_in_range(after.memory, (budget.flows + budget.dissector.states) * 9 / 10,
                    budget.flows + budget.dissector.states);
#endif
    meter_finish(fixture.meter, END_OF_INPUT);
    size_t whole = 0;
    for (size_t i = 0; i < fixture.count; i++)
        whole += flow_counters(&fixture.exported[i].flow, BIDIRECTIONAL).packets == FLOOD / TURN;
    assert_int_equal(whole, CONNECTIONS);
    fixture_close(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_room_is_first_made_by_idle_flows),
        cmocka_unit_test(test_full_table_evicts_unanswered_flows_first),
        cmocka_unit_test(test_full_table_without_unanswered_flows_evicts_the_longest_idle),
        cmocka_unit_test(test_slices_stay_in_their_class),
        cmocka_unit_test(test_nfstream_evicts_the_head),
        cmocka_unit_test(test_flood_leaves_connections_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
