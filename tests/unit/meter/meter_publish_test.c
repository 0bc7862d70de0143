/* States of open flows: which are published, when, and what they leave as it was. */
#include "meter/meter_case.h"
#include "meter/tcp_end.h"

enum { MS = 1000, TCP_GRACE_MS = TCP_GRACE / MS };

static struct meter_options options_with(struct publish_options publish) {
    struct meter_options options = options_of(PROFILE_NATIVE);
    options.publish = publish;
    return options;
}

static void open_with(struct fixture *fixture, struct publish_options publish) {
    struct meter_options options = options_with(publish);
    fixture_open(fixture, &options);
}

static void feed_at(struct fixture *fixture, int64_t ms, uint32_t number) {
    feed(fixture, at(PROFILE_NATIVE, ms, number, false));
}

struct expected {
    enum record_kind kind;
    uint64_t packets;
    uint16_t revision;
};

/* The records of flow `number` since the start, in their order. */
static void check_flow(const struct fixture *fixture, uint32_t number, const struct expected *expected,
                       size_t count) {
    size_t found = 0;
    for (size_t i = 0; i < fixture->count; i++) {
        const struct flow *flow = &fixture->exported[i].flow;
        if (flow_source(flow)[3] != (uint8_t)(1000 + number))
            continue;
        assert_true(found < count);
        assert_int_equal(flow->record_kind, expected[found].kind);
        assert_int_equal(flow_packets(flow, BIDIRECTIONAL), expected[found].packets);
        assert_int_equal(flow->revision, expected[found].revision);
        if (flow->record_kind != RECORD_FINAL)
            assert_string_equal(flow_end_reason(flow), "open");
        found++;
    }
    assert_int_equal(found, count);
}

#define CHECK_FLOW(fixture, number, ...)                                           \
    do {                                                                           \
        const struct expected expected[] = {__VA_ARGS__};                          \
        check_flow(fixture, number, expected, sizeof expected / sizeof *expected); \
    } while (0)

static void close_with(struct fixture *fixture, uint64_t early, uint64_t update) {
    struct meter_statistics statistics;
    meter_statistics(fixture->meter, &statistics);
    assert_int_equal(statistics.early_records, early);
    assert_int_equal(statistics.update_records, update);
    assert_int_equal(fixture->count, early + update + meter_flows_exported(&statistics));
    assert_int_equal(statistics.flows_opened,
                     meter_flows_exported(&statistics) + statistics.flows_open + statistics.flows_discarded);
    meter_destroy(fixture->meter);
    free(fixture->exported);
}

static void at_numbers_of_packets(void **state) {
    (void)state;
    struct fixture fixture;
    open_with(&fixture, (struct publish_options){.early_packets = {1, 3}, .early_packet_count = 2});
    for (int i = 0; i < 5; i++)
        feed(&fixture, at(PROFILE_NATIVE, i, 1, i % 2 == 1));
    feed_at(&fixture, 5, 2);
    assert_int_equal(fixture.count, 3);
    meter_finish(fixture.meter, END_OF_INPUT);
    CHECK_FLOW(&fixture, 1, {RECORD_EARLY, 1, 0}, {RECORD_EARLY, 3, 1}, {RECORD_FINAL, 5, 2});
    CHECK_FLOW(&fixture, 2, {RECORD_EARLY, 1, 0}, {RECORD_FINAL, 1, 1});
    close_with(&fixture, 3, 0);
}

/* At 100 ms after the first packet: the packet of just that time is not in it. */
static void after_a_time(void **state) {
    (void)state;
    struct fixture fixture;
    open_with(&fixture, (struct publish_options){.early_after = 100 * MS});
    feed_at(&fixture, 0, 1);
    feed_at(&fixture, 99, 1);
    assert_int_equal(fixture.count, 0);
    feed_at(&fixture, 100, 1);
    assert_int_equal(fixture.count, 1);
    feed_at(&fixture, 300, 1);
    meter_finish(fixture.meter, END_OF_INPUT);
    CHECK_FLOW(&fixture, 1, {RECORD_EARLY, 2, 0}, {RECORD_FINAL, 4, 1});
    close_with(&fixture, 1, 0);
}

