/* The sequence of lengths and times: as long as the flow, and as the option asks; padded for NFStream. */
#include "meter/meter_fixture.h"

#include "record/field/field_getters.h"

static const uint32_t splt_size_max = (1u << 23) - 1;

enum { SPLT = 20, ARRAYS = 3 };

/* Around the largest that is kept: larger ones are cut to it. */
static uint32_t size_of(uint32_t place) {
    return splt_size_max + 2 - place;
}

/* The one flow that a test makes, checked while it is exported. */
struct splt_check {
    uint32_t length;
    int64_t step;
    unsigned exports;
};

static const int64_t *array_of(const struct flow *flow, field_getter *get, size_t count) {
    static int64_t integers[SPLT];
    struct record_scratch scratch = {.integers = integers, .integers_capacity = SPLT};
    const struct record_source source = {.flow = flow, .scratch = &scratch};
    struct value value;
    get(&source, BIDIRECTIONAL, &value);
    assert_int_equal(value.integers.count, count);
    return value.integers.items;
}

static int64_t interval_at(const struct splt_check *check, uint32_t place) {
    return place == 0 ? 0 : check->step + place;
}

static int64_t size_at(const struct splt_check *check, uint32_t place) {
    (void)check;
    return size_of(place) > splt_size_max ? splt_size_max : size_of(place);
}

static int64_t direction_at(const struct splt_check *check, uint32_t place) {
    (void)check;
    return place % 3 == 1;
}

static const struct {
    field_getter *get, *padded;
    int64_t (*expected)(const struct splt_check *check, uint32_t place);
} arrays[ARRAYS] = {
    {get_splt_piat, get_splt_piat_padded, interval_at},
    {get_splt_ps, get_splt_ps_padded, size_at},
    {get_splt_direction, get_splt_direction_padded, direction_at},
};

static bool check_splt(void *context, const struct flow *flow) {
    struct splt_check *check = context;
    assert_false(flow_has(flow, FEATURE_stats));
    assert_false(flow_has(flow, FEATURE_l7));
    for (int i = 0; i < ARRAYS; i++) {
        const int64_t *items = array_of(flow, arrays[i].get, check->length);
        for (uint32_t place = 0; place < check->length; place++)
            assert_int_equal(items[place], arrays[i].expected(check, place));
        items = array_of(flow, arrays[i].padded, SPLT);
        for (uint32_t place = 0; place < SPLT; place++)
            assert_int_equal(items[place], place < check->length ? arrays[i].expected(check, place) : -1);
    }
    check->exports++;
    return true;
}

static void check_splt_of(uint32_t packets, int64_t idle_timeout, int64_t step) {
    const struct meter_options options = {
        .profile = PROFILE_NATIVE,
        .idle_timeout = idle_timeout,
        .active_timeout = INT64_MAX,
        .splt_analysis = SPLT,
        .flow_table_size = 1024,
    };
    struct splt_check check = {.length = packets < SPLT ? packets : SPLT, .step = step};
    struct meter *meter;
    struct error error;
    assert_int_equal(meter_create(&options, check_splt, &check, &meter, &error), 0);
    int64_t time = 1000000;
    for (uint32_t i = 0; i < packets; i++) {
        time += i == 0 ? 0 : step + i;
        struct packet packet =
            i % 3 == 1 ? made_packet(time, 2, 80, 1, 4000, TCP) : made_packet(time, 1, 4000, 2, 80, TCP);
        packet.size[ACCOUNT_RAW] = size_of(i);
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

/* While the overload ladder has no_splt, nothing is kept: the arrays are empty, though there are packets. */
static void test_no_splt(void **state) {
    (void)state;
    const struct meter_options options = {
        .profile = PROFILE_NATIVE,
        .idle_timeout = 120000000,
        .active_timeout = INT64_MAX,
        .splt_analysis = SPLT,
        .flow_table_size = 1024,
        .overload = {.steps = {OVERLOAD_no_splt},
                     .count = 1,
                     .enter = 75,
                     .leave = 25,
                     .patience = 10000000,
                     .sampling_rate = 8},
    };
    struct splt_check check = {.length = 0};
    struct meter *meter;
    struct meter_load load;
    struct error error;
    assert_int_equal(meter_create(&options, check_splt, &check, &meter, &error), 0);
    assert_true(meter_look_at_load(meter, 100, 1, &load));
    for (int64_t i = 0; i < 2 * SPLT; i++) {
        struct packet packet = made_packet(1000000 + i, 1, 4000, 2, 80, TCP);
        meter_packet(meter, &packet);
    }
    meter_finish(meter, END_OF_INPUT);
    assert_int_equal(check.exports, 1);
    meter_destroy(meter);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_splt),
        cmocka_unit_test(test_no_splt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
