/* When flows begin and end, in which direction, and in which order they are exported. */
#include "meter/meter_fixture.h"

enum { IDLE_MS = 1000, ACTIVE_MS = 5000, START_MS = 1700000, MAX_FLOWS = 1024 };

static struct meter_options options_of(enum meter_profile profile) {
    int64_t ms = fixture_millisecond(profile);
    return (struct meter_options){
        .profile = profile,
        .idle_timeout = IDLE_MS * ms,
        .active_timeout = ACTIVE_MS * ms,
        .flow_table_size = MAX_FLOWS,
    };
}

static void open_profile(struct fixture *fixture, enum meter_profile profile) {
    struct meter_options options = options_of(profile);
    fixture_open(fixture, &options);
}

/* A packet of connection `number`, `ms` after the start (in the native profile plus `us`). */
static struct packet at(enum meter_profile profile, int64_t ms, uint32_t number, bool back) {
    int64_t time = (START_MS + ms) * fixture_millisecond(profile);
    return back ? made_packet(time, 1, 80, 1000 + number, 4000, UDP)
                : made_packet(time, 1000 + number, 4000, 1, 80, UDP);
}

static void check_export(const struct fixture *fixture, size_t index, uint32_t number,
                         enum end_reason reason) {
    assert_true(index < fixture->count);
    const struct flow *flow = &fixture->exported[index].flow;
    uint32_t host = 1000 + number;
    bool is_source = flow->source[2] == (uint8_t)(host >> 8) && flow->source[3] == (uint8_t)host;
    bool is_destination =
        flow->destination[2] == (uint8_t)(host >> 8) && flow->destination[3] == (uint8_t)host;
    assert_true(is_source || is_destination);
    assert_int_equal(flow->end_reason, reason);
}

static const struct flow *one_flow(struct fixture *fixture) {
    meter_finish(fixture->meter, END_OF_INPUT);
    assert_int_equal(fixture->count, 1);
    return &fixture->exported[0].flow;
}

static void test_first_packet_says_who_is_source(void **state) {
    (void)state;
    for (int profile = PROFILE_NATIVE; profile <= PROFILE_NFSTREAM; profile++) {
        struct fixture fixture;
        open_profile(&fixture, profile);
        feed(&fixture, at(profile, 0, 7, true)); /* from the server: there is no guess who that is */
        feed(&fixture, at(profile, 1, 7, false));
        feed(&fixture, at(profile, 2, 7, false));
        const struct flow *flow = one_flow(&fixture);
        assert_int_equal(flow->source_port, 80);
        assert_int_equal(flow->destination_port, 4000);
        assert_int_equal(flow->source[3], 1);
        assert_int_equal(flow->counters[BIDIRECTIONAL].packets, 3);
        assert_int_equal(flow->counters[SRC2DST].packets, 1);
        assert_int_equal(flow->counters[DST2SRC].packets, 2);
        int64_t start = START_MS * fixture_millisecond(profile);
        assert_int_equal(flow->counters[DST2SRC].first_seen, start + fixture_millisecond(profile));
        assert_int_equal(flow->counters[DST2SRC].last_seen, start + 2 * fixture_millisecond(profile));
        assert_int_equal(flow->uid_time, start);
        fixture_close(&fixture);
    }
}

/* (source, port, destination, port) of a first packet and of its answer, and how many packets count as an answer. */
static void check_direction(struct packet first, struct packet second, uint64_t answers) {
    struct meter_options options = options_of(PROFILE_NFSTREAM);
    struct fixture fixture;
    fixture_open(&fixture, &options);
    feed(&fixture, first);
    feed(&fixture, second);
    const struct flow *flow = one_flow(&fixture);
    assert_int_equal(flow->counters[DST2SRC].packets, answers);
    assert_int_equal(flow->counters[SRC2DST].packets, 2 - answers);
    if (answers == 0) {
        assert_int_equal(flow->counters[DST2SRC].first_seen, 0);
        assert_int_equal(flow->counters[DST2SRC].last_seen, 0);
    }
    fixture_close(&fixture);
}