/* The queue comes to it without a packet of the flow: with another's, and on a quiet link. */
static void after_a_time_without_a_packet(void **state) {
    (void)state;
    for (int quiet = 0; quiet < 2; quiet++) {
        struct fixture fixture;
        open_with(&fixture, (struct publish_options){.early_after = 100 * MS});
        feed_at(&fixture, 0, 1);
        if (quiet)
            meter_tick(fixture.meter, (START_MS + 99) * (int64_t)MS);
        else
            feed_at(&fixture, 99, 2);
        assert_int_equal(fixture.count, 0);
        if (quiet)
            meter_tick(fixture.meter, (START_MS + 110) * (int64_t)MS);
        else
            feed_at(&fixture, 110, 2);
        assert_int_equal(fixture.count, 1);
        CHECK_FLOW(&fixture, 1, {RECORD_EARLY, 1, 0});
        meter_finish(fixture.meter, END_OF_INPUT);
        close_with(&fixture, 1, 0);
    }
}

/* Multiples of 100 ms from the first packet on, where there was a packet since the last record, whatever that was of. */
static void at_intervals(void **state) {
    (void)state;
    struct fixture fixture;
    open_with(&fixture, (struct publish_options){
                            .early_packets = {3}, .early_packet_count = 1, .update_interval = 100 * MS});
    feed_at(&fixture, 0, 1);
    feed_at(&fixture, 150, 1); /* after the one at 100 */
    feed_at(&fixture, 160, 1); /* the third: nothing more at 200 */
    feed_at(&fixture, 450, 1);
    feed_at(&fixture, 499, 1);
    feed_at(&fixture, 500, 1); /* after the one at 500 */
    meter_finish(fixture.meter, END_OF_INPUT);
    CHECK_FLOW(&fixture, 1, {RECORD_UPDATE, 1, 0}, {RECORD_EARLY, 3, 1}, {RECORD_UPDATE, 5, 2},
               {RECORD_FINAL, 6, 3});
    close_with(&fixture, 1, 2);
}

/* Both at one time: the early one, which the update has nothing to add to. */
static void early_goes_before_update(void **state) {
    (void)state;
    struct fixture fixture;
    open_with(&fixture, (struct publish_options){.early_after = 100 * MS, .update_interval = 100 * MS});
    feed_at(&fixture, 0, 1);
    feed_at(&fixture, 120, 1);
    feed_at(&fixture, 320, 1);
    meter_finish(fixture.meter, END_OF_INPUT);
    CHECK_FLOW(&fixture, 1, {RECORD_EARLY, 1, 0}, {RECORD_UPDATE, 2, 1}, {RECORD_FINAL, 3, 2});
    close_with(&fixture, 1, 1);
}

/* A flow that is idle has no state at the time when it ends, or later; also where nobody came to its end before. */
static void none_once_the_flow_has_ended(void **state) {
    (void)state;
    const int64_t after[] = {IDLE_MS - 1, IDLE_MS, IDLE_MS + 1};
    for (size_t i = 0; i < sizeof after / sizeof *after; i++) {
        struct fixture fixture;
        open_with(&fixture, (struct publish_options){.early_after = after[i] * MS});
        feed_at(&fixture, 0, 1);
        feed_at(&fixture, INT64_C(3) * IDLE_MS, 1);
        meter_finish(fixture.meter, END_OF_INPUT);
        if (after[i] < IDLE_MS)
            CHECK_FLOW(&fixture, 1, {RECORD_EARLY, 1, 0}, {RECORD_FINAL, 1, 1}, {RECORD_FINAL, 1, 0});
        else
            CHECK_FLOW(&fixture, 1, {RECORD_FINAL, 1, 0}, {RECORD_FINAL, 1, 0});
        close_with(&fixture, after[i] < IDLE_MS, 0);
    }
}

