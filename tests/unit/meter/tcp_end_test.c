/* Where one TCP connection ends and the next one on its ports begins. */
#include "meter/tcp_end.h"

#include "meter/meter_case.h"

enum { NONE = 0, CLIENT_SYN = 1000, SERVER_SYN = 5000, STEPS = 16, FLOWS = 4 };

/* A segment, and so many milliseconds after the start. */
struct step {
    int64_t ms;
    bool back; /* from the server */
    uint8_t flags;
    uint32_t sequence, acknowledgment, payload;
};

struct expected {
    enum end_reason reason;
    uint64_t packets;
};

static struct packet segment(const struct step *step) {
    struct packet packet = at(PROFILE_NATIVE, step->ms, 1, step->back);
    packet.protocol = TCP;
    packet.tcp_flags = step->flags;
    packet.answers = (step->flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK);
    packet.tcp_sequence = step->sequence;
    packet.tcp_acknowledgment = step->acknowledgment;
    packet.size[ACCOUNT_PAYLOAD] = step->payload;
    return packet;
}

static void open_tcp(struct fixture *fixture, int64_t idle_ms) {
    struct meter_options options = options_of(PROFILE_NATIVE);
    options.tcp_end = true;
    options.idle_timeout = idle_ms * 1000;
    options.active_timeout = 60000 * 1000;
    fixture_open(fixture, &options);
}

static void feed_steps(struct fixture *fixture, const struct step *steps) {
    for (size_t i = 0; i < STEPS && steps[i].flags != NONE; i++)
        feed(fixture, segment(&steps[i]));
}

static void check_flows(struct fixture *fixture, const struct expected *expected) {
    size_t count = 0;
    while (count < FLOWS && expected[count].packets > 0)
        count++;
    assert_int_equal(fixture->count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(fixture->exported[i].flow.end_reason, expected[i].reason);
        assert_int_equal(flow_counters(&fixture->exported[i].flow, BIDIRECTIONAL).packets,
                         expected[i].packets);
    }
}

/* What the steps make of a connection whose idle timeout is 30 s, up to the end of the input. */
static void check(const struct step steps[STEPS], const struct expected expected[FLOWS]) {
    struct fixture fixture;
    open_tcp(&fixture, 30000);
    feed_steps(&fixture, steps);
    meter_finish(fixture.meter, END_OF_INPUT);
    check_flows(&fixture, expected);
    fixture_close(&fixture);
}

#define HANDSHAKE(ms, client, server)                                                                     \
    {(ms), false, TCP_SYN, (client), 0, 0}, {(ms), true, TCP_SYN | TCP_ACK, (server), (client) + 1, 0}, { \
        (ms), false, TCP_ACK, (client) + 1, (server) + 1, 0                                               \
    }

static void test_both_fins_acknowledged(void **state) {
    (void)state;
    check((struct step[STEPS]){HANDSHAKE(0, CLIENT_SYN, SERVER_SYN),
                               {10, false, TCP_ACK | TCP_FIN, CLIENT_SYN + 1, SERVER_SYN + 1, 10},
                               {11, true, TCP_ACK, SERVER_SYN + 1, CLIENT_SYN + 12, 100},
                               {12, true, TCP_ACK | TCP_FIN, SERVER_SYN + 101, CLIENT_SYN + 12, 0},
                               {13, false, TCP_ACK, CLIENT_SYN + 12, SERVER_SYN + 102, 0}},
          (struct expected[FLOWS]){{END_TCP_FIN, 7}});
}

static void test_sequence_numbers_wrap(void **state) {
    (void)state;
    check((struct step[STEPS]){{0, false, TCP_ACK | TCP_FIN, UINT32_MAX - 4, 7, 10},
                               {1, true, TCP_ACK | TCP_FIN, UINT32_MAX, 6, 0},
                               {2, false, TCP_ACK, 6, 0, 0}},
          (struct expected[FLOWS]){{END_TCP_FIN, 3}});
}

/* A FIN that nobody acknowledged, and one whose acknowledgment is of what came before it. */
static void test_half_closed_stays_open(void **state) {
    (void)state;
    check((struct step[STEPS]){HANDSHAKE(0, CLIENT_SYN, SERVER_SYN),
                               {10, false, TCP_ACK | TCP_FIN, CLIENT_SYN + 1, SERVER_SYN + 1, 0},
                               {11, true, TCP_ACK | TCP_FIN, SERVER_SYN + 1, CLIENT_SYN + 2, 5},
                               {12, false, TCP_ACK, CLIENT_SYN + 2, SERVER_SYN + 6, 0},
                               {5000, true, TCP_ACK, SERVER_SYN + 7, CLIENT_SYN + 2, 0}},
          (struct expected[FLOWS]){{END_OF_INPUT, 7}});
}

