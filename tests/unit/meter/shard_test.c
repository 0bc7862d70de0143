#include "meter/shard.h"

#include "meter/meter_case.h"

static const struct hash_key seed = {{0x0123456789abcdef, 0xfedcba9876543210}};

static void both_directions_go_to_one_meter(void **state) {
    (void)state;
    for (uint32_t host = 0; host < 1000; host++) {
        struct packet there = made_packet(1, host, 1024, 5000, 80, TCP);
        struct packet back = made_packet(2, 5000, 80, host, 1024, TCP);
        for (unsigned meters = 1; meters <= 8; meters++) {
            unsigned chosen = shard_of(shard_hash(&there, PROFILE_NATIVE, &seed), meters);
            assert_true(chosen < meters);
            assert_int_equal(shard_of(shard_hash(&back, PROFILE_NATIVE, &seed), meters), chosen);
            assert_true(shard_of(shard_hash(&back, PROFILE_NFSTREAM, &seed), meters) < meters);
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
        counts[shard_of(shard_hash(&packet, PROFILE_NATIVE, &seed), METERS)]++;
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
        differ += shard_of(shard_hash(&packet, PROFILE_NATIVE, &seed), 2) !=
                  shard_of(shard_hash(&packet, PROFILE_NATIVE, &other), 2);
    }
    assert_in_range(differ, 400, 600);
}

/* A packet that was hashed for the choice of a meter is of the same flow as one that the meter hashes itself. */
static void the_hash_serves_the_table_too(void **state) {
    (void)state;
    struct meter_options options = options_of(PROFILE_NATIVE);
    struct fixture fixture;
    options.seed = &seed;
    fixture_open(&fixture, &options);
    struct packet there = made_packet(START_MS * 1000, 5, 1024, 6, 80, TCP);
    struct packet back = made_packet(START_MS * 1000 + 1, 6, 80, 5, 1024, TCP);
    meter_hashed_packet(fixture.meter, &there, shard_hash(&there, options.profile, &seed));
    meter_packet(fixture.meter, &back);
    meter_finish(fixture.meter, END_SHUTDOWN);
    assert_int_equal(fixture.count, 1);
    fixture_close(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_directions_go_to_one_meter),
        cmocka_unit_test(flows_spread_evenly),
        cmocka_unit_test(another_seed_chooses_otherwise),
        cmocka_unit_test(the_hash_serves_the_table_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
