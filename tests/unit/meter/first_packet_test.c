/* What a flow's first packets need not be: the client's, and in order of time. */
#include "meter/meter_fixture.h"

enum { IDLE_MS = 1000, ACTIVE_MS = 5000, START_MS = 1700000, MAX_FLOWS = 1024 };

static void open_native(struct fixture *fixture) {
    struct meter_options options = {
        .profile = PROFILE_NATIVE,
        .idle_timeout = IDLE_MS * 1000,
        .active_timeout = ACTIVE_MS * 1000,
        .flow_table_size = MAX_FLOWS,
    };
    fixture_open(fixture, &options);
}

/* A packet of connection `number`, `ms` after the start. */
static struct packet at(int64_t ms, uint32_t number, bool back) {
    int64_t time = (START_MS + ms) * 1000;
    return back ? made_packet(time, 1, 80, 1000 + number, 4000, UDP)
                : made_packet(time, 1000 + number, 4000, 1, 80, UDP);
}

/* Seen from the server's answer on: the client is the source all the same. */
static void test_an_answer_comes_from_the_destination(void **state) {
    (void)state;
    for (int back = 0; back <= 1; back++) { /* either end may be the key's first */
        struct fixture fixture;
        open_native(&fixture);
        struct packet packets[] = {at(0, 3, back), at(1, 3, !back), at(2, 3, back),
                                   at(ACTIVE_MS + 1, 3, back)};
        for (size_t i = 0; i < 4; i++) {
            packets[i].protocol = TCP;
            bool of_server = i != 1;
            memcpy(packets[i].source_mac, of_server ? "server" : "client", 6);
            memcpy(packets[i].destination_mac, of_server ? "client" : "server", 6);
            for (int64_t ms = 500; i == 3 && ms < ACTIVE_MS; ms += 500) { /* not idle */
                struct packet between = packets[1];
                between.time = at(ms, 3, !back).time;
                feed(&fixture, between);
            }
            packets[i].flags = PACKET_HAS_MAC;
            packets[i].answers = i == 0 || i == 3;
            feed(&fixture, packets[i]);
        }
        meter_finish(fixture.meter, END_OF_INPUT);
        assert_int_equal(fixture.count, 2);
        for (size_t slice = 0; slice < 2; slice++) {
            const struct flow *flow = &fixture.exported[slice].flow;
            assert_int_equal(flow->slice, slice);
            assert_memory_equal(flow_source(flow), packets[1].source, 16);
            assert_memory_equal(flow_destination(flow), packets[0].source, 16);
            assert_int_equal(flow_source_port(flow), packets[1].source_port);
            assert_int_equal(flow_destination_port(flow), packets[0].source_port);
            assert_memory_equal(flow->source_mac, "client", 6);
            assert_memory_equal(flow->destination_mac, "server", 6);
        }
        assert_int_equal(flow_counters(&fixture.exported[0].flow, SRC2DST).packets, 10);
        assert_int_equal(flow_counters(&fixture.exported[0].flow, DST2SRC).packets, 2);
        assert_int_equal(flow_counters(&fixture.exported[1].flow, SRC2DST).packets, 0);
        assert_int_equal(flow_counters(&fixture.exported[1].flow, DST2SRC).packets, 1);
        fixture_close(&fixture);
    }
}

/* As a fragment comes that was held: with its own time, but not before the last of its flow. */
static void test_time_may_go_back_but_not_within_a_flow(void **state) {
    (void)state;
    struct fixture fixture;
    open_native(&fixture);
    int64_t start = at(0, 0, false).time;
    struct packet held[] = {at(40, 2, false), at(60, 1, false)};
    held[0].held_for = 62000;
    held[1].held_for = 42000;
    feed(&fixture, at(100, 1, false));
    feed(&fixture, held[0]);
    feed(&fixture, held[1]);
    feed(&fixture, at(110, 2, true));
    meter_finish(fixture.meter, END_OF_INPUT);
    assert_int_equal(fixture.count, 2);
    const struct flow *one = &fixture.exported[0].flow, *two = &fixture.exported[1].flow;
    assert_int_equal(flow_counters(one, BIDIRECTIONAL).packets, 2);
    assert_int_equal(flow_counters(one, BIDIRECTIONAL).last_seen, start + 100000);
    assert_true(one->seen_flags & PACKET_TIME_RAISED);
    assert_int_equal(flow_counters(two, BIDIRECTIONAL).first_seen, start + 40000);
    assert_int_equal(flow_counters(two, BIDIRECTIONAL).last_seen, start + 110000);
    assert_int_equal(two->seen_flags, 0);
    /* What makes it unique is of a clock that never goes back. */
    assert_int_equal(two->uid_time, start + 102000);
    fixture_close(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_answer_comes_from_the_destination),
        cmocka_unit_test(test_time_may_go_back_but_not_within_a_flow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