static void test_refused(void **state) {
    (void)state;
    check((struct step[STEPS]){{0, false, TCP_SYN, CLIENT_SYN, 0, 0},
                               {1, true, TCP_RST | TCP_ACK, 0, CLIENT_SYN + 1, 0},
                               {300, false, TCP_SYN, CLIENT_SYN, 0, 0}, /* again */
                               {301, true, TCP_RST | TCP_ACK, 0, CLIENT_SYN + 1, 0},
                               {400, false, TCP_SYN, CLIENT_SYN + 70000, 0, 0}, /* a new one */
                               {401, true, TCP_RST | TCP_ACK, 0, CLIENT_SYN + 70001, 0}},
          (struct expected[FLOWS]){{END_TCP_RESET, 4}, {END_TCP_RESET, 2}});
}

static void test_strays_belong_to_a_closed_flow_until_the_grace_is_over(void **state) {
    (void)state;
    check((struct step[STEPS]){HANDSHAKE(0, CLIENT_SYN, SERVER_SYN),
                               {10, false, TCP_RST, CLIENT_SYN + 1, 0, 0},
                               {20, true, TCP_ACK, SERVER_SYN + 1, CLIENT_SYN + 1, 100},
                               {30, true, TCP_SYN | TCP_ACK, SERVER_SYN, CLIENT_SYN + 1, 0}, /* again */
                               {1009, false, TCP_RST, CLIENT_SYN + 1, 0, 0},
                               {1010, true, TCP_ACK, SERVER_SYN + 1, CLIENT_SYN + 1, 100}},
          (struct expected[FLOWS]){{END_TCP_RESET, 7}, {END_OF_INPUT, 1}});
}

static void test_late_answer_to_a_connection_that_was_given_up(void **state) {
    (void)state;
    check((struct step[STEPS]){{0, false, TCP_SYN, CLIENT_SYN, 0, 0},
                               {1, false, TCP_RST, CLIENT_SYN + 1, 0, 0},
                               {2, true, TCP_SYN | TCP_ACK, SERVER_SYN, CLIENT_SYN + 1, 0}},
          (struct expected[FLOWS]){{END_TCP_RESET, 3}});
}

static void test_three_connections_on_the_same_ports(void **state) {
    (void)state;
    check((struct step[STEPS]){HANDSHAKE(0, CLIENT_SYN, SERVER_SYN),
                               {1, true, TCP_RST, SERVER_SYN + 1, 0, 0},
                               HANDSHAKE(2, CLIENT_SYN + 100, SERVER_SYN + 100),
                               HANDSHAKE(3, CLIENT_SYN + 200, SERVER_SYN + 200)},
          (struct expected[FLOWS]){{END_TCP_RESET, 4}, {END_TCP_REUSE, 3}, {END_OF_INPUT, 3}});
}

/* While a connection opens its SYN may come again, be it with another number, and from both sides at once. */
static void test_syns_of_one_opening(void **state) {
    (void)state;
    check((struct step[STEPS]){{0, false, TCP_SYN, CLIENT_SYN, 0, 0},
                               {100, false, TCP_SYN, CLIENT_SYN, 0, 0},
                               {200, false, TCP_SYN, CLIENT_SYN + 5, 0, 0},
                               {201, true, TCP_SYN, SERVER_SYN, 0, 0},
                               {202, true, TCP_SYN | TCP_ACK, SERVER_SYN, CLIENT_SYN + 6, 0},
                               {203, false, TCP_ACK, CLIENT_SYN + 6, SERVER_SYN + 1, 0},
                               {204, false, TCP_SYN, CLIENT_SYN + 5, 0, 0}},
          (struct expected[FLOWS]){{END_OF_INPUT, 7}});
}

/* A flow that began before we looked: its connection is established, so that a SYN from either side is another one. */
static void test_syn_on_a_flow_without_an_opening(void **state) {
    (void)state;
    check((struct step[STEPS]){{0, false, TCP_ACK, CLIENT_SYN, SERVER_SYN, 10},
                               {1, true, TCP_SYN, SERVER_SYN, 0, 0},
                               {2, false, TCP_SYN | TCP_ACK, CLIENT_SYN, SERVER_SYN + 1, 0}},
          (struct expected[FLOWS]){{END_TCP_REUSE, 1}, {END_OF_INPUT, 2}});
}

static void check_facts(const struct step steps[STEPS], unsigned facts) {
    struct fixture fixture;
    open_tcp(&fixture, 30000);
    feed_steps(&fixture, steps);
    assert_int_equal(one_flow(&fixture)->tcp_facts, facts);
    fixture_close(&fixture);
}

