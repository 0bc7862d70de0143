/* Bulk transfers against a naive search for runs. */
#include "feature/made_pauses.h"

enum { BULK_GAP = 1000000, BULK_PACKETS = 4 };

struct sums {
    int64_t count, packets, bytes, duration;
};

/* A run of the series of both directions: from place `first` to `last`. */
struct run {
    size_t first, last;
    int64_t packets, bytes;
};

static void add_run(const struct made_series *all, const struct run *run, struct sums *sums) {
    if (run->packets < BULK_PACKETS)
        return;
    sums->count++;
    sums->packets += run->packets;
    sums->bytes += run->bytes;
    sums->duration += made_at(all, run->last)->time - made_at(all, run->first)->time;
}

static bool is_of(const struct made_series *all, size_t i, enum flow_direction direction) {
    return made_at(all, i)->size[ACCOUNT_PAYLOAD] > 0 &&
           (direction == BIDIRECTIONAL || all->made->back[all->places[i]] == (direction == DST2SRC));
}

/* Whether the run can't go on at `next`. */
static bool ends_before(const struct made_series *all, const struct run *run, size_t next,
                        enum flow_direction direction) {
    if (run->packets == 0 || made_at(all, next)->time - made_at(all, run->last)->time > BULK_GAP)
        return true;
    for (size_t i = run->first; i < next && direction != BIDIRECTIONAL; i++)
        if (is_of(all, i, direction == SRC2DST ? DST2SRC : SRC2DST) &&
            made_at(all, i)->time > made_at(all, run->first)->time)
            return true;
    return false;
}

static struct sums sums_of(const struct made_series *all, enum flow_direction direction) {
    struct sums sums = {0};
    struct run run = {0};
    for (size_t i = 0; i < all->count; i++) {
        if (!is_of(all, i, direction))
            continue;
        if (ends_before(all, &run, i, direction)) {
            add_run(all, &run, &sums);
            run = (struct run){.first = i};
        }
        run.last = i;
        run.packets++;
        run.bytes += made_at(all, i)->size[ACCOUNT_PAYLOAD];
    }
    add_run(all, &run, &sums);
    return sums;
}

static int64_t runs_seen[FLOW_DIRECTIONS];

/* Of all directions at once, since each ends the other's runs. */
static void check_bulk(const struct flow *flow, enum flow_direction direction,
                       const struct made_series *series) {
    if (direction != BIDIRECTIONAL)
        return;
    for (int d = 0; d < FLOW_DIRECTIONS; d++) {
        struct sums sums = sums_of(series, (enum flow_direction)d);
        runs_seen[d] += sums.count;
        assert_number(flow, get_bulk_count, (enum flow_direction)d, sums.count);
        assert_number(flow, get_bulk_packets, (enum flow_direction)d, sums.packets);
        assert_number(flow, get_bulk_bytes, (enum flow_direction)d, sums.bytes);
        assert_number(flow, get_bulk_duration, (enum flow_direction)d, sums.duration);
    }
}

static void test_runs_equal_a_naive_search(void **state) {
    (void)state;
    paused_check_flows(FEATURE_bulk, check_bulk);
    for (int d = 0; d < FLOW_DIRECTIONS; d++)
        assert_in_range(runs_seen[d], 100, INT64_MAX);
}

static void test_state(void **state) {
    (void)state;
    paused_check_state(FEATURE_bulk, 120, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runs_equal_a_naive_search),
        cmocka_unit_test(test_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
