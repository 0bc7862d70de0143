/* Floods of new flows through a full table: who is evicted is chosen by what is lost. The proportions are those of 150,000
 * packets a second through 65,536 flows, an eighth of both. */
#include "meter/expiry.h"
#include "meter/meter_case.h"

enum {
    TABLE = 8192,
    FLOOD_PACKETS = 18750, /* a second */
    FLOWS = 100,
    ONE_WAY = 25, /* the first of them */
    LEAD = 3,     /* seconds, and packets of each flow, before the flood */
    SECONDS = 60, /* of flood */
    SECOND = 1000000,
    STEP = SECOND / FLOOD_PACKETS,
    FLOOD_FROM = 100000 /* numbers of hosts */
};

struct flood {
    uint8_t protocol;
    int packets; /* of each of its flows, one way and the other in turn */
};

/* What came of the flows that are not the flood's. */
struct fates {
    uint64_t records, packets[FLOWS];
    int evicted;
};

static bool note_fate(void *context, const struct flow *flow) {
    struct fates *fates = context;
    uint16_t port = flow_source_port(flow) != 80 ? flow_source_port(flow) : flow_destination_port(flow);
    if (port < FLOWS) {
        fates->records++;
        fates->packets[port] += flow_packets(flow, BIDIRECTIONAL);
        fates->evicted += flow->end_reason == END_EVICTED;
    }
    return true;
}

static void meter_one(struct meter *meter, int64_t time, uint32_t host, uint16_t port, bool back,
                      uint8_t protocol) {
    struct packet packet = back ? made_packet(time, 1, 80, host, port, protocol)
                                : made_packet(time, host, port, 1, 80, protocol);
    meter_packet(meter, &packet);
}

/* One packet of a flow that was there before; every other one is TCP. */
static void meter_flow(struct meter *meter, int64_t time, uint32_t number, int64_t second) {
    meter_one(meter, time, 1000 + number, (uint16_t)number, number >= ONE_WAY && second % 2 == 1,
              number % 2 == 0 ? TCP : UDP);
}

/* In each step the flows whose turn in the second it is have a packet, and then the flood has one. */
static void pour(struct meter *meter, const struct flood *flood) {
    uint32_t host = FLOOD_FROM;
    int count = 0;
    for (int64_t second = 0; second < LEAD + SECONDS; second++) {
        uint32_t number = 0;
        for (int64_t step = 0; step < FLOOD_PACKETS; step++) {
            int64_t time = (START_MS / 1000 + second) * SECOND + step * STEP;
            for (; number * FLOOD_PACKETS / FLOWS <= step && number < FLOWS; number++)
                meter_flow(meter, time, number, second);
            if (second < LEAD)
                continue;
            meter_one(meter, time, host, 4000, count % 2 == 1, flood->protocol);
            count = (count + 1) % flood->packets;
            host += count == 0;
        }
    }
}

static void check_flood(const struct flood *flood, int64_t udp_answered_timeout) {
    struct meter_options options = options_of(PROFILE_NATIVE);
    options.flow_table_size = TABLE;
    options.idle_timeout = options.active_timeout = INT64_C(120) * SECOND;
    options.udp_answered_timeout = udp_answered_timeout;
    options.tcp_end = true;
    struct fates fates = {0};
    struct error error;
    struct meter *meter;
    struct meter_statistics statistics;
    assert_int_equal(meter_create(&options, note_fate, &fates, &meter, &error), 0);
    pour(meter, flood);
    meter_statistics(meter, &statistics);
    assert_int_equal(statistics.flows_open, TABLE);
    assert_true(statistics.flows_exported[END_EVICTED] >
                (uint64_t)FLOOD_PACKETS / (unsigned)flood->packets * SECONDS / 2);
    meter_finish(meter, END_OF_INPUT);
    assert_int_equal(fates.evicted, 0);
    assert_int_equal(fates.records, FLOWS);
    for (int i = 0; i < FLOWS; i++)
        assert_int_equal(fates.packets[i], LEAD + SECONDS);
    meter_destroy(meter);
}

static void test_floods_leave_flows_of_one_packet_a_second_whole(void **state) {
    (void)state;
    for (int packets = 1; packets <= 10; packets++) {
        check_flood(&(struct flood){UDP, packets}, 0);
        check_flood(&(struct flood){TCP, packets}, 0);
    }
    check_flood(&(struct flood){UDP, 2}, INT64_C(100) * SECOND);
}

/* From connection `first` on. */
static void feed_flows(struct fixture *fixture, int64_t ms, uint32_t first, uint32_t count, int packets) {
    for (int packet = 0; packet < packets; packet++)
        for (uint32_t i = 0; i < count; i++)
            feed(fixture, at(PROFILE_NATIVE, ms, first + i, packet % 2 == 1));
}

