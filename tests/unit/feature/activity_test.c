/* Active and idle periods against a naive look at the gaps between packets. */
#include "feature/made_pauses.h"

enum { IDLE = 5000000, SUBFLOW = 1000000 };

struct periods {
    int64_t length[MADE_PACKETS];
    size_t count;
};

static double mean_of(const struct periods *periods) {
    double sum = 0;
    for (size_t i = 0; i < periods->count; i++)
        sum += (double)periods->length[i];
    return periods->count > 0 ? sum / (double)periods->count : 0;
}

static double stddev_of(const struct periods *periods) {
    double sum = 0, mean = mean_of(periods);
    for (size_t i = 0; i < periods->count; i++)
        sum += ((double)periods->length[i] - mean) * ((double)periods->length[i] - mean);
    return periods->count > 1 ? sqrt(sum / (double)(periods->count - 1)) : 0;
}

static void assert_periods(const struct flow *flow, const struct periods *periods,
                           field_getter *const get[5]) {
    int64_t least = periods->count > 0 ? periods->length[0] : 0, most = 0;
    for (size_t i = 0; i < periods->count; i++) {
        least = periods->length[i] < least ? periods->length[i] : least;
        most = periods->length[i] > most ? periods->length[i] : most;
    }
    assert_number(flow, get[0], BIDIRECTIONAL, (int64_t)periods->count);
    assert_number(flow, get[1], BIDIRECTIONAL, least);
    assert_near(flow, get[2], BIDIRECTIONAL, mean_of(periods));
    assert_near(flow, get[3], BIDIRECTIONAL, stddev_of(periods));
    assert_number(flow, get[4], BIDIRECTIONAL, most);
}

static void check_activity(const struct flow *flow, enum flow_direction direction,
                           const struct made_series *series) {
    static field_getter *const active_getters[] = {get_active_count, get_active_min, get_active_mean,
                                                   get_active_stddev, get_active_max};
    static field_getter *const idle_getters[] = {get_idle_count, get_idle_min, get_idle_mean, get_idle_stddev,
                                                 get_idle_max};
    if (direction != BIDIRECTIONAL)
        return;
    struct periods active = {.count = 0}, idle = {.count = 0};
    int64_t begin = made_at(series, 0)->time, subflows = 0;
    for (size_t i = 1; i < series->count; i++) {
        int64_t before = made_at(series, i - 1)->time, gap = made_at(series, i)->time - before;
        subflows += gap > SUBFLOW;
        if (gap <= IDLE)
            continue;
        idle.length[idle.count++] = gap;
        if (before > begin)
            active.length[active.count++] = before - begin;
        begin = before + gap;
    }
    assert_periods(flow, &active, active_getters);
    assert_periods(flow, &idle, idle_getters);
    assert_number(flow, get_active_last, BIDIRECTIONAL, made_at(series, series->count - 1)->time - begin);
    assert_number(flow, get_subflow_gaps, BIDIRECTIONAL, subflows);
}

static void test_periods_equal_a_naive_look(void **state) {
    (void)state;
    paused_check_flows(FEATURE_activity, check_activity);
}

static void test_state(void **state) {
    (void)state;
    paused_check_state(FEATURE_activity, 64, 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_periods_equal_a_naive_look),
        cmocka_unit_test(test_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