/* A connection that is closed ends after its grace. */
static void none_after_the_grace_of_a_closed_connection(void **state) {
    (void)state;
    for (int64_t ms = TCP_GRACE_MS - 1; ms <= TCP_GRACE_MS; ms++) {
        struct fixture fixture;
        struct meter_options options = options_with((struct publish_options){.early_after = ms * MS});
        options.tcp_end = true;
        options.idle_timeout = INT64_C(100000) * MS;
        fixture_open(&fixture, &options);
        struct packet packet = at(PROFILE_NATIVE, 0, 1, false);
        packet.protocol = TCP;
        packet.tcp_flags = TCP_RST;
        feed(&fixture, packet);
        meter_tick(fixture.meter, (START_MS + 2 * TCP_GRACE_MS) * (int64_t)MS);
        assert_int_equal(fixture.count, ms < TCP_GRACE_MS ? 2 : 1);
        assert_int_equal(fixture.exported[fixture.count - 1].flow.end_reason, END_TCP_RESET);
        close_with(&fixture, ms < TCP_GRACE_MS, 0);
    }
}

/* The next slice counts packets, times and revisions of its own. */
static void each_slice_begins_anew(void **state) {
    (void)state;
    struct fixture fixture;
    open_with(&fixture, (struct publish_options){.early_packets = {2},
                                                 .early_packet_count = 1,
                                                 .early_after = 500 * MS,
                                                 .update_interval = 4000 * MS});
    for (int64_t ms = 0; ms <= ACTIVE_MS + 600; ms += 200)
        feed_at(&fixture, ms, 1);
    meter_finish(fixture.meter, END_OF_INPUT);
    CHECK_FLOW(&fixture, 1, {RECORD_EARLY, 2, 0}, {RECORD_EARLY, 3, 1}, {RECORD_UPDATE, 20, 2},
               {RECORD_FINAL, 25, 3}, {RECORD_EARLY, 2, 0}, {RECORD_EARLY, 3, 1}, {RECORD_FINAL, 4, 2});
    assert_int_equal(fixture.exported[3].flow.slice, 0);
    assert_int_equal(fixture.exported[4].flow.slice, 1);
    close_with(&fixture, 4, 1);
}

/* Sweeps ask for room before they publish; a packet that changes the state doesn't wait. */
static void states_that_may_wait_ask_for_room(void **state) {
    (void)state;
    struct fixture fixture;
    open_with(&fixture, (struct publish_options){.early_after = 100 * MS});
    meter_ask_for_room(fixture.meter, fixture_has_room);
    feed_at(&fixture, 0, 1);
    feed_at(&fixture, 0, 2);
    assert_false(meter_tick(fixture.meter, (START_MS + 200) * (int64_t)MS));
    assert_int_equal(fixture.count, 0);
    feed_at(&fixture, 210, 1);
    CHECK_FLOW(&fixture, 1, {RECORD_EARLY, 1, 0});
    fixture.room = 2;
    meter_tick(fixture.meter, (START_MS + 220) * (int64_t)MS);
    CHECK_FLOW(&fixture, 2, {RECORD_EARLY, 1, 0});
    meter_finish(fixture.meter, END_OF_INPUT);
    close_with(&fixture, 2, 0);
}

/* A thousand flows are due at once: a tick publishes some, says so, and the next ones the rest. */
static void a_tick_is_bounded(void **state) {
    (void)state;
    struct fixture fixture;
    unsigned ticks = 1;
    open_with(&fixture, (struct publish_options){.update_interval = 100 * MS});
    for (uint32_t number = 1; number <= 1000; number++)
        feed_at(&fixture, 0, number);
    for (; meter_tick(fixture.meter, (START_MS + 200) * (int64_t)MS); ticks++)
        assert_int_equal(fixture.count, 256 * ticks);
    assert_int_equal(ticks, 4);
    assert_int_equal(fixture.count, 1000);
    meter_finish(fixture.meter, END_OF_INPUT);
    close_with(&fixture, 0, 1000);
}