static void test_direction_by_ports_then_addresses(void **state) {
    (void)state;
    check_direction(made_packet(1, 5, 123, 6, 123, UDP), made_packet(2, 6, 123, 5, 123, UDP), 1);
    check_direction(made_packet(1, 6, 123, 5, 123, UDP), made_packet(2, 6, 123, 5, 123, UDP), 0);
    check_direction(made_packet(1, 6, 0, 5, 0, ICMP), made_packet(2, 5, 0, 6, 0, ICMP), 1);
    check_direction(made_packet(1, 5, 9, 5, 8, UDP), made_packet(2, 5, 8, 5, 9, UDP), 1);
    check_direction(made_packet(1, 5, 8, 5, 8, UDP), made_packet(2, 5, 8, 5, 8, UDP), 0);
}

static size_t flows_of(enum meter_profile profile, struct packet one, struct packet other) {
    struct fixture fixture;
    open_profile(&fixture, profile);
    feed(&fixture, one);
    feed(&fixture, other);
    meter_finish(fixture.meter, END_SHUTDOWN);
    size_t count = fixture.count;
    fixture_close(&fixture);
    return count;
}

static void test_what_is_in_the_key(void **state) {
    (void)state;
    struct packet packet = made_packet(1, 1, 1000, 2, 80, UDP), other = packet;
    assert_int_equal(flows_of(PROFILE_NFSTREAM, packet, other), 1);
    other.vlan_id = 5;
    assert_int_equal(flows_of(PROFILE_NFSTREAM, packet, other), 2);
    other = packet;
    other.tunnel = TUNNEL_GTP_U;
    assert_int_equal(flows_of(PROFILE_NFSTREAM, packet, other), 2);
    other = packet;
    other.protocol = TCP;
    assert_int_equal(flows_of(PROFILE_NFSTREAM, packet, other), 2);
    other = packet;
    other.source_mac[0] = 1;
    assert_int_equal(flows_of(PROFILE_NATIVE, packet, other), 1);
    other = packet;
    other.ip_version = 6; /* an IPv6 address that is an IPv4 address and zeros */
    assert_int_equal(flows_of(PROFILE_NFSTREAM, packet, other), 1);
    assert_int_equal(flows_of(PROFILE_NATIVE, packet, other), 2);
}

/* Two packets of one connection, `gap` ticks apart: how many flows, and why did the first end? */
static void check_gap(enum meter_profile profile, int64_t gap, size_t flows) {
    struct fixture fixture;
    open_profile(&fixture, profile);
    struct packet packet = at(profile, 0, 1, false);
    feed(&fixture, packet);
    packet.time += gap;
    feed(&fixture, packet);
    meter_finish(fixture.meter, END_OF_INPUT);
    assert_int_equal(fixture.count, flows);
    check_export(&fixture, 0, 1, flows == 2 ? END_IDLE : END_OF_INPUT);
    assert_int_equal(fixture.exported[0].open_at_export,
                     0); /* the next flow begins after this one's export */
    if (flows == 2) {
        assert_int_equal(fixture.exported[1].flow.slice, 0);
        assert_int_equal(fixture.exported[1].flow.uid_time, packet.time);
    }
    fixture_close(&fixture);
}

static void test_idle_cut_at_exactly_the_timeout(void **state) {
    (void)state;
    check_gap(PROFILE_NFSTREAM, IDLE_MS - 1, 1);
    check_gap(PROFILE_NFSTREAM, IDLE_MS, 2);
    check_gap(PROFILE_NATIVE, INT64_C(1000) * IDLE_MS - 1, 1);
    check_gap(PROFILE_NATIVE, INT64_C(1000) * IDLE_MS, 2);
}

/* A packet every 100 ms, the last one `last` ticks after the first, from the other side. */
static void feed_long_flow(struct fixture *fixture, enum meter_profile profile, int64_t last) {
    int64_t ms = fixture_millisecond(profile);
    for (int64_t i = 0; i < last; i += 100 * ms)
        feed(fixture, at(profile, i / ms, 1, false));
    struct packet packet = at(profile, 0, 1, true);
    packet.time += last;
    feed(fixture, packet);
}

static void test_active_cut_at_exactly_the_timeout(void **state) {
    (void)state;
    for (int profile = PROFILE_NATIVE; profile <= PROFILE_NFSTREAM; profile++) {
        int64_t timeout = ACTIVE_MS * fixture_millisecond(profile);
        for (int64_t last = timeout - 1; last <= timeout; last++) {
            struct fixture fixture;
            open_profile(&fixture, profile);
            feed_long_flow(&fixture, profile, last);
            assert_int_equal(fixture.count, last == timeout);
            meter_finish(fixture.meter, END_OF_INPUT);
            check_export(&fixture, 0, 1, last == timeout ? END_ACTIVE : END_OF_INPUT);
            fixture_close(&fixture);
        }
    }
}

