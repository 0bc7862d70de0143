/* TTL, DSCP and ECN against a naive look at all headers. */
#include "feature/made_flow.h"

static uint8_t ttl_of(const struct packet *packet) {
    return packet->ip_version == 4 ? packet->ip[8] : packet->ip[7];
}

static int class_of(const struct packet *packet) {
    return packet->ip_version == 4 ? packet->ip[1] : (packet->ip[0] & 15) * 16 + packet->ip[1] / 16;
}

static void check_ways(const struct flow *flow, enum flow_direction direction,
                       const struct made_series *series) {
    if (direction == BIDIRECTIONAL)
        return;
    if (series->count == 0) {
        assert_absent(flow, get_dscp, direction);
        assert_absent(flow, get_ecn, direction);
        return;
    }
    assert_number(flow, get_dscp, direction, class_of(made_at(series, 0)) / 4);
    assert_number(flow, get_ecn, direction, class_of(made_at(series, 0)) % 4);
}

static void check_ip(const struct flow *flow, enum flow_direction direction,
                     const struct made_series *series) {
    int64_t least = 255, most = 0, experienced = 0;
    for (size_t i = 0; i < series->count; i++) {
        int64_t ttl = ttl_of(made_at(series, i));
        least = ttl < least ? ttl : least;
        most = ttl > most ? ttl : most;
        experienced += class_of(made_at(series, i)) % 4 == 3;
    }
    check_ways(flow, direction, series);
    assert_number(flow, get_ce_packets, direction, experienced);
    if (series->count > 0) {
        assert_number(flow, get_min_ttl, direction, least);
        assert_number(flow, get_max_ttl, direction, most);
    } else {
        assert_absent(flow, get_min_ttl, direction);
        assert_absent(flow, get_max_ttl, direction);
    }
}

static void test_headers_equal_a_naive_look(void **state) {
    (void)state;
    made_check_flows(FEATURE_ip, check_ip);
}

static void test_state(void **state) {
    (void)state;
    made_check_state(FEATURE_ip, 16);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers_equal_a_naive_look),
        cmocka_unit_test(test_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
