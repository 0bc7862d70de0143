/* Windows, options and duplicate ACKs against a naive look at a list of all segments. */
#include "feature/tcp_bench.h"

enum { SEGMENTS = 200, ROUNDS = 400, STATE_MAX = 68 };

static uint32_t random_state = 5;

/* What a flow was made of; a slice begins at `begin`. */
struct flow_model {
    struct bench_segment segments[SEGMENTS];
    size_t begin, count;
};

static bool has_window(const struct bench_segment *segment) {
    return !segment->is_later_fragment && segment->missing <= 4;
}

static bool is_plain_ack(const struct bench_segment *segment) {
    return segment->flags == TCP_ACK && segment->payload == 0;
}

/* The segment of the direction with a header before `i`, of any slice. */
static const struct bench_segment *before(const struct flow_model *model, size_t i) {
    bool back = model->segments[i].back;
    while (i-- > 0)
        if (model->segments[i].back == back && has_window(&model->segments[i]))
            return &model->segments[i];
    return NULL;
}

static bool repeats(const struct flow_model *model, size_t i) {
    const struct bench_segment *segment = &model->segments[i], *previous = before(model, i);
    return previous != NULL && is_plain_ack(segment) && is_plain_ack(previous) &&
           segment->acknowledgment == previous->acknowledgment && segment->window == previous->window;
}

static void check_way(const struct flow_model *model, const struct flow *flow, enum flow_direction direction,
                      int64_t counts[2]) {
    int64_t first = BENCH_ABSENT, last = BENCH_ABSENT, max = BENCH_ABSENT, min = BENCH_ABSENT;
    for (size_t i = model->begin; i < model->count; i++) {
        const struct bench_segment *segment = &model->segments[i];
        if (segment->back != (direction == DST2SRC) || !has_window(segment))
            continue;
        first = first == BENCH_ABSENT ? segment->window : first;
        last = segment->window;
        max = segment->window > max ? segment->window : max;
        if ((segment->flags & TCP_RST) == 0 && (min == BENCH_ABSENT || segment->window < min))
            min = segment->window;
        counts[0] += segment->window == 0 && (segment->flags & (TCP_SYN | TCP_FIN | TCP_RST)) == 0;
        counts[1] += repeats(model, i);
    }
    assert_int_equal(bench_number(flow, get_first_window, direction), first);
    assert_int_equal(bench_number(flow, get_last_window, direction), last);
    assert_int_equal(bench_number(flow, get_max_window, direction), max);
    assert_int_equal(bench_number(flow, get_min_window, direction), min);
    assert_int_equal(bench_number(flow, get_zero_window_packets, direction), counts[0]);
    assert_int_equal(bench_number(flow, get_duplicate_ack_packets, direction), counts[1]);
}

static void check_flow(struct tcp_bench *bench, const struct flow *flow) {
    struct flow_model *model = bench->context;
    int64_t source[2] = {0}, destination[2] = {0};
    check_way(model, flow, SRC2DST, source);
    check_way(model, flow, DST2SRC, destination);
    assert_int_equal(bench_number(flow, get_zero_window_packets, BIDIRECTIONAL), source[0] + destination[0]);
    assert_int_equal(bench_number(flow, get_duplicate_ack_packets, BIDIRECTIONAL),
                     source[1] + destination[1]);
    model->begin = model->count;
}

static struct bench_segment random_segment(void) {
    static const uint8_t flags[] = {TCP_ACK, TCP_ACK, TCP_ACK, TCP_ACK,           TCP_ACK | TCP_PSH, TCP_SYN,
                                    TCP_RST, TCP_FIN, 0,       TCP_ACK | TCP_RST, TCP_ACK | TCP_ECE, TCP_ACK};
    static const uint16_t windows[] = {0, 0, 1, 512, UINT16_MAX};
    return (struct bench_segment){
        .back = made_random(&random_state, 2) == 0,
        .flags = flags[made_random(&random_state, sizeof flags)],
        .acknowledgment = made_random(&random_state, 2),
        .payload = made_random(&random_state, 5) == 0,
        .window = windows[made_random(&random_state, 5)],
        .missing = made_random(&random_state, 10) == 0 ? 5 : made_random(&random_state, 5),
        .is_later_fragment = made_random(&random_state, 20) == 0,
    };
}

