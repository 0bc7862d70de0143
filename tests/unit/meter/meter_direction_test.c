/* Who is the source of a flow, and what is in its key. */
#include "meter/meter_case.h"

static void test_first_packet_says_who_is_source(void **state) {
    (void)state;
    for (int profile = PROFILE_NATIVE; profile <= PROFILE_NFSTREAM; profile++) {
        struct fixture fixture;
        open_profile(&fixture, profile);
        feed(&fixture, at(profile, 0, 7, true)); /* from the server: there is no guess who that is */
        feed(&fixture, at(profile, 1, 7, false));
        feed(&fixture, at(profile, 2, 7, false));
        const struct flow *flow = one_flow(&fixture);
        assert_int_equal(flow_source_port(flow), 80);
        assert_int_equal(flow_destination_port(flow), 4000);
        assert_int_equal(flow_source(flow)[3], 1);
        assert_int_equal(flow_counters(flow, BIDIRECTIONAL).packets, 3);
        assert_int_equal(flow_counters(flow, SRC2DST).packets, 1);
        assert_int_equal(flow_counters(flow, DST2SRC).packets, 2);
        int64_t start = START_MS * fixture_millisecond(profile);
        assert_int_equal(flow_counters(flow, DST2SRC).first_seen, start + fixture_millisecond(profile));
        assert_int_equal(flow_counters(flow, DST2SRC).last_seen, start + 2 * fixture_millisecond(profile));
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
    assert_int_equal(flow_counters(flow, DST2SRC).packets, answers);
    assert_int_equal(flow_counters(flow, SRC2DST).packets, 2 - answers);
    if (answers == 0) {
        assert_int_equal(flow_counters(flow, DST2SRC).first_seen, 0);
        assert_int_equal(flow_counters(flow, DST2SRC).last_seen, 0);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_packet_says_who_is_source),
        cmocka_unit_test(test_direction_by_ports_then_addresses),
        cmocka_unit_test(test_what_is_in_the_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
