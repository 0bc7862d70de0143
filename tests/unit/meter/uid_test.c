/* No two exports of a meter have the same uid and slice, whatever ends their flows: timeouts down to 0, evictions,
 * plugins; while time stands still, since packets' times are raised; and when the same packets come again as a
 * recording. The model is a list of all exports, sorted. */
#include "meter/meter_fixture.h"

#include "plugins.h"

enum { PACKETS = 30000, START = 1000000, TABLE = 1024, FOREVER = 1000000000 };

/* What the uid is made of, and the slice. */
struct identity {
    struct flow_key key;
    int64_t uid_time;
    uint32_t uid_series, slice;
};

struct exports {
    struct identity identities[2 * PACKETS];
    size_t count;
    uint64_t by_reason[END_REASON_COUNT];
};

static bool keep_identity(void *context, const struct flow *flow) {
    struct exports *exports = context;
    assert_true(exports->count < 2 * (size_t)PACKETS);
    struct identity *identity = &exports->identities[exports->count++];
    memset(identity, 0, sizeof(*identity));
    *identity = (struct identity){flow->key, flow->uid_time, flow->uid_series, flow->slice};
    exports->by_reason[flow->end_reason]++;
    return true;
}

static int compare_identities(const void *one, const void *other) {
    const struct identity *a = one, *b = other;
    int order = memcmp(&a->key, &b->key, sizeof(a->key));
    if (order == 0)
        order = (a->uid_time > b->uid_time) - (a->uid_time < b->uid_time);
    if (order == 0)
        order = (a->uid_series > b->uid_series) - (a->uid_series < b->uid_series);
    return order != 0 ? order : (a->slice > b->slice) - (a->slice < b->slice);
}

static void assert_unique(struct exports *exports) {
    qsort(exports->identities, exports->count, sizeof(exports->identities[0]), compare_identities);
    for (size_t i = 1; i < exports->count; i++)
        if (compare_identities(&exports->identities[i - 1], &exports->identities[i]) == 0)
            fail_msg("the flow from port %u at %lld has the slice %u twice",
                     exports->identities[i].key.port_a, (long long)exports->identities[i].uid_time,
                     exports->identities[i].slice);
}

/* Packets of `connections` connections, some of them much more often than others. Time goes on with every `pace`-th
 * packet on average, and once stands still for a fifth of the packets. */
static void feed_random(struct meter *meter, uint32_t random, uint32_t connections, uint32_t pace) {
    int64_t time = START;
    for (int i = 0; i < PACKETS; i++) {
        bool frozen = i > PACKETS / 2 && i < PACKETS / 2 + PACKETS / 5;
        if (!frozen && made_random(&random, pace) == 0)
            time += 1 + made_random(&random, 3);
        uint32_t connection = made_random(&random, connections) * made_random(&random, 100) / 100;
        struct packet packet = made_random(&random, 2) == 0
                                   ? made_packet(time, 1, 4000, 1000 + connection, 80, UDP)
                                   : made_packet(time, 1000 + connection, 80, 1, 4000, UDP);
        meter_packet(meter, &packet);
    }
}

static struct meter *open_meter(struct exports *exports, enum meter_profile profile, int64_t idle,
                                int64_t active, const struct udps *udps) {
    struct meter_options options = {.profile = profile,
                                    .idle_timeout = idle,
                                    .active_timeout = active,
                                    .flow_table_size = TABLE,
                                    .udps = udps};
    struct meter *meter = NULL;
    struct error error = {0};
    memset(exports, 0, sizeof(*exports));
    if (meter_create(&options, keep_identity, exports, &meter, &error) < 0)
        fail_msg("%s", error.text);
    return meter;
}

static const int64_t timeouts[] = {0, 1, 7, FOREVER};
enum { TIMEOUTS = sizeof timeouts / sizeof timeouts[0] };

static struct exports exports;

static void meter_random(enum meter_profile profile, int64_t idle, int64_t active, uint32_t connections,
                         uint32_t pace, const struct udps *udps) {
    struct meter *meter = open_meter(&exports, profile, idle, active, udps);
    feed_random(meter, (uint32_t)(connections + pace + (uint32_t)idle * 7 + (uint32_t)active), connections,
                pace);
    meter_finish(meter, END_OF_INPUT);
    meter_destroy(meter);
}

