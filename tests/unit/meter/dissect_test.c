/* Labels and texts of packets built by hand, and what becomes of them when flows are cut. */
#include "meter/dissect.h"
#include "meter/dissect_case.h"

/* MD5 of "771,49199-49200,0-10-11,29-23,0". */
static const char client_hello_ja3[] = "80e5846c1d92266b7b37081b962a92c3";

static const uint8_t noise[] = "\xfe\x01\xdc\x77 this is no protocol that anybody knows";

static void feed_noise(struct fixture *fixture, int64_t time) {
    feed_bytes(fixture, made_packet(time, 1, 40001, 2, 40002, UDP), noise, sizeof(noise) - 1);
}

static const struct exported *only(struct fixture *fixture) {
    meter_finish(fixture->meter, END_OF_INPUT);
    assert_int_equal(fixture->count, 1);
    return &fixture->exported[0];
}

static void test_dns_query(void **state) {
    (void)state;
    for (int profile = PROFILE_NATIVE; profile <= PROFILE_NFSTREAM; profile++) {
        struct meter_options options = options_with(profile, 20);
        struct fixture fixture;
        fixture_open(&fixture, &options);
        feed_dns(&fixture, 1000000);
        const struct exported *flow = only(&fixture);
        assert_string_equal(flow->application, "DNS");
        assert_string_equal(flow->category, "Network");
        assert_string_equal(flow->server_name, "www.example.org");
        assert_string_equal(flow->ja3_client, "");
        assert_int_equal(flow->confidence, L7_CONFIDENCE_DPI);
        assert_false(flow->guessed);
        fixture_close(&fixture);
    }
}

static void test_tls_client_hello(void **state) {
    (void)state;
    struct meter_options options = options_with(PROFILE_NFSTREAM, 20);
    struct fixture fixture;
    fixture_open(&fixture, &options);
    feed_tls(&fixture, 1000);
    const struct exported *flow = only(&fixture);
    assert_string_equal(flow->application, "TLS");
    assert_string_equal(flow->category, "Web");
    assert_string_equal(flow->server_name, "tls.example.org");
    if (flow->ja3_client[0] != '\0') /* nDPI 5 has none */
        assert_string_equal(flow->ja3_client, client_hello_ja3);
    else
        assert_true(dissector_library_version()[0] >= '5');
    assert_int_equal(flow->confidence, L7_CONFIDENCE_DPI);
    fixture_close(&fixture);
}

static void test_unknown_traffic(void **state) {
    (void)state;
    struct meter_options options = options_with(PROFILE_NFSTREAM, 20);
    struct fixture fixture;
    fixture_open(&fixture, &options);
    for (int i = 0; i < 3; i++)
        feed_noise(&fixture, 1000 + i);
    const struct exported *flow = only(&fixture);
    assert_string_equal(flow->application, "Unknown");
    assert_string_equal(flow->category, "Unspecified");
    assert_int_equal(flow->confidence, L7_CONFIDENCE_UNKNOWN);
    assert_string_equal(flow->server_name, "");
    fixture_close(&fixture);
}

/* A SYN to port 22 alone: nDPI guesses by the port when it is asked to give up, which is at the limit or at the end. */
static void test_guess_when_giving_up(void **state) {
    (void)state;
    for (uint32_t n_dissections = 1; n_dissections <= 20; n_dissections += 19) {
        struct meter_options options = options_with(PROFILE_NFSTREAM, n_dissections);
        struct fixture fixture;
        fixture_open(&fixture, &options);
        struct packet syn = made_packet(1000, 1, 40000, 2, 22, TCP);
        syn.tcp_flags = TCP_SYN;
        feed_bytes(&fixture, syn, NULL, 0);
        const struct exported *flow = only(&fixture);
        assert_string_equal(flow->application, "SSH");
        assert_true(flow->guessed);
        assert_int_equal(flow->confidence, L7_CONFIDENCE_MATCH_BY_PORT);
        fixture_close(&fixture);
    }
}

/* The ClientHello is the third packet: nDPI must not see it with a limit of 2. */
static void test_n_dissections_is_the_limit(void **state) {
    (void)state;
    for (uint32_t n_dissections = 2; n_dissections <= 3; n_dissections++) {
        struct meter_options options = options_with(PROFILE_NATIVE, n_dissections);
        struct fixture fixture;
        fixture_open(&fixture, &options);
        feed_tls(&fixture, 1000000);
        const struct exported *flow = only(&fixture);
        assert_string_equal(flow->server_name, n_dissections == 3 ? "tls.example.org" : "");
        assert_int_equal(flow->confidence,
                         n_dissections == 3 ? L7_CONFIDENCE_DPI : L7_CONFIDENCE_MATCH_BY_PORT);
        fixture_close(&fixture);
    }
}