static void test_idle_is_tested_before_active(void **state) {
    (void)state;
    for (int profile = PROFILE_NATIVE; profile <= PROFILE_NFSTREAM; profile++) {
        struct fixture fixture;
        open_profile(&fixture, profile);
        feed(&fixture, at(profile, 0, 1, false));
        feed(&fixture, at(profile, ACTIVE_MS, 1, false));
        check_export(&fixture, 0, 1, END_IDLE);
        fixture_close(&fixture);
    }
}

/* Whether the last sweep came before or after a flow's timeout must not show: with several meters it depends on whose
 * packet came last. */
static void test_native_finish_tells_idle_flows(void **state) {
    (void)state;
    for (int64_t past = -1; past <= 0; past++) {
        struct fixture fixture;
        open_profile(&fixture, PROFILE_NATIVE);
        struct packet packet = at(PROFILE_NATIVE, 0, 1, false);
        feed(&fixture, packet);
        struct packet other = at(PROFILE_NATIVE, 0, 2, false);
        other.time += INT64_C(1000) * IDLE_MS - 5000;
        feed(&fixture, other);
        /* Too soon after the last sweep for another one. */
        meter_tick(fixture.meter, packet.time + INT64_C(1000) * IDLE_MS + past);
        assert_int_equal(fixture.count, 0);
        meter_finish(fixture.meter, END_OF_INPUT);
        check_export(&fixture, 0, 1, past < 0 ? END_OF_INPUT : END_IDLE);
        check_export(&fixture, 1, 2, END_OF_INPUT);
        fixture_close(&fixture);
    }
}

static void test_nfstream_turns_around_after_a_cut(void **state) {
    (void)state;
    struct fixture fixture;
    open_profile(&fixture, PROFILE_NFSTREAM);
    feed_long_flow(&fixture, PROFILE_NFSTREAM, ACTIVE_MS);
    meter_finish(fixture.meter, END_OF_INPUT);
    const struct flow *second = &fixture.exported[1].flow;
    assert_int_equal(second->source_port, 80);
    assert_int_equal(second->counters[SRC2DST].packets, 1);
    assert_int_equal(second->slice, 0);
    assert_int_equal(second->uid_time, START_MS + ACTIVE_MS);
    fixture_close(&fixture);
}

static void test_native_slices_keep_orientation_and_identity(void **state) {
    (void)state;
    struct fixture fixture;
    open_profile(&fixture, PROFILE_NATIVE);
    struct packet first = at(PROFILE_NATIVE, 0, 1, false);
    first.tcp_flags = TCP_SYN;
    feed(&fixture, first);
    feed_long_flow(&fixture, PROFILE_NATIVE, INT64_C(1000) * ACTIVE_MS);
    feed(&fixture, at(PROFILE_NATIVE, ACTIVE_MS + 500, 1, false));
    meter_finish(fixture.meter, END_OF_INPUT);
    assert_int_equal(fixture.count, 2);
    const struct flow *one = &fixture.exported[0].flow, *two = &fixture.exported[1].flow;
    assert_int_equal(one->slice, 0);
    assert_int_equal(two->slice, 1);
    assert_memory_equal(&one->key, &two->key, sizeof(one->key));
    assert_int_equal(two->uid_time, one->uid_time);
    assert_int_equal(two->source_port, 4000);
    assert_int_equal(two->first_tcp_flags, TCP_SYN);
    assert_int_equal(two->counters[SRC2DST].packets, 1);
    assert_int_equal(two->counters[DST2SRC].packets, 1);
    assert_int_equal(two->counters[BIDIRECTIONAL].first_seen, (int64_t)(START_MS + ACTIVE_MS) * 1000);
    fixture_close(&fixture);
}

/* A flow whose idle cut comes after a slice is a new flow, with an identity of its own. */
static void test_native_idle_cut_ends_the_identity(void **state) {
    (void)state;
    struct fixture fixture;
    open_profile(&fixture, PROFILE_NATIVE);
    feed_long_flow(&fixture, PROFILE_NATIVE, INT64_C(1000) * ACTIVE_MS);
    feed(&fixture, at(PROFILE_NATIVE, ACTIVE_MS + IDLE_MS, 1, true));
    meter_finish(fixture.meter, END_OF_INPUT);
    assert_int_equal(fixture.count, 3);
    assert_int_equal(fixture.exported[1].flow.end_reason, END_IDLE);
    assert_int_equal(fixture.exported[2].flow.slice, 0);
    assert_int_equal(fixture.exported[2].flow.source_port, 80);
    assert_int_equal(fixture.exported[2].flow.uid_time, (int64_t)(START_MS + ACTIVE_MS + IDLE_MS) * 1000);
    fixture_close(&fixture);
}

