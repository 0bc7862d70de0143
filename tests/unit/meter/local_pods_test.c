/* Conversations between pods of one node: each is metered at one of their interfaces. */
#include "meter/local_pods.h"

#include "meter/meter_case.h"

enum { FRONT = 1, BACK, GONE = 7, CLIENT = 10, SERVER = 11, SERVICE = 12, OUTSIDE = 13 };

static bool is_alive(const void *context, uint16_t interface) {
    const uint16_t *gone = context;
    return interface != *gone;
}

static void an_address_counts_until_its_interface_is_gone(void **state) {
    (void)state;
    uint16_t gone = 0;
    const uint8_t one[16] = {10, 0, 0, 1}, other[16] = {10, 0, 0, 2};
    struct local_pods *pods = local_pods_create(is_alive, &gone);
    assert_false(local_pods_has(pods, one));
    local_pods_learn(pods, one, FRONT);
    assert_true(local_pods_has(pods, one));
    assert_false(local_pods_has(pods, other));
    gone = FRONT;
    assert_false(local_pods_has(pods, one));
    local_pods_learn(pods, one, BACK); /* the address was given to another pod */
    assert_true(local_pods_has(pods, one));
    gone = BACK;
    assert_false(local_pods_has(pods, one));
    local_pods_destroy(pods);
}

static void many_addresses_are_known(void **state) {
    (void)state;
    enum { PODS = 1000 };
    uint16_t gone = 0;
    struct local_pods *pods = local_pods_create(is_alive, &gone);
    for (int turn = 0; turn < 2; turn++)
        for (uint8_t high = 0; high < PODS / 250; high++)
            for (uint8_t low = 0; low < 250; low++)
                local_pods_learn(pods, (const uint8_t[16]){10, 1, high, low}, FRONT);
    for (uint8_t high = 0; high < PODS / 250; high++)
        for (uint8_t low = 0; low < 250; low++) {
            assert_true(local_pods_has(pods, (const uint8_t[16]){10, 1, high, low}));
            assert_false(local_pods_has(pods, (const uint8_t[16]){10, 2, high, low}));
        }
    local_pods_destroy(pods);
}

/* A packet of a conversation at a pod's interface; each interface has flows of its own, as in decode.c. */
static struct packet at_pod(int64_t ms, uint16_t interface, bool outgoing, uint32_t from, uint32_t to) {
    bool forth = from == CLIENT || from == OUTSIDE;
    struct packet packet = made_packet(ms * 1000, from, forth ? 4000 : 80, to, forth ? 80 : 4000, TCP);
    packet.place = (struct packet_place){.interface = interface, .outgoing = outgoing, .at_pod = 1};
    packet.tunnel_path = (uint64_t)interface << TUNNEL_PATH_BITS;
    return packet;
}

static void open_pods(struct fixture *fixture, struct local_pods *pods) {
    struct meter_options options = options_of(PROFILE_NATIVE);
    options.local_pods = pods;
    fixture_open(fixture, &options);
}

static struct meter_statistics finish(struct fixture *fixture) {
    struct meter_statistics statistics;
    meter_finish(fixture->meter, END_OF_INPUT);
    meter_statistics(fixture->meter, &statistics);
    return statistics;
}

static void two_pods_of_a_node_have_one_flow(void **state) {
    (void)state;
    uint16_t gone = 0;
    struct fixture fixture;
    struct local_pods *pods = local_pods_create(is_alive, &gone);
    open_pods(&fixture, pods);
    for (int64_t ms = 0; ms < 40; ms += 4) {
        feed(&fixture, at_pod(ms, FRONT, false, CLIENT, SERVER));
        feed(&fixture, at_pod(ms + 1, BACK, true, CLIENT, SERVER));
        feed(&fixture, at_pod(ms + 2, BACK, false, SERVER, CLIENT));
        feed(&fixture, at_pod(ms + 3, FRONT, true, SERVER, CLIENT));
    }
    struct meter_statistics statistics = finish(&fixture);
    assert_int_equal(statistics.flows_elsewhere, 1);
    assert_int_equal(fixture.count, 1);
    assert_int_equal(flow_packets(&fixture.exported[0].flow, SRC2DST), 10);
    assert_int_equal(flow_packets(&fixture.exported[0].flow, DST2SRC), 10);
    assert_int_equal(fixture.exported[0].flow.place.interface, FRONT);
    fixture_close(&fixture);
    local_pods_destroy(pods);
}

/* The flow at the interface that doesn't have it publishes nothing, neither by packets nor by time; also where the meter learns
 * of the client's pod only after its first packet. */
static void states_are_published_once(void **state) {
    (void)state;
    uint16_t gone = 0;
    for (int late = 0; late < 2; late++) {
        struct fixture fixture;
        struct local_pods *pods = local_pods_create(is_alive, &gone);
        struct meter_options options = options_of(PROFILE_NATIVE);
        options.local_pods = pods;
        options.publish = (struct publish_options){
            .early_packets = {2}, .early_packet_count = 1, .early_after = 10000, .update_interval = 15000};
        fixture_open(&fixture, &options);
        for (int64_t ms = 0; ms < 40; ms += 4) {
            if (ms > 0 || late == 0)
                feed(&fixture, at_pod(ms, FRONT, false, CLIENT, SERVER));
            feed(&fixture, at_pod(ms + 1, BACK, true, CLIENT, SERVER));
            if (ms == 0 && late == 1)
                feed(&fixture, at_pod(ms + 2, FRONT, false, CLIENT, SERVER));
        }
        struct meter_statistics statistics = finish(&fixture);
        assert_int_equal(statistics.flows_elsewhere, 1);
        assert_int_equal(statistics.early_records, 2);
        assert_int_equal(statistics.update_records, 2);
        assert_int_equal(fixture.count, 5);
        for (size_t i = 0; i < fixture.count; i++)
            assert_int_equal(fixture.exported[i].flow.place.interface, FRONT);
        meter_destroy(fixture.meter);
        free(fixture.exported);
        local_pods_destroy(pods);
    }
}