/* A TLS handshake at `start`, then an empty packet each `step`, as many as make four slices. */
static void feed_long_tls(struct fixture *fixture, int64_t start, int64_t step) {
    feed_tls(fixture, start);
    struct packet packet = made_packet(start, 2, 443, 1, 40000, TCP);
    packet.tcp_flags = TCP_ACK;
    for (int i = 0; i < 13; i++) {
        packet.time += step;
        feed_bytes(fixture, packet, NULL, 0);
    }
}

/* Label and texts go from slice to slice natively; packets that nDPI could not label follow. */
static void test_label_is_kept_over_slices(void **state) {
    (void)state;
    struct meter_options options = options_with(PROFILE_NATIVE, 20);
    struct fixture fixture;
    fixture_open(&fixture, &options);
    feed_long_tls(&fixture, 1000000, 500000);
    meter_finish(fixture.meter, END_OF_INPUT);
    assert_int_equal(fixture.count, 4);
    for (uint32_t i = 0; i < fixture.count; i++) {
        assert_int_equal(fixture.exported[i].flow.slice, i);
        assert_string_equal(fixture.exported[i].application, "TLS");
        assert_string_equal(fixture.exported[i].server_name, "tls.example.org");
        assert_int_equal(fixture.exported[i].confidence, L7_CONFIDENCE_DPI);
    }
    fixture_close(&fixture);
}

/* A slice whose label was only guessed leaves the next one free to learn it. */
static void test_guess_is_not_kept_over_slices(void **state) {
    (void)state;
    struct meter_options options = options_with(PROFILE_NATIVE, 20);
    struct fixture fixture;
    fixture_open(&fixture, &options);
    struct packet syn = made_packet(1000000, 1, 40000, 2, 443, TCP);
    syn.tcp_flags = TCP_SYN;
    for (; syn.time < 3000000; syn.time += 500000)
        feed_bytes(&fixture, syn, NULL, 0);
    feed_tls(&fixture, 3000000);
    meter_finish(fixture.meter, END_OF_INPUT);
    assert_int_equal(fixture.count, 2);
    assert_true(fixture.exported[0].guessed);
    assert_string_equal(fixture.exported[0].server_name, "");
    assert_string_equal(fixture.exported[1].server_name, "tls.example.org");
    assert_false(fixture.exported[1].guessed);
    fixture_close(&fixture);
}

/* NFStream starts anew after a cut. */
static void test_nfstream_forgets_the_label_at_a_cut(void **state) {
    (void)state;
    struct meter_options options = options_with(PROFILE_NFSTREAM, 20);
    struct fixture fixture;
    fixture_open(&fixture, &options);
    feed_long_tls(&fixture, 1000, 500);
    meter_finish(fixture.meter, END_OF_INPUT);
    assert_int_equal(fixture.count, 4);
    assert_string_equal(fixture.exported[0].server_name, "tls.example.org");
    assert_int_equal(fixture.exported[0].confidence, L7_CONFIDENCE_DPI);
    for (size_t i = 1; i < fixture.count; i++) {
        assert_string_equal(fixture.exported[i].server_name, "");
        assert_int_equal(fixture.exported[i].confidence, L7_CONFIDENCE_MATCH_BY_PORT);
    }
    fixture_close(&fixture);
}

/* As short as a capture may cut it: nDPI must cope, and reads nothing behind (AddressSanitizer watches). */
static void test_truncated_packets(void **state) {
    (void)state;
    struct meter_options options = options_with(PROFILE_NATIVE, 20);
    struct fixture fixture;
    fixture_open(&fixture, &options);
    uint8_t whole[FRAME_MAX] = {0x45, 0, 0, 200, 0, 0, 0, 0,    64,   UDP, 10,
                                0,    0, 1, 10,  0, 0, 2, 0x30, 0x39, 0,   53};
    memcpy(whole + IP_HEADER + UDP_HEADER, dns_query, DNS_QUERY);
    uint32_t flows = 0;
    for (uint32_t captured = IP_HEADER; captured <= IP_HEADER + UDP_HEADER + DNS_QUERY; captured++) {
        uint8_t *ip = malloc(captured);
        assert_non_null(ip);
        memcpy(ip, whole, captured);
        struct packet packet = made_packet(1000000, 100 + flows++, 12345, 2, 53, UDP);
        packet.ip = ip;
        packet.ip_captured = captured;
        packet.flags = PACKET_TRUNCATED;
        feed(&fixture, packet);
        free(ip);
    }
    meter_finish(fixture.meter, END_OF_INPUT);
    assert_int_equal(fixture.count, flows);
    fixture_close(&fixture);
}

static void feed_syn(struct fixture *fixture, int64_t time, uint32_t source) {
    struct packet syn = made_packet(time, source, 40000, 2, 22, TCP);
    syn.tcp_flags = TCP_SYN;
    feed_bytes(fixture, syn, NULL, 0);
}

static void check_undecided(const struct fixture *fixture, uint64_t undecided, uint64_t undissected) {
    struct meter_statistics statistics;
    meter_statistics(fixture->meter, &statistics);
    assert_int_equal(statistics.flows_undecided, undecided);
    assert_int_equal(statistics.flows_undissected, undissected);
}