/* What is not taken is no record, and takes no revision. */
static void what_is_not_taken_is_not_counted(void **state) {
    (void)state;
    struct fixture fixture;
    open_with(&fixture, (struct publish_options){.early_packets = {1, 2}, .early_packet_count = 2});
    fixture.limit = 1;
    feed_at(&fixture, 0, 1);
    feed_at(&fixture, 1, 1);
    fixture.limit = 0;
    meter_finish(fixture.meter, END_OF_INPUT);
    CHECK_FLOW(&fixture, 1, {RECORD_EARLY, 1, 0}, {RECORD_FINAL, 2, 1});
    close_with(&fixture, 1, 0);
}

/* By sums, so that order doesn't matter. */
struct sums {
    uint64_t records[RECORD_KIND_COUNT], packets[RECORD_KIND_COUNT], revisions, times;
};

static void add_up(struct sums *sums, const struct fixture *fixture) {
    for (size_t i = 0; i < fixture->count; i++) {
        const struct flow *flow = &fixture->exported[i].flow;
        sums->records[flow->record_kind]++;
        sums->packets[flow->record_kind] += flow_packets(flow, BIDIRECTIONAL) * flow->hash;
        sums->revisions += flow->revision;
        sums->times += (uint64_t)flow_last_seen(flow, BIDIRECTIONAL);
    }
}

/* Random packets of many flows, by one meter and by two, each with half of the flows and ticks at other times. */
static struct sums random_run(unsigned meters) {
    struct sums sums = {0};
    const struct hash_key seed = {{1, 2}};
    for (unsigned meter = 0; meter < meters; meter++) {
        struct fixture fixture;
        struct meter_options options = options_with((struct publish_options){.early_packets = {1, 4, 9},
                                                                             .early_packet_count = 3,
                                                                             .early_after = 700 * MS,
                                                                             .update_interval = 333 * MS});
        uint32_t random = 7;
        int64_t ms = 0;
        options.seed = &seed;
        fixture_open(&fixture, &options);
        for (int i = 0; i < 20000; i++) {
            uint32_t number = made_random(&random, 200);
            ms += made_random(&random, 12);
            if (number % meters == meter)
                feed_at(&fixture, ms, number);
            else if (i % 100 == 0)
                meter_tick(fixture.meter, (START_MS + ms) * MS);
        }
        meter_tick(fixture.meter, (START_MS + ms) * MS);
        meter_finish(fixture.meter, END_OF_INPUT);
        add_up(&sums, &fixture);
        meter_destroy(fixture.meter);
        free(fixture.exported);
    }
    return sums;
}

static void records_do_not_depend_on_the_number_of_meters(void **state) {
    (void)state;
    struct sums one = random_run(1), two = random_run(2);
    assert_memory_equal(&one, &two, sizeof one);
    for (int kind = 0; kind < RECORD_KIND_COUNT; kind++)
        assert_true(one.records[kind] > 200);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_numbers_of_packets),
        cmocka_unit_test(after_a_time),
        cmocka_unit_test(after_a_time_without_a_packet),
        cmocka_unit_test(at_intervals),
        cmocka_unit_test(early_goes_before_update),
        cmocka_unit_test(none_once_the_flow_has_ended),
        cmocka_unit_test(none_after_the_grace_of_a_closed_connection),
        cmocka_unit_test(each_slice_begins_anew),
        cmocka_unit_test(states_that_may_wait_ask_for_room),
        cmocka_unit_test(a_tick_is_bounded),
        cmocka_unit_test(what_is_not_taken_is_not_counted),
        cmocka_unit_test(records_do_not_depend_on_the_number_of_meters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