static uint64_t packets_of(const struct fixture *fixture, size_t index) {
    return flow_packets(&fixture->exported[index].flow, BIDIRECTIONAL);
}

/* Each group fits into the table's share of a class, so that it goes on though all others are of more packets. */
static void test_newcomers_live_in_a_table_of_long_flows(void **state) {
    (void)state;
    enum { GROUP = MAX_FLOWS / EXPIRY_SHARE, GROUPS = 20 };
    struct fixture fixture;
    open_profile(&fixture, PROFILE_NATIVE);
    feed_flows(&fixture, 0, 0, MAX_FLOWS, 40);
    for (uint32_t group = 0; group < GROUPS; group++)
        feed_flows(&fixture, 1, 5000 + group * GROUP, GROUP, 10);
    assert_int_equal(fixture.count, GROUP * GROUPS);
    /* Flows of many packets go once newcomers have had many too, and of those the ones that were used last before. */
    for (size_t i = 0; i < GROUP; i++)
        check_export(&fixture, i, (uint32_t)i, END_EVICTED);
    size_t newcomers = 0;
    for (size_t i = 0; i < fixture.count; i++) {
        assert_int_equal(fixture.exported[i].flow.end_reason, END_EVICTED);
        assert_true(packets_of(&fixture, i) == 40 || packets_of(&fixture, i) == 10);
        newcomers += packets_of(&fixture, i) == 10;
    }
    assert_in_range(newcomers, GROUP * (GROUPS - 2), GROUP * GROUPS);
    fixture_close(&fixture);
}

/* Newcomers of three packets evict those of fewer, and one another. */
static void test_flows_of_more_packets_go_later(void **state) {
    (void)state;
    static const int packets[] = {1, 2, 3, 8, 32};
    enum { KINDS = sizeof packets / sizeof *packets, EACH = MAX_FLOWS / KINDS, NEWCOMERS = 5000 };
    struct fixture fixture;
    open_profile(&fixture, PROFILE_NATIVE);
    for (uint32_t kind = 0; kind < KINDS; kind++)
        feed_flows(&fixture, 0, kind * EACH, EACH, packets[kind]);
    for (uint32_t i = 0; i < NEWCOMERS; i++)
        feed_flows(&fixture, 1, 5000 + i, 1, 3);
    assert_in_range(fixture.count, NEWCOMERS - KINDS, NEWCOMERS);
    for (size_t i = 0; i < fixture.count; i++)
        assert_true(packets_of(&fixture, i) <= 3);
    meter_finish(fixture.meter, END_OF_INPUT);
    size_t left[33] = {0};
    for (size_t i = fixture.count - MAX_FLOWS; i < fixture.count; i++)
        left[packets_of(&fixture, i)]++;
    assert_int_equal(left[8], EACH);
    assert_int_equal(left[32], EACH);
    assert_int_equal(left[1] + left[2], 2 * MAX_FLOWS / EXPIRY_SHARE);
    fixture_close(&fixture);
}

/* What a flow was in earlier slices it stays: its next slice begins with one packet. */
static void test_a_slice_is_worth_what_its_flow_is(void **state) {
    (void)state;
    struct fixture fixture;
    open_profile(&fixture, PROFILE_NATIVE);
    for (int64_t ms = 0; ms <= ACTIVE_MS; ms += 100)
        feed(&fixture, at(PROFILE_NATIVE, ms, 0, false));
    assert_int_equal(fixture.count, 1);
    for (uint32_t i = 0; i < 2 * MAX_FLOWS; i++)
        feed_flows(&fixture, ACTIVE_MS, 5000 + i, 1, 2);
    for (size_t i = 1; i < fixture.count; i++)
        assert_int_equal(packets_of(&fixture, i), 2);
    feed(&fixture, at(PROFILE_NATIVE, ACTIVE_MS, 0, false));
    meter_finish(fixture.meter, END_OF_INPUT);
    size_t slices = 0;
    for (size_t i = 1; i < fixture.count; i++) {
        const struct flow *flow = &fixture.exported[i].flow;
        slices += flow->slice == 1 && flow->end_reason == END_OF_INPUT && packets_of(&fixture, i) == 2;
    }
    assert_int_equal(slices, 1);
    fixture_close(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_floods_leave_flows_of_one_packet_a_second_whole),
        cmocka_unit_test(test_newcomers_live_in_a_table_of_long_flows),
        cmocka_unit_test(test_flows_of_more_packets_go_later),
        cmocka_unit_test(test_a_slice_is_worth_what_its_flow_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
