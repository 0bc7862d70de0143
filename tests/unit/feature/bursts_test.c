/* Bursts against a naive search for them. */
#include "feature/made_pauses.h"

enum { BURST_GAP = 1000000, BURST_PACKETS = 3, BURSTS = 15, ARRAYS = 4 };

struct found {
    int64_t of[ARRAYS][BURSTS]; /* packets, bytes, start, duration */
    size_t count;
};

static size_t most_found;

static struct value array_of(const struct flow *flow, field_getter *get, enum flow_direction direction) {
    static int64_t integers[BURSTS];
    struct record_scratch scratch = {.integers = integers, .integers_capacity = BURSTS};
    const struct record_source source = {.flow = flow, .scratch = &scratch};
    struct value value;
    get(&source, direction, &value);
    assert_false(value.is_null);
    return value;
}

/* The packets from place `from` on that follow each other closely. Returns the place behind them. */
static size_t one_burst(const struct made_series *data, size_t from, int64_t slice, struct found *found) {
    size_t to = from + 1;
    int64_t bytes = made_at(data, from)->size[ACCOUNT_PAYLOAD];
    while (to < data->count && made_at(data, to)->time - made_at(data, to - 1)->time < BURST_GAP)
        bytes += made_at(data, to++)->size[ACCOUNT_PAYLOAD];
    if (to - from < BURST_PACKETS || found->count == BURSTS)
        return to;
    size_t at = found->count++;
    found->of[0][at] = (int64_t)(to - from);
    found->of[1][at] = bytes;
    found->of[2][at] = made_at(data, from)->time - slice;
    found->of[3][at] = made_at(data, to - 1)->time - made_at(data, from)->time;
    return to;
}

static void check_bursts(const struct flow *flow, enum flow_direction direction,
                         const struct made_series *series) {
    static field_getter *const getters[] = {get_burst_packets, get_burst_bytes, get_burst_start,
                                            get_burst_duration};
    struct made_series data = {.made = series->made};
    struct found found = {.count = 0};
    if (direction == BIDIRECTIONAL)
        return;
    for (size_t i = 0; i < series->count; i++)
        if (made_at(series, i)->size[ACCOUNT_PAYLOAD] > 0)
            data.places[data.count++] = series->places[i];
    for (size_t i = 0; i < data.count;)
        i = one_burst(&data, i, flow_first_seen(flow, BIDIRECTIONAL), &found);
    most_found = found.count > most_found ? found.count : most_found;
    for (size_t i = 0; i < ARRAYS; i++) {
        struct value value = array_of(flow, getters[i], direction);
        assert_int_equal(value.integers.count, found.count);
        for (size_t j = 0; j < found.count; j++)
            assert_int_equal(value.integers.items[j], found.of[i][j]);
    }
}

static void test_bursts_equal_a_naive_search(void **state) {
    (void)state;
    paused_check_flows(FEATURE_bursts, check_bursts);
}

static void add_forward(struct made_flow *made, int64_t time, uint32_t payload) {
    struct packet *packet = &made->packets[made->count++];
    *packet = made_packet(time, 1, 4000, 2, 80, UDP);
    packet->size[ACCOUNT_PAYLOAD] = payload;
}

/* More bursts than are kept: runs of three packets, 1 s apart. */
static void test_the_first_bursts_are_kept(void **state) {
    (void)state;
    static struct made_flow made;
    for (int64_t scale = 1; scale <= PAUSED_HOUR; scale *= PAUSED_HOUR) {
        made = (struct made_flow){.count = 0};
        for (int64_t i = 0; i < 60; i++)
            add_forward(&made, BURST_GAP + i / 3 * (BURST_GAP + 2) * scale + i % 3, 1 + (uint32_t)i);
        paused_meter_long(&made, FEATURE_bursts, check_bursts);
    }
}

/* The count of bytes ends before it wraps. */
static void check_saturated(const struct flow *flow, enum flow_direction direction,
                            const struct made_series *series) {
    (void)series;
    if (direction == SRC2DST)
        assert_int_equal(array_of(flow, get_burst_bytes, SRC2DST).integers.items[0], UINT32_MAX);
}

static void test_bytes_do_not_wrap(void **state) {
    (void)state;
    static struct made_flow made;
    made = (struct made_flow){.count = 0};
    for (int i = 0; i < 3; i++)
        add_forward(&made, BURST_GAP + i, UINT32_C(0x70000000));
    paused_meter_long(&made, FEATURE_bursts, check_saturated);
}

static void test_state(void **state) {
    (void)state;
    paused_check_state(FEATURE_bursts, 488, 240);
    assert_int_equal(most_found, BURSTS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bursts_equal_a_naive_search),
        cmocka_unit_test(test_the_first_bursts_are_kept),
        cmocka_unit_test(test_bytes_do_not_wrap),
        cmocka_unit_test(test_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