static void test_handshakes(void **state) {
    (void)state;
    const unsigned opened = TCP_FROM_SYN;
    check_facts((struct step[STEPS]){HANDSHAKE(0, CLIENT_SYN, SERVER_SYN)}, opened | TCP_COMPLETED);
    /* TCP Fast Open: what the SYN carries is acknowledged or not. */
    for (uint32_t acknowledged = 0; acknowledged <= 8; acknowledged += 8)
        check_facts(
            (struct step[STEPS]){{0, false, TCP_SYN, CLIENT_SYN, 0, 8},
                                 {1, true, TCP_SYN | TCP_ACK, SERVER_SYN, CLIENT_SYN + 1 + acknowledged, 0},
                                 {2, true, TCP_ACK, SERVER_SYN + 1, CLIENT_SYN + 1 + acknowledged, 9},
                                 {3, false, TCP_ACK, CLIENT_SYN + 1 + acknowledged, SERVER_SYN + 10, 0}},
            opened | TCP_COMPLETED);
    /* The answer is to another SYN; to the latest of two; missing. */
    check_facts((struct step[STEPS]){{0, false, TCP_SYN, CLIENT_SYN, 0, 0},
                                     {1, true, TCP_SYN | TCP_ACK, SERVER_SYN, CLIENT_SYN + 2, 0},
                                     {2, false, TCP_ACK, CLIENT_SYN + 1, SERVER_SYN + 1, 0}},
                opened);
    check_facts((struct step[STEPS]){{0, false, TCP_SYN, CLIENT_SYN, 0, 0},
                                     {1, false, TCP_SYN, CLIENT_SYN + 500, 0, 0},
                                     {2, true, TCP_SYN | TCP_ACK, SERVER_SYN, CLIENT_SYN + 501, 0},
                                     {3, false, TCP_ACK, CLIENT_SYN + 501, SERVER_SYN + 1, 0}},
                opened | TCP_COMPLETED);
    check_facts((struct step[STEPS]){{0, false, TCP_SYN, CLIENT_SYN, 0, 0},
                                     {1, false, TCP_ACK, CLIENT_SYN + 1, SERVER_SYN + 1, 0}},
                opened);
    /* Begun before we looked. */
    check_facts((struct step[STEPS]){{1, true, TCP_SYN | TCP_ACK, SERVER_SYN, CLIENT_SYN + 1, 0},
                                     {2, false, TCP_ACK, CLIENT_SYN + 1, SERVER_SYN + 1, 0}},
                0);
}

/* The first FIN says who closed, whatever comes after it; a RST only where there was none. */
static void test_who_closed(void **state) {
    (void)state;
    check_facts((struct step[STEPS]){{0, false, TCP_ACK, CLIENT_SYN, SERVER_SYN, 1},
                                     {1, true, TCP_FIN | TCP_ACK, SERVER_SYN, CLIENT_SYN + 1, 0},
                                     {2, false, TCP_FIN | TCP_ACK, CLIENT_SYN + 1, SERVER_SYN + 1, 0}},
                TCP_DESTINATION_CLOSED);
    check_facts((struct step[STEPS]){{0, false, TCP_FIN | TCP_ACK, CLIENT_SYN, SERVER_SYN, 1},
                                     {1, true, TCP_RST, SERVER_SYN, 0, 0}},
                TCP_SOURCE_CLOSED);
    check_facts((struct step[STEPS]){{0, false, TCP_ACK, CLIENT_SYN, SERVER_SYN, 1},
                                     {1, true, TCP_RST, SERVER_SYN, 0, 0},
                                     {2, false, TCP_RST, CLIENT_SYN, 0, 0}},
                TCP_DESTINATION_CLOSED);
    struct fixture fixture;
    open_tcp(&fixture, 30000);
    feed(&fixture, at(PROFILE_NATIVE, 0, 2, false));
    assert_int_equal(one_flow(&fixture)->tcp_facts, 0);
    fixture_close(&fixture);
}

/* The record comes without a further packet of the flow; what is open doesn't wait for it. */
static void test_sweep_ends_closed_flows(void **state) {
    (void)state;
    struct fixture fixture;
    open_tcp(&fixture, 30000);
    feed(&fixture, at(PROFILE_NATIVE, 0, 2, false));
    feed_steps(&fixture, (struct step[STEPS]){HANDSHAKE(5, CLIENT_SYN, SERVER_SYN),
                                              {10, true, TCP_RST, SERVER_SYN + 1, 0, 0}});
    meter_tick(fixture.meter, (START_MS + 1009) * 1000);
    assert_int_equal(fixture.count, 0);
    meter_tick(fixture.meter, (START_MS + 1025) * 1000);
    check_flows(&fixture, (struct expected[FLOWS]){{END_TCP_RESET, 4}});
    meter_finish(fixture.meter, END_OF_INPUT);
    fixture_close(&fixture);
}

