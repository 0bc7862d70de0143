/* What records of open flows say of their labels, and that later ones say what they would without. */
#include "meter/dissect_case.h"

/* A record of the open flow has what nDPI knows by then: of the handshake nothing, and no guess by the port. The final one, and
 * what nDPI allocates, are as without. */
static void test_states_of_open_flows_are_no_guess(void **state) {
    (void)state;
    struct meter_options options = options_with(PROFILE_NATIVE, 20);
    options.publish = (struct publish_options){.early_packets = {1, 2, 3}, .early_packet_count = 3};
    struct fixture fixture;
    fixture_open(&fixture, &options);
    for (int64_t flow = 0; flow < 2; flow++) {
        feed_tls(&fixture, 1000000 + flow * 2 * IDLE_US);
        assert_int_equal(fixture.count, 3 + 4 * flow);
        const struct exported *states = &fixture.exported[4 * flow];
        for (int i = 0; i < 2; i++) {
            assert_string_equal(states[i].application, "Unknown");
            assert_int_equal(states[i].confidence, L7_CONFIDENCE_UNKNOWN);
            assert_string_equal(states[i].server_name, "");
            assert_false(states[i].guessed);
        }
        assert_string_equal(states[2].application, "TLS");
        assert_string_equal(states[2].server_name, "tls.example.org");
        meter_tick(fixture.meter, 1000000 + (2 * flow + 1) * IDLE_US + 1);
        assert_int_equal(fixture.count, 4 + 4 * flow);
        assert_int_equal(fixture.exported[4 * flow + 3].flow.record_kind, RECORD_FINAL);
        assert_string_equal(fixture.exported[4 * flow + 3].server_name, "tls.example.org");
    }
    struct meter_statistics statistics;
    meter_statistics(fixture.meter, &statistics);
    assert_int_equal(statistics.flows_undecided, 0);
    assert_int_equal(statistics.early_records, 6);
    meter_destroy(fixture.meter);
    free(fixture.exported);
}

/* The guess at the end is made of the same state, however often that was shown before. */
static void test_a_guess_comes_after_states(void **state) {
    (void)state;
    struct meter_options options = options_with(PROFILE_NATIVE, 20);
    options.publish = (struct publish_options){.early_packets = {1}, .early_packet_count = 1};
    struct fixture fixture;
    fixture_open(&fixture, &options);
    struct packet syn = made_packet(1000, 1, 40000, 2, 22, TCP);
    syn.tcp_flags = TCP_SYN;
    feed_bytes(&fixture, syn, NULL, 0);
    assert_int_equal(fixture.count, 1);
    assert_string_equal(fixture.exported[0].application, "Unknown");
    assert_false(fixture.exported[0].guessed);
    meter_finish(fixture.meter, END_OF_INPUT);
    assert_int_equal(fixture.count, 2);
    assert_string_equal(fixture.exported[1].application, "SSH");
    assert_true(fixture.exported[1].guessed);
    meter_destroy(fixture.meter);
    free(fixture.exported);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_states_of_open_flows_are_no_guess),
        cmocka_unit_test(test_a_guess_comes_after_states),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