/* Flow 1 lives long, flows 2 and 3 end early. */
static void feed_one_long_two_short(struct fixture *fixture, enum meter_profile profile) {
    for (int64_t ms = 0; ms <= INT64_C(2) * IDLE_MS; ms += 50) {
        feed(fixture, at(profile, ms, 1, false));
        if (ms == 100)
            feed(fixture, at(profile, ms, 2, false));
        if (ms == 150)
            feed(fixture, at(profile, ms, 3, false));
    }
}

static void test_nfstream_long_flow_blocks_the_idle_scan(void **state) {
    (void)state;
    struct fixture fixture;
    open_profile(&fixture, PROFILE_NFSTREAM);
    feed_one_long_two_short(&fixture, PROFILE_NFSTREAM);
    assert_int_equal(fixture.count, 0);
    meter_finish(fixture.meter, END_OF_INPUT);
    for (uint32_t i = 0; i < 3; i++)
        check_export(&fixture, i, i + 1, END_OF_INPUT); /* in order of creation */
    fixture_close(&fixture);
}

static void test_native_long_flow_blocks_nothing(void **state) {
    (void)state;
    struct fixture fixture;
    open_profile(&fixture, PROFILE_NATIVE);
    feed_one_long_two_short(&fixture, PROFILE_NATIVE);
    assert_int_equal(fixture.count, 2);
    check_export(&fixture, 0, 2, END_IDLE);
    check_export(&fixture, 1, 3, END_IDLE);
    fixture_close(&fixture);
}

/* The scan runs after the packet, at the first packet 10 ms or more after the last scan. */
static void test_sweeps_every_ten_milliseconds(void **state) {
    (void)state;
    for (int profile = PROFILE_NATIVE; profile <= PROFILE_NFSTREAM; profile++) {
        struct fixture fixture;
        open_profile(&fixture, profile);
        feed(&fixture, at(profile, 0, 1, false));
        feed(&fixture, at(profile, 2, 2, false));
        feed(&fixture, at(profile, IDLE_MS - 5, 3, false)); /* a scan that finds nothing */
        feed(&fixture, at(profile, IDLE_MS + 4, 4, false)); /* 9 ms later: none is due */
        assert_int_equal(fixture.count, 0);
        feed(&fixture, at(profile, IDLE_MS + 5, 3, false));
        assert_int_equal(fixture.count, 2);
        check_export(&fixture, 0, 1, END_IDLE);
        check_export(&fixture, 1, 2, END_IDLE);
        fixture_close(&fixture);
    }
}

static void test_sweep_comes_after_the_packet(void **state) {
    (void)state;
    for (int profile = PROFILE_NATIVE; profile <= PROFILE_NFSTREAM; profile++) {
        struct fixture fixture;
        open_profile(&fixture, profile);
        feed(&fixture, at(profile, 0, 1, false));
        feed(&fixture, at(profile, 1, 2, false));
        feed(&fixture, at(profile, IDLE_MS + 1, 2, false));
        assert_int_equal(fixture.count, 2);
        check_export(&fixture, 0, 2, END_IDLE); /* cut by its packet, before the scan reached flow 1 */
        check_export(&fixture, 1, 1, END_IDLE);
        fixture_close(&fixture);
    }
}

/* 1,500 idle flows: a scan takes 1,000, and NFStream takes the rest 10 ms later. */
static void test_nfstream_scan_is_bounded(void **state) {
    (void)state;
    struct meter_options options = options_of(PROFILE_NFSTREAM);
    options.flow_table_size = 4096;
    struct fixture fixture;
    fixture_open(&fixture, &options);
    for (uint32_t i = 0; i < 1500; i++)
        feed(&fixture, at(PROFILE_NFSTREAM, 0, i, false));
    feed(&fixture, at(PROFILE_NFSTREAM, IDLE_MS, 2000, false));
    assert_int_equal(fixture.count, 1000);
    feed(&fixture, at(PROFILE_NFSTREAM, IDLE_MS + 1, 2000, false));
    assert_int_equal(fixture.count, 1000);
    feed(&fixture, at(PROFILE_NFSTREAM, IDLE_MS + 10, 2000, false));
    assert_int_equal(fixture.count, 1500);
    for (uint32_t i = 0; i < 1500; i++)
        check_export(&fixture, i, i, END_IDLE);
    fixture_close(&fixture);
}