static void test_idle_timeout_below_the_grace(void **state) {
    (void)state;
    struct fixture fixture;
    open_tcp(&fixture, 100);
    feed_steps(&fixture, (struct step[STEPS]){{0, false, TCP_RST, CLIENT_SYN, 0, 0},
                                              {99, true, TCP_ACK, SERVER_SYN, 0, 0},
                                              {199, true, TCP_ACK, SERVER_SYN, 0, 0}});
    meter_finish(fixture.meter, END_OF_INPUT);
    check_flows(&fixture, (struct expected[FLOWS]){{END_TCP_RESET, 2}, {END_OF_INPUT, 1}});
    fixture_close(&fixture);
}

/* The active timeout cuts the flow while its connection closes: the next slice knows of the FIN before it. */
static void test_slices_of_one_connection(void **state) {
    (void)state;
    struct fixture fixture;
    struct meter_options options = options_of(PROFILE_NATIVE);
    options.tcp_end = true;
    options.idle_timeout = 30000 * 1000;
    fixture_open(&fixture, &options);
    feed_steps(&fixture,
               (struct step[STEPS]){HANDSHAKE(0, CLIENT_SYN, SERVER_SYN),
                                    {10, false, TCP_ACK | TCP_FIN, CLIENT_SYN + 1, SERVER_SYN + 1, 0},
                                    {ACTIVE_MS, true, TCP_ACK | TCP_FIN, SERVER_SYN + 1, CLIENT_SYN + 2, 0},
                                    {ACTIVE_MS + 1, false, TCP_ACK, CLIENT_SYN + 2, SERVER_SYN + 2, 0}});
    meter_finish(fixture.meter, END_OF_INPUT);
    check_flows(&fixture, (struct expected[FLOWS]){{END_ACTIVE, 4}, {END_TCP_FIN, 2}});
    assert_int_equal(fixture.exported[1].flow.slice, 1);
    fixture_close(&fixture);
}

/* A full table takes the place of closed flows first: their records are complete but for strays. */
static void test_closed_flows_make_room(void **state) {
    (void)state;
    struct fixture fixture;
    open_tcp(&fixture, 30000);
    feed_steps(&fixture, (struct step[STEPS]){HANDSHAKE(0, CLIENT_SYN, SERVER_SYN),
                                              {0, true, TCP_RST, SERVER_SYN + 1, 0, 0}});
    for (uint32_t i = 2; i < MAX_FLOWS + 2; i++)
        feed(&fixture, at(PROFILE_NATIVE, 1, i, false));
    check_flows(&fixture, (struct expected[FLOWS]){{END_TCP_RESET, 4}});
    feed(&fixture, at(PROFILE_NATIVE, 1, MAX_FLOWS + 2, false));
    check_flows(&fixture, (struct expected[FLOWS]){{END_TCP_RESET, 4}, {END_EVICTED, 1}});
    meter_finish(fixture.meter, END_OF_INPUT);
    fixture_close(&fixture);
}

static void test_switched_off(void **state) {
    (void)state;
    struct fixture fixture;
    open_profile(&fixture, PROFILE_NATIVE);
    feed_steps(&fixture, (struct step[STEPS]){HANDSHAKE(0, CLIENT_SYN, SERVER_SYN),
                                              {1, true, TCP_RST, SERVER_SYN + 1, 0, 0},
                                              HANDSHAKE(2, CLIENT_SYN + 100, SERVER_SYN + 100)});
    meter_finish(fixture.meter, END_OF_INPUT);
    check_flows(&fixture, (struct expected[FLOWS]){{END_OF_INPUT, 7}});
    fixture_close(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_fins_acknowledged),
        cmocka_unit_test(test_sequence_numbers_wrap),
        cmocka_unit_test(test_half_closed_stays_open),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_strays_belong_to_a_closed_flow_until_the_grace_is_over),
        cmocka_unit_test(test_late_answer_to_a_connection_that_was_given_up),
        cmocka_unit_test(test_three_connections_on_the_same_ports),
        cmocka_unit_test(test_syns_of_one_opening),
        cmocka_unit_test(test_syn_on_a_flow_without_an_opening),
        cmocka_unit_test(test_handshakes),
        cmocka_unit_test(test_who_closed),
        cmocka_unit_test(test_sweep_ends_closed_flows),
        cmocka_unit_test(test_idle_timeout_below_the_grace),
        cmocka_unit_test(test_slices_of_one_connection),
        cmocka_unit_test(test_closed_flows_make_room),
        cmocka_unit_test(test_switched_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
