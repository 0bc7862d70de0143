/* Statistics against two naive passes over the packets. */
#include "meter/meter_fixture.h"

#include <math.h>

#include "feature/states.h"
#include "feature/value_of.h"

enum { PACKETS = 500 };

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

/* The getters of one row of numbers. */
struct getters {
    field_getter *min, *mean, *stddev, *max;
};

static void check_numbers(const struct flow *flow, enum flow_direction direction, struct getters get,
                          const int64_t *values, size_t count) {
    int64_t min = count > 0 ? values[0] : 0, max = min;
    for (size_t i = 0; i < count; i++) {
        min = values[i] < min ? values[i] : min;
        max = values[i] > max ? values[i] : max;
    }
    assert_int_equal(value_of(flow, get.min, direction).integer, min);
    assert_int_equal(value_of(flow, get.max, direction).integer, max);
    double mean = value_of(flow, get.mean, direction).real;
    assert_true(fabs(mean - naive_mean(values, count)) <= 1e-9 * (1 + mean));
    double stddev = value_of(flow, get.stddev, direction).real;
    assert_true(fabs(stddev - naive_stddev(values, count)) <= 1e-9 * (1 + stddev));
}

struct noted_series {
    int64_t sizes[PACKETS], intervals[PACKETS], last;
    size_t packets;
    uint32_t flags[FLAG_COUNTERS];
};

static void note(struct noted_series *series, const struct packet *packet) {
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

static void check_series(const struct flow *flow, enum flow_direction direction,
                         const struct noted_series *series) {
    static const struct getters sizes = {get_min_ps, get_mean_ps, get_stddev_ps, get_max_ps};
    static const struct getters intervals = {get_min_piat, get_mean_piat, get_stddev_piat, get_max_piat};
    static field_getter *const flags[FLAG_COUNTERS] = {
        [FLAG_SYN] = get_syn_packets, [FLAG_CWR] = get_cwr_packets, [FLAG_ECE] = get_ece_packets,
        [FLAG_URG] = get_urg_packets, [FLAG_ACK] = get_ack_packets, [FLAG_PSH] = get_psh_packets,
        [FLAG_RST] = get_rst_packets, [FLAG_FIN] = get_fin_packets,
    };
    check_numbers(flow, direction, sizes, series->sizes, series->packets);
    check_numbers(flow, direction, intervals, series->intervals,
                  series->packets > 0 ? series->packets - 1 : 0);
    for (int i = 0; i < FLAG_COUNTERS; i++)
        assert_int_equal(value_of(flow, flags[i], direction).integer, series->flags[i]);
}

/* The one flow that a test makes, checked while it is exported. */
struct stats_check {
    struct noted_series series[FLOW_DIRECTIONS];
    unsigned exports;
};

static bool check_stats(void *context, const struct flow *flow) {
    struct stats_check *check = context;
    for (int d = 0; d < FLOW_DIRECTIONS; d++)
        check_series(flow, (enum flow_direction)d, &check->series[d]);
    check->exports++;
    return true;
}

static struct meter *open_meter(const struct meter_options *options, meter_export_call *export_flow,
                                void *context) {
    struct meter *meter = NULL;
    struct error error;
    assert_int_equal(meter_create(options, export_flow, context, &meter, &error), 0);
    return meter;
}

static struct packet random_packet(int64_t time, bool back) {
    struct packet packet =
        back ? made_packet(time, 2, 80, 1, 4000, TCP) : made_packet(time, 1, 4000, 2, 80, TCP);
    packet.size[ACCOUNT_RAW] = 60 + made_random(&random_state, 65000);
    packet.tcp_flags = (uint8_t)made_random(&random_state, 256);
    return packet;
}

static const struct meter_options stats_options = {
    .profile = PROFILE_NATIVE,
    .idle_timeout = 120000000,
    .active_timeout = INT64_C(1800000000),
    .statistical_analysis = true,
    .flow_table_size = 1024,
};

/* `unit`: pauses are up to 50,000 of it. */
static void check_stats_of(const struct meter_options *options, size_t packets, int back_percent,
                           int64_t unit) {
    static struct stats_check check;
    memset(&check, 0, sizeof check);
    struct meter *meter = open_meter(options, check_stats, &check);
    int64_t time = 1000000;
    for (size_t i = 0; i < packets; i++) {
        bool back = i > 0 && (int)made_random(&random_state, 100) < back_percent;
        struct packet packet = random_packet(time, back);
        meter_packet(meter, &packet);
        note(&check.series[BIDIRECTIONAL], &packet);
        note(&check.series[back ? DST2SRC : SRC2DST], &packet);
        time += made_random(&random_state, 50000) * unit;
    }
    meter_finish(meter, END_OF_INPUT);
    assert_int_equal(check.exports, 1);
    meter_destroy(meter);
}

static void test_stats_equal_a_naive_reference(void **state) {
    (void)state;
    static const size_t counts[] = {1, 2, 3, 4, 10, PACKETS};
    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++)
        for (int back = 0; back <= 100; back += 50)
            check_stats_of(&stats_options, counts[i], back, 1);
}