/* Of three undecided flows two have a state: the first one is labelled by what nDPI can guess. Only if it has another packet
 * has nDPI missed one. */
static void check_giving_way(bool another_packet) {
    struct meter_options options = options_with(PROFILE_NATIVE, 20);
    options.dissection_flows = 2;
    struct fixture fixture;
    fixture_open(&fixture, &options);
    for (uint32_t source = 11; source <= 13; source++) {
        check_undecided(&fixture, source - 11, 0);
        feed_syn(&fixture, 1000000 + source, source);
    }
    check_undecided(&fixture, 2, 0);
    if (another_packet)
        feed_syn(&fixture, 1000020, 11);
    check_undecided(&fixture, 2, another_packet);
    meter_finish(fixture.meter, END_OF_INPUT);
    check_undecided(&fixture, 0, another_packet);
    assert_int_equal(fixture.count, 3);
    for (size_t i = 0; i < fixture.count; i++) {
        const struct exported *flow = &fixture.exported[i];
        assert_string_equal(flow->application, "SSH");
        assert_true(flow->guessed);
        assert_int_equal(flow->undissected, flow_packets(&flow->flow, BIDIRECTIONAL) == 2);
    }
    fixture_close(&fixture);
}

static void test_the_longest_undecided_flow_gives_way(void **state) {
    (void)state;
    check_giving_way(true);
    check_giving_way(false);
}

/* A state that came back is another flow's: nobody gives way. */
static void test_decided_flows_give_their_states_back(void **state) {
    (void)state;
    struct meter_options options = options_with(PROFILE_NATIVE, 1);
    options.dissection_flows = 1;
    struct fixture fixture;
    fixture_open(&fixture, &options);
    for (uint32_t source = 11; source <= 14; source++)
        feed_syn(&fixture, 1000000 + source, source);
    check_undecided(&fixture, 0, 0);
    meter_finish(fixture.meter, END_OF_INPUT);
    assert_int_equal(fixture.count, 4);
    fixture_close(&fixture);
}

/* What nDPI knows by then is kept, texts too. */
static void test_a_flow_that_gives_way_keeps_what_is_known(void **state) {
    (void)state;
    struct meter_options options = options_with(PROFILE_NATIVE, 20);
    options.dissection_flows = 1;
    struct fixture fixture;
    fixture_open(&fixture, &options);
    feed_dns(&fixture, 1000000);
    check_undecided(&fixture, 1, 0);
    feed_syn(&fixture, 1000001, 11);
    check_undecided(&fixture, 1, 0);
    feed_dns(&fixture, 1000002);
    check_undecided(&fixture, 1, 1);
    feed_dns(&fixture, 1000003);
    check_undecided(&fixture, 1, 1);
    meter_finish(fixture.meter, END_OF_INPUT);
    assert_int_equal(fixture.count, 2);
    for (size_t i = 0; i < fixture.count; i++) {
        const struct exported *flow = &fixture.exported[i];
        bool dns = flow->flow.key.protocol == UDP;
        assert_string_equal(flow->application, dns ? "DNS" : "SSH");
        assert_string_equal(flow->server_name, dns ? "www.example.org" : "");
        assert_int_equal(flow->undissected, dns);
        assert_int_equal(flow->guessed, !dns);
    }
    fixture_close(&fixture);
}

static void test_memory_comes_back(void **state) {
    (void)state;
    struct meter_options options = options_with(PROFILE_NATIVE, 20);
    struct fixture fixture;
    fixture_open(&fixture, &options);
    struct meter_statistics warm = {0}, later;
    for (int round = 0; round < 100; round++) {
        int64_t time = 1000000 + round * INT64_C(5000000);
        feed_tls(&fixture, time);
        feed_dns(&fixture, time);
        feed_noise(&fixture, time);
        meter_finish(fixture.meter, END_OF_INPUT);
        meter_statistics(fixture.meter, &later);
        if (round == 0)
            warm = later;
        assert_int_equal(later.memory, warm.memory);
    }
    fixture_close(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dns_query),
        cmocka_unit_test(test_tls_client_hello),
        cmocka_unit_test(test_unknown_traffic),
        cmocka_unit_test(test_guess_when_giving_up),
        cmocka_unit_test(test_n_dissections_is_the_limit),
        cmocka_unit_test(test_label_is_kept_over_slices),
        cmocka_unit_test(test_guess_is_not_kept_over_slices),
        cmocka_unit_test(test_nfstream_forgets_the_label_at_a_cut),
        cmocka_unit_test(test_truncated_packets),
        cmocka_unit_test(test_the_longest_undecided_flow_gives_way),
        cmocka_unit_test(test_decided_flows_give_their_states_back),
        cmocka_unit_test(test_a_flow_that_gives_way_keeps_what_is_known),
        cmocka_unit_test(test_memory_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
