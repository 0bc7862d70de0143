/* The shape of series against naive computations over all packets. */
#include "feature/made_flow.h"

static double time_of(const struct made_series *series, size_t i) {
    return (double)(made_at(series, i)->time - made_at(series, 0)->time);
}

static double interval_of(const struct made_series *series, size_t i) {
    return time_of(series, i + 1) - time_of(series, i);
}

/* Sum of (interval - mean)^power over `n` intervals. */
static double naive_moment(const struct made_series *series, size_t n, double power) {
    double mean = 0, sum = 0;
    for (size_t i = 0; i < n; i++)
        mean += interval_of(series, i) / (double)n;
    for (size_t i = 0; i < n; i++)
        sum += pow(interval_of(series, i) - mean, power);
    return sum;
}

static bool intervals_differ(const struct made_series *series, size_t n) {
    for (size_t i = 1; i < n; i++)
        if (interval_of(series, i) != interval_of(series, 0))
            return true;
    return false;
}

static void check_intervals(const struct flow *flow, enum flow_direction direction,
                            const struct made_series *series) {
    size_t n = series->count > 0 ? series->count - 1 : 0;
    if (!intervals_differ(series, n)) {
        assert_absent(flow, get_skewness_piat, direction);
        assert_absent(flow, get_kurtosis_piat, direction);
        return;
    }
    double m2 = naive_moment(series, n, 2), count = (double)n;
    assert_near(flow, get_skewness_piat, direction, sqrt(count) * naive_moment(series, n, 3) / pow(m2, 1.5));
    assert_near(flow, get_kurtosis_piat, direction, count * naive_moment(series, n, 4) / (m2 * m2));
}

static double mean_payload(const struct made_series *series, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += made_at(series, i)->size[ACCOUNT_PAYLOAD];
    return count > 0 ? sum / (double)count : 0;
}

static void check_together(const struct flow *flow, const struct made_series *series) {
    double offsets = 0, payloads = 0, intervals = 0, n = (double)series->count;
    int64_t changes = 0;
    for (size_t i = 0; i < series->count; i++) {
        offsets += time_of(series, i);
        payloads += fabs(made_at(series, i)->size[ACCOUNT_PAYLOAD] - mean_payload(series, i));
        if (i == 0)
            continue;
        intervals += fabs(time_of(series, i) / (double)(i + 1) - interval_of(series, i - 1));
        changes += made_at(series, i)->size[ACCOUNT_RAW] != made_at(series, i - 1)->size[ACCOUNT_RAW];
    }
    assert_near(flow, get_mean_offset, BIDIRECTIONAL, offsets / n);
    assert_near(flow, get_dispersion_payload_ps, BIDIRECTIONAL, payloads / n);
    assert_number(flow, get_size_changes, BIDIRECTIONAL, changes);
    if (series->count > 1)
        assert_near(flow, get_dispersion_piat, BIDIRECTIONAL, intervals / (n - 1));
    else
        assert_absent(flow, get_dispersion_piat, BIDIRECTIONAL);
}

static void check_series(const struct flow *flow, enum flow_direction direction,
                         const struct made_series *series) {
    check_intervals(flow, direction, series);
    if (direction == BIDIRECTIONAL)
        check_together(flow, series);
}

static void test_series_equal_a_naive_reference(void **state) {
    (void)state;
    made_check_flows(FEATURE_series, check_series);
}

static void test_state(void **state) {
    (void)state;
    made_check_state(FEATURE_series, 112);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_series_equal_a_naive_reference),
        cmocka_unit_test(test_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