static void timeouts_and_evictions_repeat_nothing(void **state) {
    (void)state;
    uint64_t evicted = 0, in_a_series = 0;
    for (int profile = PROFILE_NATIVE; profile <= PROFILE_NFSTREAM; profile++)
        for (size_t idle = 0; idle < TIMEOUTS; idle++)
            for (size_t active = 0; active < TIMEOUTS; active++)
                for (uint32_t connections = 20; connections < 10000; connections *= 20) {
                    meter_random((enum meter_profile)profile, timeouts[idle], timeouts[active], connections,
                                 4, NULL);
                    evicted += exports.by_reason[END_EVICTED];
                    for (size_t i = 0; i < exports.count; i++)
                        in_a_series += exports.identities[i].uid_series != 0;
                    assert_unique(&exports);
                }
    /* Otherwise nothing was tried. */
    assert_true(evicted > 10000);
    assert_true(in_a_series > 1000);
}

static void plugins_ends_repeat_nothing(void **state) {
    (void)state;
    static const char *const parameters[] = {"end=1", "end=2", "end=3"};
    for (size_t i = 0; i < sizeof parameters / sizeof parameters[0]; i++) {
        struct udps *udps = NULL;
        struct error error = {0};
        if (load_udps(NULL, NULL, plugin_entry("none", parameters[i]), &udps, &error) < 0)
            fail_msg("%s", error.text);
        uint64_t ended = 0;
        for (size_t idle = 0; idle < TIMEOUTS; idle++)
            for (uint32_t connections = 20; connections < 10000; connections *= 20) {
                meter_random(PROFILE_NATIVE, timeouts[idle], FOREVER, connections, 6, udps);
                ended += exports.by_reason[END_PLUGIN];
                assert_unique(&exports);
            }
        assert_true(ended > 1000);
        udps_free(udps);
    }
}

/* Where the table had room, uids are of key and time alone and slices are counted without a gap: so they are the same
 * for any number of meters. */
static void without_evictions_slices_are_counted(void **state) {
    (void)state;
    for (size_t idle = 0; idle < TIMEOUTS; idle++)
        for (size_t active = 0; active < TIMEOUTS; active++) {
            meter_random(PROFILE_NATIVE, timeouts[idle], timeouts[active], TABLE - 1, 50, NULL);
            assert_unique(&exports);
            assert_int_equal(exports.by_reason[END_EVICTED], 0);
            for (size_t i = 0; i < exports.count; i++) {
                const struct identity *identity = &exports.identities[i], *before = identity - 1;
                bool first = i == 0 || identity->uid_time != before->uid_time ||
                             memcmp(&identity->key, &before->key, sizeof(identity->key)) != 0;
                assert_int_equal(identity->uid_series, 0);
                assert_int_equal(identity->slice, first ? 0 : before->slice + 1);
            }
        }
}

/* The second recording's flows are the first one's again, with other uids. */
static void a_recording_that_comes_again_repeats_nothing(void **state) {
    (void)state;
    struct meter *meter = open_meter(&exports, PROFILE_NATIVE, 7, 20, NULL);
    feed_random(meter, 1, 300, 4);
    meter_begin_recording(meter);
    size_t once = exports.count;
    struct meter_statistics statistics;
    meter_statistics(meter, &statistics);
    assert_int_equal(statistics.flows_open, 0);
    feed_random(meter, 1, 300, 4);
    meter_finish(meter, END_OF_INPUT);
    meter_destroy(meter);
    assert_int_equal(exports.count, 2 * once);
    qsort(exports.identities, once, sizeof(exports.identities[0]), compare_identities);
    qsort(exports.identities + once, once, sizeof(exports.identities[0]), compare_identities);
    for (size_t i = 0; i < once; i++) {
        struct identity again = exports.identities[once + i];
        assert_int_equal(exports.identities[i].uid_series, 0);
        assert_int_not_equal(again.uid_series, 0);
        again.uid_series = 0;
        assert_int_equal(compare_identities(&exports.identities[i], &again), 0);
    }
    assert_unique(&exports);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timeouts_and_evictions_repeat_nothing),
        cmocka_unit_test(plugins_ends_repeat_nothing),
        cmocka_unit_test(without_evictions_slices_are_counted),
        cmocka_unit_test(a_recording_that_comes_again_repeats_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