/* Timeouts that let pauses be longer than 32 bits can tell. */
static void test_long_pauses(void **state) {
    (void)state;
    struct meter_options options = stats_options;
    options.idle_timeout = options.active_timeout = INT64_MAX;
    check_stats_of(&options, 1, 0, 1);
    for (int back = 0; back <= 100; back += 50)
        check_stats_of(&options, 50, back, INT64_C(10000000));
}

static void test_stddev_of_fewer_than_two_is_zero(void **state) {
    (void)state;
    static const double expected[] = {0, 0, 2};
    struct {
        struct flow flow;
        struct stats stats;
    } block = {.stats = {.sizes[SRC2DST] = {.m2 = 4}}};
    const struct flow_shared shared = {.offset = {[FEATURE_stats] = sizeof block.flow}};
    block.flow.shared = &shared;
    for (uint64_t packets = 0; packets < sizeof expected / sizeof expected[0]; packets++) {
        block.flow.ways[0].packets = packets;
        assert_true(value_of(&block.flow, get_stddev_ps, SRC2DST).real == expected[packets]);
    }
}

struct noted_sizes {
    uint64_t bytes[FLOW_DIRECTIONS];
    int64_t largest;
};

static bool note_sizes(void *context, const struct flow *flow) {
    struct noted_sizes *sizes = context;
    for (int d = 0; d < FLOW_DIRECTIONS; d++)
        sizes->bytes[d] = flow_counters(flow, d).bytes;
    sizes->largest = value_of(flow, get_max_ps, SRC2DST).integer;
    return true;
}

static void test_bytes_follow_the_accounting_mode(void **state) {
    (void)state;
    static const uint32_t expected[ACCOUNT_MODES] = {100, 86, 66, 46};
    for (int mode = 0; mode < ACCOUNT_MODES; mode++) {
        struct meter_options options = stats_options;
        options.accounting_mode = (enum accounting_mode)mode;
        struct noted_sizes sizes = {0};
        struct meter *meter = open_meter(&options, note_sizes, &sizes);
        const struct packet packets[] = {made_packet(1000000, 1, 1000, 2, 80, UDP),
                                         made_packet(1000000, 2, 80, 1, 1000, UDP)};
        meter_packet(meter, &packets[0]);
        meter_packet(meter, &packets[1]);
        meter_finish(meter, END_OF_INPUT);
        meter_destroy(meter);
        assert_int_equal(sizes.bytes[BIDIRECTIONAL], 2 * expected[mode]);
        assert_int_equal(sizes.bytes[DST2SRC], expected[mode]);
        assert_int_equal(sizes.largest, expected[mode]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stats_equal_a_naive_reference),
        cmocka_unit_test(test_long_pauses),
        cmocka_unit_test(test_stddev_of_fewer_than_two_is_zero),
        cmocka_unit_test(test_bytes_follow_the_accounting_mode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
