/* Statistics against two naive passes over the packets, and the sequence of lengths and times. */
#include "meter/meter_fixture.h"

#include <math.h>

enum { PACKETS = 500, SPLT = 20 };

static uint32_t random_state = 7;

static double naive_mean(const int64_t *values, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (double)values[i];
    return count > 0 ? sum / (double)count : 0;
}

static double naive_stddev(const int64_t *values, size_t count) {
    double mean = naive_mean(values, count), sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += ((double)values[i] - mean) * ((double)values[i] - mean);
    return count > 1 ? sqrt(sum / (double)(count - 1)) : 0;
}

static void check_running(const struct running *running, const int64_t *values, size_t count) {
    int64_t min = count > 0 ? values[0] : 0, max = min;
    for (size_t i = 0; i < count; i++) {
        min = values[i] < min ? values[i] : min;
        max = values[i] > max ? values[i] : max;
    }
    assert_int_equal(running->min, min);
    assert_int_equal(running->max, max);
    assert_true(fabs(running->mean - naive_mean(values, count)) <= 1e-9 * (1 + running->mean));
    double stddev = running_stddev(running, count);
    assert_true(fabs(stddev - naive_stddev(values, count)) <= 1e-9 * (1 + stddev));
}

struct series {
    int64_t sizes[PACKETS], intervals[PACKETS], last;
    size_t packets;
    uint32_t flags[FLAG_COUNTERS];
};

static void note(struct series *series, const struct packet *packet) {
    static const uint8_t masks[FLAG_COUNTERS] = {
        [FLAG_SYN] = 0x02, [FLAG_CWR] = 0x80, [FLAG_ECE] = 0x40, [FLAG_URG] = 0x20,
        [FLAG_ACK] = 0x10, [FLAG_PSH] = 0x08, [FLAG_RST] = 0x04, [FLAG_FIN] = 0x01,
    };
    if (series->packets > 0)
        series->intervals[series->packets - 1] = packet->time - series->last;
    series->last = packet->time;
    series->sizes[series->packets++] = packet->size[ACCOUNT_RAW];
    for (int i = 0; i < FLAG_COUNTERS; i++)
        series->flags[i] += (packet->tcp_flags & masks[i]) != 0;
}

static void check_series(const struct stats_direction *stats, const struct series *series) {
    check_running(&stats->size, series->sizes, series->packets);
    check_running(&stats->interval, series->intervals, series->packets > 0 ? series->packets - 1 : 0);
    assert_memory_equal(stats->flags, series->flags, sizeof(series->flags));
}

static struct packet random_packet(int64_t time, bool back) {
    struct packet packet =
        back ? made_packet(time, 2, 80, 1, 4000, TCP) : made_packet(time, 1, 4000, 2, 80, TCP);
    packet.size[ACCOUNT_RAW] = 60 + made_random(&random_state, 65000);
    packet.tcp_flags = (uint8_t)made_random(&random_state, 256);
    return packet;
}

static struct meter_options options_with(bool stats, uint32_t splt) {
    return (struct meter_options){
        .profile = PROFILE_NATIVE,
        .idle_timeout = 120000000,
        .active_timeout = INT64_C(1800000000),
        .statistical_analysis = stats,
        .splt_analysis = splt,
        .flow_table_size = 1024,
    };
}

static void check_stats_of(size_t packets, int back_percent) {
    static struct series series[FLOW_DIRECTIONS];
    memset(series, 0, sizeof(series));
    struct meter_options options = options_with(true, 0);
    struct fixture fixture;
    fixture_open(&fixture, &options);
    int64_t time = 1000000;
    for (size_t i = 0; i < packets; i++) {
        bool back = i > 0 && (int)made_random(&random_state, 100) < back_percent;
        struct packet packet = random_packet(time, back);
        feed(&fixture, packet);
        note(&series[BIDIRECTIONAL], &packet);
        note(&series[back ? DST2SRC : SRC2DST], &packet);
        time += made_random(&random_state, 50000);
    }
    meter_finish(fixture.meter, END_OF_INPUT);
    assert_int_equal(fixture.count, 1);
    for (int d = 0; d < FLOW_DIRECTIONS; d++)
        check_series(&fixture.exported[0].stats.direction[d], &series[d]);
    fixture_close(&fixture);
}