/* Slices too, with labels: one that is left out has none to keep. The second meter learns of the client late. */
static void slices_are_metered_once(void **state) {
    (void)state;
    uint16_t gone = 0;
    for (int late = 0; late < 2; late++) {
        struct fixture fixture;
        struct local_pods *pods = local_pods_create(is_alive, &gone);
        struct meter_options options = options_of(PROFILE_NATIVE);
        options.local_pods = pods;
        options.n_dissections = 20;
        options.active_timeout = 10000;
        fixture_open(&fixture, &options);
        if (late == 0)
            local_pods_learn(pods, at_pod(0, FRONT, false, CLIENT, SERVER).source, FRONT);
        for (int64_t ms = 0; ms < 40; ms += 2) {
            feed(&fixture, at_pod(ms, BACK, true, CLIENT, SERVER));
            feed(&fixture, at_pod(ms + 1, BACK, false, SERVER, CLIENT));
            if (ms == 4)
                local_pods_learn(pods, at_pod(0, FRONT, false, CLIENT, SERVER).source, FRONT);
        }
        assert_true(finish(&fixture).flows_elsewhere > 2);
        assert_int_equal(fixture.count, 0);
        fixture_close(&fixture);
        local_pods_destroy(pods);
    }
}

/* The client's first packet was missed: the answer says that its pod is the source. */
static void an_answer_tells_the_source(void **state) {
    (void)state;
    uint16_t gone = 0;
    struct fixture fixture;
    struct local_pods *pods = local_pods_create(is_alive, &gone);
    open_pods(&fixture, pods);
    local_pods_learn(pods, at_pod(0, FRONT, false, CLIENT, SERVER).source, FRONT);
    struct packet at_server = at_pod(0, BACK, false, SERVER, CLIENT);
    struct packet at_client = at_pod(1, FRONT, true, SERVER, CLIENT);
    at_server.answers = at_client.answers = true;
    feed(&fixture, at_server);
    feed(&fixture, at_client);
    assert_int_equal(finish(&fixture).flows_elsewhere, 1);
    assert_int_equal(fixture.count, 1);
    assert_int_equal(fixture.exported[0].flow.place.interface, FRONT);
    fixture_close(&fixture);
    local_pods_destroy(pods);
}

/* At the client's interface the packets have the service's address, at the server's its own. */
static void a_service_between_them_makes_no_second_one(void **state) {
    (void)state;
    uint16_t gone = 0;
    struct fixture fixture;
    struct local_pods *pods = local_pods_create(is_alive, &gone);
    open_pods(&fixture, pods);
    feed(&fixture, at_pod(0, FRONT, false, CLIENT, SERVICE));
    feed(&fixture, at_pod(1, BACK, true, CLIENT, SERVER));
    feed(&fixture, at_pod(2, BACK, false, SERVER, CLIENT));
    feed(&fixture, at_pod(3, FRONT, true, SERVICE, CLIENT));
    assert_int_equal(finish(&fixture).flows_elsewhere, 1);
    assert_int_equal(fixture.count, 1);
    assert_int_equal(flow_packets(&fixture.exported[0].flow, BIDIRECTIONAL), 2);
    assert_int_equal(fixture.exported[0].flow.place.interface, FRONT);
    fixture_close(&fixture);
    local_pods_destroy(pods);
}

static void what_comes_from_outside_is_metered_at_the_pod(void **state) {
    (void)state;
    uint16_t gone = 0;
    struct fixture fixture;
    struct local_pods *pods = local_pods_create(is_alive, &gone);
    open_pods(&fixture, pods);
    feed(&fixture, at_pod(0, BACK, true, OUTSIDE, SERVER));
    feed(&fixture, at_pod(1, BACK, false, SERVER, OUTSIDE));
    /* A pod whose interface is gone is outside too: its address may be another node's by now. */
    feed(&fixture, at_pod(2, GONE, false, CLIENT, SERVER));
    gone = GONE;
    feed(&fixture, at_pod(3, BACK, true, CLIENT, SERVER));
    assert_int_equal(finish(&fixture).flows_elsewhere, 0);
    assert_int_equal(fixture.count, 3);
    fixture_close(&fixture);
    local_pods_destroy(pods);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_counts_until_its_interface_is_gone),
        cmocka_unit_test(many_addresses_are_known),
        cmocka_unit_test(two_pods_of_a_node_have_one_flow),
        cmocka_unit_test(states_are_published_once),
        cmocka_unit_test(slices_are_metered_once),
        cmocka_unit_test(an_answer_tells_the_source),
        cmocka_unit_test(a_service_between_them_makes_no_second_one),
        cmocka_unit_test(what_comes_from_outside_is_metered_at_the_pod),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