enum { CROWD = 20000, FEW = 16, STEP_MICROSECONDS = 5 };

/* A meter with flows 0 to CROWD - 1, of one packet each, all at the same time. */
static void open_crowd(struct fixture *fixture) {
    struct meter_options options = options_of(PROFILE_NATIVE);
    options.flow_table_size = 4 * CROWD;
    fixture_open(fixture, &options);
    for (uint32_t i = 0; i < CROWD; i++)
        feed(fixture, at(PROFILE_NATIVE, 0, i, false));
}

/* All end at once, at 200,000 packets a second: each packet ends a few, and soon none is left. */
static void check_sweep_between_packets(bool new_flows) {
    struct fixture fixture;
    open_crowd(&fixture);
    struct packet packet = at(PROFILE_NATIVE, IDLE_MS, CROWD, false);
    uint32_t packets = 0;
    for (size_t before; fixture.count < CROWD; packets++) {
        before = fixture.count;
        if (new_flows)
            packet.source[1] = (uint8_t)(packets >> 8), packet.source_port = (uint16_t)(packets & 255);
        feed(&fixture, packet);
        assert_true(fixture.count - before <= FEW);
        packet.time += STEP_MICROSECONDS;
    }
    assert_in_range(packets, CROWD / FEW, 2 * CROWD + FEW);
    for (uint32_t i = 0; i < CROWD; i++)
        check_export(&fixture, i, i, END_IDLE);
    fixture_close(&fixture);
}

static void test_native_sweep_ends_a_few_between_packets(void **state) {
    (void)state;
    check_sweep_between_packets(false);
    check_sweep_between_packets(true);
}

/* A packet may come at any moment: each tick is short, and says that there is more. */
static void test_ticks_are_short(void **state) {
    (void)state;
    struct fixture fixture;
    open_crowd(&fixture);
    int64_t time = at(PROFILE_NATIVE, IDLE_MS, 0, false).time;
    size_t before = 0;
    while (meter_tick(fixture.meter, time)) {
        assert_in_range(fixture.count - before, 1, 256);
        before = fixture.count;
    }
    assert_int_equal(fixture.count, CROWD);
    assert_false(meter_tick(fixture.meter, time));
    fixture_close(&fixture);
}

/* Sweeps hold back while there is no room, on ticks and between packets, and what must end ends even so. */
static void test_sweeps_wait_for_room(void **state) {
    (void)state;
    struct fixture fixture;
    open_crowd(&fixture);
    fixture.room = 100;
    meter_ask_for_room(fixture.meter, fixture_has_room);
    int64_t time = at(PROFILE_NATIVE, IDLE_MS, 0, false).time;
    assert_false(meter_tick(fixture.meter, time));
    assert_int_equal(fixture.count, 100);
    struct packet packet = at(PROFILE_NATIVE, IDLE_MS + 20, CROWD - 1, false);
    feed(&fixture, packet); /* its flow was idle */
    assert_int_equal(fixture.count, 101);
    check_export(&fixture, 100, CROWD - 1, END_IDLE);
    for (int i = 0; i < 1000; i++, packet.time += STEP_MICROSECONDS)
        feed(&fixture, packet);
    assert_int_equal(fixture.count, 101);
    fixture.room = 5000;
    while (fixture.count < fixture.room && packet.time < time + 10000000) {
        packet.time += STEP_MICROSECONDS;
        feed(&fixture, packet);
    }
    assert_int_equal(fixture.count, 5000);
    meter_finish(fixture.meter, END_SHUTDOWN);
    assert_int_equal(fixture.count, CROWD + 1);
    fixture_close(&fixture);
}

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