/* Slices share nothing but what a duplicate ACK repeats. */
static void test_random_flows_equal_the_model(void **state) {
    (void)state;
    static struct flow_model model;
    for (int round = 0; round < ROUNDS; round++) {
        struct tcp_bench bench;
        unsigned slices = 1;
        size_t segments = 1 + made_random(&random_state, SEGMENTS);
        model.begin = model.count = 0;
        bench_open(&bench, FEATURE_tcp_window, check_flow, &model);
        for (size_t i = 0; i < segments; i++) {
            struct bench_segment segment = random_segment();
            segment.back &= i > 0;
            if (i > 0 && made_random(&random_state, 80) == 0) {
                bench.time += INT64_C(100) * BENCH_SECOND;
                slices++;
            }
            /* It is counted behind the export of the slice before it. */
            struct packet packet = bench_packet(&bench, &segment);
            model.segments[i] = segment;
            bool cut = slices > bench.exports + 1;
            model.count = cut ? i : i + 1;
            meter_packet(bench.meter, &packet);
            model.count = i + 1;
            bench.time++;
        }
        bench_close(&bench, slices);
    }
}

/* What a SYN with some options gives. */
struct options_case {
    uint8_t options[40];
    size_t length;
    uint32_t missing;
    int64_t mss, scale, mask;
};

static void check_options(struct tcp_bench *bench, const struct flow *flow) {
    const struct options_case *expected = bench->context;
    assert_int_equal(bench_number(flow, get_mss, DST2SRC), expected->mss);
    assert_int_equal(bench_number(flow, get_window_scale, DST2SRC), expected->scale);
    assert_int_equal(bench_number(flow, get_tcp_options, DST2SRC), expected->mask);
    assert_int_equal(bench_number(flow, get_mss, SRC2DST), BENCH_ABSENT);
    assert_int_equal(bench_number(flow, get_window_scale, SRC2DST), BENCH_ABSENT);
    assert_int_equal(bench_number(flow, get_tcp_options, SRC2DST), BENCH_ABSENT);
}

#define BIT(k) (INT64_C(1) << (k))
static const struct options_case options_cases[] = {
    {{2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7},
     20,
     0,
     1460,
     7,
     BIT(2) | BIT(4) | BIT(8) | BIT(1) | BIT(3)},
    {{0}, 0, 0, -1, -1, 0},
    {{1, 1, 0, 3, 3, 3, 9, 0}, 8, 0, -1, -1, BIT(0) | BIT(1)},       /* behind the end of options */
    {{254, 4, 0, 0, 61, 2, 62, 2}, 8, 0, -1, -1, BIT(62) | BIT(61)}, /* the highest kinds */
    {{255, 2, 63, 2}, 4, 0, -1, -1, BIT(62)},
    {{2, 4, 1, 0, 2, 4, 2, 0}, 8, 0, 512, -1, BIT(2)},                  /* twice */
    {{2, 3, 1, 3, 4, 0, 0, 1}, 8, 0, -1, -1, BIT(2) | BIT(3) | BIT(1)}, /* of other lengths */
    {{4, 2, 3, 1, 2, 4, 5, 180}, 8, 0, -1, -1, BIT(4)},                 /* shorter than its head */
    {{4, 2, 3, 0, 2, 4, 5, 180}, 8, 0, -1, -1, BIT(4)},
    {{1, 2, 5, 180}, 4, 0, -1, -1, BIT(1)},               /* reaches beyond */
    {{1, 1, 1, 2}, 4, 0, -1, -1, BIT(1)},                 /* its head does */
    {{2, 4, 5, 180, 3, 3, 7, 1}, 8, 2, 1460, -1, BIT(2)}, /* not captured */
    {{2, 4, 5, 180, 3, 3, 7, 1}, 8, 8, -1, -1, 0},
    {{2, 4, 5, 180, 3, 3, 7, 1}, 8, 12, -1, -1, 0}, /* nor half of the header */
    {{3, 3, 255, 1}, 4, 0, -1, 255, BIT(3) | BIT(1)},
};