static void test_stats_equal_a_naive_reference(void **state) {
    (void)state;
    static const size_t counts[] = {1, 2, 3, 4, 10, PACKETS};
    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++)
        for (int back = 0; back <= 100; back += 50)
            check_stats_of(counts[i], back);
}

static void test_stddev_of_fewer_than_two_is_zero(void **state) {
    (void)state;
    struct running running = {.m2 = 5};
    assert_true(running_stddev(&running, 0) == 0);
    assert_true(running_stddev(&running, 1) == 0);
    assert_true(running_stddev(&running, 2) == sqrt(5));
}

/* The SPLT of the one flow that a test makes, checked while it is exported. */
struct splt_check {
    uint32_t length;
    int64_t step;
    unsigned exports;
};

static bool check_splt(void *context, const struct flow *flow) {
    struct splt_check *check = context;
    const struct splt *splt = flow->feature[FEATURE_splt];
    assert_null(flow->feature[FEATURE_stats]);
    assert_null(flow->feature[FEATURE_l7]);
    assert_int_equal(splt->capacity, SPLT);
    assert_int_equal(splt->length, check->length);
    for (uint32_t i = 0; i < splt->length; i++) {
        assert_int_equal(splt_interval(splt, i), i == 0 ? 0 : check->step + i);
        assert_int_equal(splt_size(splt, i), UINT32_MAX - i);
        assert_int_equal(splt_direction(splt, i), i % 3 == 1);
    }
    check->exports++;
    return true;
}

static void check_splt_of(uint32_t packets, int64_t idle_timeout, int64_t step) {
    struct meter_options options = options_with(false, SPLT);
    options.idle_timeout = idle_timeout;
    options.active_timeout = INT64_MAX;
    struct splt_check check = {.length = packets < SPLT ? packets : SPLT, .step = step};
    struct meter *meter;
    struct error error;
    assert_int_equal(meter_create(&options, check_splt, &check, &meter, &error), 0);
    int64_t time = 1000000;
    for (uint32_t i = 0; i < packets; i++) {
        time += i == 0 ? 0 : step + i;
        struct packet packet = random_packet(time, i % 3 == 1);
        packet.size[ACCOUNT_RAW] = UINT32_MAX - i;
        meter_packet(meter, &packet);
    }
    meter_finish(meter, END_OF_INPUT);
    assert_int_equal(check.exports, 1);
    meter_destroy(meter);
}

static void test_splt(void **state) {
    (void)state;
    static const uint32_t counts[] = {1, 2, SPLT - 1, SPLT, SPLT + 1, 100};
    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
        check_splt_of(counts[i], 120000000, 1234);
        check_splt_of(counts[i], UINT32_MAX, INT64_C(4294000000));
        check_splt_of(counts[i], INT64_C(10000000000), INT64_C(9000000000)); /* wider than 32 bits */
    }
}

static void test_bytes_follow_the_accounting_mode(void **state) {
    (void)state;
    static const uint32_t sizes[ACCOUNT_MODES] = {100, 86, 66, 46};
    for (int mode = 0; mode < ACCOUNT_MODES; mode++) {
        struct meter_options options = options_with(true, 0);
        options.accounting_mode = (enum accounting_mode)mode;
        struct fixture fixture;
        fixture_open(&fixture, &options);
        feed(&fixture, made_packet(1000000, 1, 1000, 2, 80, UDP));
        feed(&fixture, made_packet(1000000, 2, 80, 1, 1000, UDP));
        meter_finish(fixture.meter, END_OF_INPUT);
        assert_int_equal(fixture.exported[0].flow.counters[BIDIRECTIONAL].bytes, 2 * sizes[mode]);
        assert_int_equal(fixture.exported[0].flow.counters[DST2SRC].bytes, sizes[mode]);
        assert_int_equal(fixture.exported[0].stats.direction[SRC2DST].size.max, sizes[mode]);
        fixture_close(&fixture);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stats_equal_a_naive_reference),
        cmocka_unit_test(test_stddev_of_fewer_than_two_is_zero),
        cmocka_unit_test(test_splt),
        cmocka_unit_test(test_bytes_follow_the_accounting_mode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