static void test_tick_expires(void **state) {
    (void)state;
    for (int profile = PROFILE_NATIVE; profile <= PROFILE_NFSTREAM; profile++) {
        struct fixture fixture;
        open_profile(&fixture, profile);
        int64_t ms = fixture_millisecond(profile);
        feed(&fixture, at(profile, 0, 1, false));
        assert_false(meter_tick(fixture.meter, (START_MS + IDLE_MS) * ms - 1));
        assert_int_equal(fixture.count, 0);
        assert_false(meter_tick(fixture.meter, (START_MS + IDLE_MS + 20) * ms));
        assert_int_equal(fixture.count, 1);
        check_export(&fixture, 0, 1, END_IDLE);
        fixture_close(&fixture);
    }
}

static void test_native_finish_is_in_order_of_last_use(void **state) {
    (void)state;
    struct fixture fixture;
    open_profile(&fixture, PROFILE_NATIVE);
    static const uint32_t uses[] = {1, 2, 3, 4, 2, 1}; /* so 3 and 4 stay in another class than 2 and 1 */
    for (size_t i = 0; i < sizeof(uses) / sizeof(*uses); i++)
        feed(&fixture, at(PROFILE_NATIVE, (int64_t)i, uses[i], false));
    meter_finish(fixture.meter, END_SHUTDOWN);
    static const uint32_t order[] = {3, 4, 2, 1};
    for (size_t i = 0; i < 4; i++)
        check_export(&fixture, i, order[i], END_SHUTDOWN);
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
    feed(&fixture, tcp(11, 5001, false)); /* now there is an unanswered one again */
    check_export(&fixture, 1, 5000, END_EVICTED);
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
        whole += fixture.exported[i].flow.counters[BIDIRECTIONAL].packets == FLOOD / TURN;
    assert_int_equal(whole, CONNECTIONS);
    fixture_close(&fixture);
}

static uint64_t discarded(const struct fixture *fixture) {
    struct meter_statistics statistics;
    meter_statistics(fixture->meter, &statistics);
    return statistics.flows_discarded;
}

/* What the export call doesn't take is counted, in the middle of a sweep and of the end, and nothing else changes. */
static void test_what_is_not_taken_is_discarded(void **state) {
    (void)state;
    for (int profile = PROFILE_NATIVE; profile <= PROFILE_NFSTREAM; profile++) {
        struct fixture fixture;
        open_profile(&fixture, profile);
        fixture.limit = 3;
        for (uint32_t i = 0; i < 5; i++)
            feed(&fixture, at(profile, i, i, false));
        feed(&fixture, at(profile, IDLE_MS + 100, 7, false)); /* its sweep ends all five */
        assert_int_equal(fixture.count, 3);
        assert_int_equal(discarded(&fixture), 2);
        for (uint32_t i = 0; i < 3; i++)
            check_export(&fixture, i, i, END_IDLE);
        feed(&fixture, at(profile, IDLE_MS + 101, 8, false));
        fixture_check_ledger(&fixture);
        meter_finish(fixture.meter, END_OF_INPUT);
        assert_int_equal(fixture.count, 3);
        assert_int_equal(discarded(&fixture), 4);
        fixture_close(&fixture);
    }
}

/* A slice that isn't taken is one of the flows that are counted; the next slice goes on. */
static void test_slices_may_be_discarded(void **state) {
    (void)state;
    struct fixture fixture;
    open_profile(&fixture, PROFILE_NATIVE);
    fixture.limit = 1;
    for (int64_t ms = 0; ms <= 2 * ACTIVE_MS; ms += 500)
        feed(&fixture, at(PROFILE_NATIVE, ms, 1, false));
    meter_finish(fixture.meter, END_OF_INPUT);
    assert_int_equal(fixture.count, 1);
    check_export(&fixture, 0, 1, END_ACTIVE);
    assert_int_equal(discarded(&fixture), 2);
    fixture_close(&fixture);
}

/* NFStream takes timeouts of 0: each packet ends what came before. */
static void test_timeouts_of_zero(void **state) {
    (void)state;
    for (int profile = PROFILE_NATIVE; profile <= PROFILE_NFSTREAM; profile++)
        for (int idle = 0; idle <= 1; idle++) {
            struct meter_options options = options_of(profile);
            *(idle ? &options.idle_timeout : &options.active_timeout) = 0;
            struct fixture fixture;
            fixture_open(&fixture, &options);
            for (int i = 0; i < 4; i++)
                feed(&fixture, at(profile, i / 2, 1, false)); /* also two at the same time */
            meter_finish(fixture.meter, END_OF_INPUT);
            assert_int_equal(fixture.count, 4);
            for (size_t i = 0; i < 4; i++) {
                enum end_reason reason = idle ? END_IDLE : END_ACTIVE;
                assert_int_equal(fixture.exported[i].flow.counters[BIDIRECTIONAL].packets, 1);
                /* Natively the last flow is idle at the end of the input too. */
                bool cut = i < 3 || (idle && profile == PROFILE_NATIVE);
                check_export(&fixture, i, 1, cut ? reason : END_OF_INPUT);
            }
            fixture_close(&fixture);
        }
}

