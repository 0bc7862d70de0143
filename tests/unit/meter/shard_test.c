#include "meter/shard.h"

#include "meter_fixture.h"

static const struct hash_key seed = {{0x0123456789abcdef, 0xfedcba9876543210}};

static void both_directions_go_to_one_meter(void **state) {
    (void)state;
    for (uint32_t host = 0; host < 1000; host++) {
        struct packet there = made_packet(1, host, 1024, 5000, 80, TCP);
        struct packet back = made_packet(2, 5000, 80, host, 1024, TCP);
        for (unsigned meters = 1; meters <= 8; meters++) {
            unsigned chosen = shard_of(&there, PROFILE_NATIVE, meters, &seed);
            assert_true(chosen < meters);
            assert_int_equal(shard_of(&back, PROFILE_NATIVE, meters, &seed), chosen);
            assert_true(shard_of(&back, PROFILE_NFSTREAM, meters, &seed) < meters);
        }
    }
}

/* Ports alone make a difference too: one pair of busy hosts does not end in one meter. */
static void flows_spread_evenly(void **state) {
    (void)state;
    enum { FLOWS = 60000, METERS = 6 };
    unsigned counts[METERS] = {0};
    for (uint32_t flow = 0; flow < FLOWS; flow++) {
        struct packet packet = made_packet(1, 1, (uint16_t)flow, 2, 443, TCP);
        counts[shard_of(&packet, PROFILE_NATIVE, METERS, &seed)]++;
    }
    for (int i = 0; i < METERS; i++)
        assert_in_range(counts[i], FLOWS / METERS * 95 / 100, FLOWS / METERS * 105 / 100);
}

static void another_seed_chooses_otherwise(void **state) {
    (void)state;
    const struct hash_key other = {{1, 2}};
    int differ = 0;
    for (uint32_t host = 0; host < 1000; host++) {
        struct packet packet = made_packet(1, host, 1024, 5000, 80, TCP);
        differ += shard_of(&packet, PROFILE_NATIVE, 2, &seed) != shard_of(&packet, PROFILE_NATIVE, 2, &other);
    }
    assert_in_range(differ, 400, 600);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_directions_go_to_one_meter),
        cmocka_unit_test(flows_spread_evenly),
        cmocka_unit_test(another_seed_chooses_otherwise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