static void test_options_of_a_syn(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof options_cases / sizeof *options_cases; i++) {
        struct options_case options = options_cases[i];
        struct tcp_bench bench;
        bench_open(&bench, FEATURE_tcp_window, check_options, &options);
        bench_send(&bench, (struct bench_segment){.flags = TCP_ACK});
        bench_send(&bench, (struct bench_segment){.back = true,
                                                  .flags = TCP_SYN | TCP_ACK,
                                                  .options = options.options,
                                                  .options_length = options.length,
                                                  .missing = options.missing});
        bench_close(&bench, 1);
    }
}

/* The first SYN's options count, and options of other segments don't; each slice has its own. */
static void test_options_of_the_first_syn_alone(void **state) {
    (void)state;
    static const uint8_t small[] = {2, 4, 1, 0}, large[] = {2, 4, 5, 180};
    struct options_case expected = {.mss = 256, .scale = -1, .mask = BIT(2)};
    struct tcp_bench bench;
    bench_open(&bench, FEATURE_tcp_window, check_options, &expected);
    bench_send(&bench, (struct bench_segment){.flags = TCP_ACK});
    for (int slice = 0; slice < 2; slice++) {
        const struct bench_segment from[] = {
            {.back = true, .flags = TCP_ACK, .options = large, .options_length = 4},
            {.back = true,
             .flags = TCP_SYN,
             .options = large,
             .options_length = 4,
             .is_later_fragment = true},
            {.back = true, .flags = TCP_SYN | TCP_ACK, .options = small, .options_length = 4},
            {.back = true, .flags = TCP_SYN | TCP_ACK, .options = large, .options_length = 4},
        };
        for (size_t i = 0; i < sizeof from / sizeof *from; i++)
            bench_send(&bench, from[i]);
        bench.time += INT64_C(100) * BENCH_SECOND;
    }
    bench_close(&bench, 2);
}

static void check_absent(struct tcp_bench *bench, const struct flow *flow) {
    (void)bench;
    for (int d = SRC2DST; d < FLOW_DIRECTIONS; d++) {
        field_getter *const getters[] = {
            get_first_window, get_last_window, get_min_window,          get_max_window,           get_mss,
            get_window_scale, get_tcp_options, get_zero_window_packets, get_duplicate_ack_packets};
        for (size_t i = 0; i < sizeof getters / sizeof *getters; i++)
            assert_int_equal(bench_number(flow, getters[i], (enum flow_direction)d), BENCH_ABSENT);
    }
}

static void test_other_protocols_have_none(void **state) {
    (void)state;
    struct tcp_bench bench;
    bench_open(&bench, FEATURE_tcp_window, check_absent, NULL);
    bench_send_udp(&bench);
    bench_close(&bench, 1);
}

static void test_state_is_small_and_off_takes_nothing(void **state) {
    (void)state;
    struct meter_options options = {.features_asked = 1u << FEATURE_tcp_window};
    assert_in_range(feature_tcp_window.state_size(&options), 1, STATE_MAX);
    options.features_asked = ~options.features_asked;
    assert_int_equal(feature_tcp_window.state_size(&options), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_flows_equal_the_model),
        cmocka_unit_test(test_options_of_a_syn),
        cmocka_unit_test(test_options_of_the_first_syn_alone),
        cmocka_unit_test(test_other_protocols_have_none),
        cmocka_unit_test(test_state_is_small_and_off_takes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