static void test_flags_of_packets_collect(void **state) {
    (void)state;
    struct fixture fixture;
    open_profile(&fixture, PROFILE_NATIVE);
    struct packet packet = at(PROFILE_NATIVE, 0, 1, false);
    packet.flags = PACKET_HAS_MAC;
    feed(&fixture, packet);
    packet.flags = PACKET_TRUNCATED;
    feed(&fixture, packet);
    const struct flow *flow = one_flow(&fixture);
    assert_int_equal(flow->first_flags, PACKET_HAS_MAC);
    assert_int_equal(flow->seen_flags, PACKET_HAS_MAC | PACKET_TRUNCATED);
    fixture_close(&fixture);
}

static void test_meter_with_open_flows_can_be_destroyed(void **state) {
    (void)state;
    struct meter_options options = options_of(PROFILE_NATIVE);
    options.n_dissections = 20;
    options.statistical_analysis = true;
    options.splt_analysis = 20;
    struct fixture fixture;
    fixture_open(&fixture, &options);
    for (uint32_t i = 0; i < 100; i++)
        feed(&fixture, at(PROFILE_NATIVE, 0, i, false));
    fixture_close(&fixture);
}

static void test_names_of_end_reasons(void **state) {
    (void)state;
    assert_string_equal(end_reason_name(END_IDLE), "idle");
    assert_string_equal(end_reason_name(END_ACTIVE), "active");
    assert_string_equal(end_reason_name(END_OF_INPUT), "end_of_input");
    assert_string_equal(end_reason_name(END_EVICTED), "evicted");
    assert_string_equal(end_reason_name(END_SHUTDOWN), "shutdown");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_packet_says_who_is_source),
        cmocka_unit_test(test_direction_by_ports_then_addresses),
        cmocka_unit_test(test_what_is_in_the_key),
        cmocka_unit_test(test_idle_cut_at_exactly_the_timeout),
        cmocka_unit_test(test_active_cut_at_exactly_the_timeout),
        cmocka_unit_test(test_idle_is_tested_before_active),
        cmocka_unit_test(test_native_finish_tells_idle_flows),
        cmocka_unit_test(test_nfstream_turns_around_after_a_cut),
        cmocka_unit_test(test_native_slices_keep_orientation_and_identity),
        cmocka_unit_test(test_native_idle_cut_ends_the_identity),
        cmocka_unit_test(test_nfstream_long_flow_blocks_the_idle_scan),
        cmocka_unit_test(test_native_long_flow_blocks_nothing),
        cmocka_unit_test(test_sweeps_every_ten_milliseconds),
        cmocka_unit_test(test_sweep_comes_after_the_packet),
        cmocka_unit_test(test_nfstream_scan_is_bounded),
        cmocka_unit_test(test_native_sweep_ends_a_few_between_packets),
        cmocka_unit_test(test_sweeps_wait_for_room),
        cmocka_unit_test(test_ticks_are_short),
        cmocka_unit_test(test_room_is_first_made_by_idle_flows),
        cmocka_unit_test(test_tick_expires),
        cmocka_unit_test(test_native_finish_is_in_order_of_last_use),
        cmocka_unit_test(test_full_table_evicts_unanswered_flows_first),
        cmocka_unit_test(test_full_table_without_unanswered_flows_evicts_the_longest_idle),
        cmocka_unit_test(test_slices_stay_in_their_class),
        cmocka_unit_test(test_nfstream_evicts_the_head),
        cmocka_unit_test(test_flood_leaves_connections_whole),
        cmocka_unit_test(test_what_is_not_taken_is_discarded),
        cmocka_unit_test(test_slices_may_be_discarded),
        cmocka_unit_test(test_timeouts_of_zero),
        cmocka_unit_test(test_flags_of_packets_collect),
        cmocka_unit_test(test_meter_with_open_flows_can_be_destroyed),
        cmocka_unit_test(test_names_of_end_reasons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
