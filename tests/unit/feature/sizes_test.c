/* Sizes at all layers against two naive passes over the packets. */
#include "feature/made_flow.h"

static double naive_mean(const struct made_series *series) {
    double sum = 0;
    for (size_t i = 0; i < series->count; i++)
        sum += made_at(series, i)->size[ACCOUNT_PAYLOAD];
    return series->count > 0 ? sum / (double)series->count : 0;
}

/* Sum of (payload - mean)^power. */
static double naive_moment(const struct made_series *series, double power) {
    double mean = naive_mean(series), sum = 0;
    for (size_t i = 0; i < series->count; i++)
        sum += pow(made_at(series, i)->size[ACCOUNT_PAYLOAD] - mean, power);
    return sum;
}

static void check_shape(const struct flow *flow, enum flow_direction direction,
                        const struct made_series *series) {
    double n = (double)series->count, m2 = naive_moment(series, 2);
    assert_near(flow, get_mean_payload_ps, direction, naive_mean(series));
    assert_near(flow, get_stddev_payload_ps, direction, n > 1 ? sqrt(m2 / (n - 1)) : 0);
    if (m2 == 0) {
        assert_absent(flow, get_skewness_payload_ps, direction);
        assert_absent(flow, get_kurtosis_payload_ps, direction);
        return;
    }
    assert_near(flow, get_skewness_payload_ps, direction, sqrt(n) * naive_moment(series, 3) / pow(m2, 1.5));
    assert_near(flow, get_kurtosis_payload_ps, direction, n * naive_moment(series, 4) / (m2 * m2));
}

static void check_sums(const struct flow *flow, enum flow_direction direction,
                       const struct made_series *series) {
    static field_getter *const getters[ACCOUNT_MODES] = {get_raw_bytes, get_ip_bytes, get_transport_bytes,
                                                         get_payload_bytes};
    int64_t sums[ACCOUNT_MODES] = {0}, data = 0;
    for (size_t i = 0; i < series->count; i++) {
        for (int mode = 0; mode < ACCOUNT_MODES; mode++)
            sums[mode] += made_at(series, i)->size[mode];
        data += made_at(series, i)->size[ACCOUNT_PAYLOAD] > 0;
    }
    for (int mode = 0; mode < ACCOUNT_MODES; mode++)
        assert_number(flow, getters[mode], direction, sums[mode]);
    assert_number(flow, get_payload_packets, direction, data);
}

static void check_extremes(const struct flow *flow, enum flow_direction direction,
                           const struct made_series *series, enum accounting_mode mode, field_getter *least,
                           field_getter *most) {
    int64_t min = series->count > 0 ? INT64_MAX : 0, max = 0;
    for (size_t i = 0; i < series->count; i++) {
        int64_t size = made_at(series, i)->size[mode];
        min = size < min ? size : min;
        max = size > max ? size : max;
    }
    assert_number(flow, least, direction, min);
    assert_number(flow, most, direction, max);
}

static void check_header(const struct flow *flow, enum flow_direction direction,
                         const struct made_series *series) {
    int64_t least = 0;
    for (size_t i = 0; i < series->count; i++) {
        const struct packet *packet = made_at(series, i);
        int64_t header = (int64_t)packet->size[ACCOUNT_TRANSPORT] - packet->size[ACCOUNT_PAYLOAD];
        if ((packet->flags & PACKET_FRAGMENT) == 0 && (least == 0 || header < least))
            least = header;
    }
    if (series->made->protocol == ICMP)
        assert_absent(flow, get_min_header_bytes, direction);
    else
        assert_number(flow, get_min_header_bytes, direction, least);
}

/* The block's values are those of its members. */
static void check_block(const struct flow *flow, enum flow_direction direction) {
    static field_getter *const members[] = {get_min_payload_ps,      get_mean_payload_ps,
                                            get_stddev_payload_ps,   get_max_payload_ps,
                                            get_skewness_payload_ps, get_kurtosis_payload_ps};
    struct value values[sizeof members / sizeof *members];
    const struct record_source source = {.flow = flow};
    get_payload_sizes(&source, direction, values);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        struct value value = value_of(flow, members[i], direction);
        assert_int_equal(values[i].is_null, value.is_null);
        assert_true(value.is_null || values[i].integer == value.integer);
    }
}

static void check_sizes(const struct flow *flow, enum flow_direction direction,
                        const struct made_series *series) {
    check_sums(flow, direction, series);
    check_extremes(flow, direction, series, ACCOUNT_IP, get_min_ip_ps, get_max_ip_ps);
    check_extremes(flow, direction, series, ACCOUNT_PAYLOAD, get_min_payload_ps, get_max_payload_ps);
    check_shape(flow, direction, series);
    check_header(flow, direction, series);
    check_block(flow, direction);
    if (direction == BIDIRECTIONAL)
        assert_number(flow, get_first_payload_ps, direction, made_at(series, 0)->size[ACCOUNT_PAYLOAD]);
}

static void test_sizes_equal_a_naive_reference(void **state) {
    (void)state;
    made_check_flows(FEATURE_sizes, check_sizes);
}

static void test_state(void **state) {
    (void)state;
    made_check_state(FEATURE_sizes, 176);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes_equal_a_naive_reference),
        cmocka_unit_test(test_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
