/* Segments that came again or late, against a model that has a mark for each sequence number. */
#include "feature/tcp_bench.h"

#include "feature/lossy_sender.h"

enum { SPAN = 3000, HOLES = 4, ROUNDS = 3000, SEGMENTS = 100, STATE_MAX = 112 };
static const uint32_t far_off = UINT32_C(1) << 30;

static uint32_t random_state = 17;

enum count { AGAIN, BYTES, LATE, COUNTS };

/* What each slice's record says, of the source's segments. */
struct counted {
    int64_t of[3][FLOW_DIRECTIONS][COUNTS];
};

static void note(struct tcp_bench *bench, const struct flow *flow) {
    struct counted *counted = bench->context;
    assert_true(bench->exports < 3);
    for (int d = 0; d < FLOW_DIRECTIONS; d++) {
        int64_t *of = counted->of[bench->exports][d];
        of[AGAIN] = bench_number(flow, get_retransmitted_packets, (enum flow_direction)d);
        of[BYTES] = bench_number(flow, get_retransmitted_bytes, (enum flow_direction)d);
        of[LATE] = bench_number(flow, get_out_of_order_packets, (enum flow_direction)d);
    }
}

static void send(struct tcp_bench *bench, uint32_t sequence, uint32_t payload, uint8_t flags) {
    bench_send(bench, (struct bench_segment){.sequence = sequence, .payload = payload, .flags = flags});
}

static void assert_counts(const int64_t of[COUNTS], int64_t again, int64_t bytes, int64_t late) {
    assert_int_equal(of[AGAIN], again);
    assert_int_equal(of[BYTES], bytes);
    assert_int_equal(of[LATE], late);
}

/* One flow of segments that the source sends, all with ACK. */
struct numbers {
    uint32_t sequence, payload;
    uint8_t flags;
};

static void check_segments(const struct numbers *segments, size_t count, int64_t again, int64_t bytes,
                           int64_t late) {
    struct tcp_bench bench;
    struct counted counted;
    bench_open(&bench, FEATURE_tcp_retransmission, note, &counted);
    for (size_t i = 0; i < count; i++)
        send(&bench, segments[i].sequence, segments[i].payload, segments[i].flags | TCP_ACK);
    bench_close(&bench, 1);
    assert_counts(counted.of[0][SRC2DST], again, bytes, late);
    assert_counts(counted.of[0][DST2SRC], 0, 0, 0);
    assert_counts(counted.of[0][BIDIRECTIONAL], again, bytes, late);
}
#define CHECK_SEGMENTS(again, bytes, late, ...)                                           \
    do {                                                                                  \
        const struct numbers segments[] = {__VA_ARGS__};                                  \
        check_segments(segments, sizeof segments / sizeof *segments, again, bytes, late); \
    } while (0)

static void test_again_and_late(void **state) {
    (void)state;
    CHECK_SEGMENTS(0, 0, 0, {1000, 100, 0}, {1100, 100, 0}, {1200, 0, 0});
    CHECK_SEGMENTS(1, 100, 0, {1000, 100, 0}, {1000, 100, 0});
    CHECK_SEGMENTS(1, 50, 0, {1000, 100, 0}, {1050, 100, 0}, {1150, 100, 0}); /* half of it */
    CHECK_SEGMENTS(0, 0, 1, {1000, 100, 0}, {1200, 100, 0}, {1100, 100, 0});
    CHECK_SEGMENTS(1, 100, 1, {1000, 100, 0}, {1200, 100, 0}, {1100, 100, 0}, {1100, 100, 0});
    CHECK_SEGMENTS(1, 200, 0, {1000, 100, 0}, {1200, 100, 0}, {1000, 300, 0}); /* and a hole between */
    CHECK_SEGMENTS(1, 100, 0, {1000, 100, 0}, {1200, 100, 0}, {1100, 300, 0}); /* and more behind */
    CHECK_SEGMENTS(1, 10, 0, {1000, 100, 0}, {900, 10, 0}); /* before the first one: nothing is known */
}

/* Numbers wrap: in a segment, in a hole, in what is sent again. */
static void test_wrap_around(void **state) {
    (void)state;
    for (uint32_t at = 0; at < 400; at += 7)
        CHECK_SEGMENTS(1, 50, 1, {-at, 100, 0}, {200 - at, 100, 0}, {100 - at, 100, 0}, {250 - at, 50, 0});
}

static void test_syn_and_fin_are_no_bytes(void **state) {
    (void)state;
    CHECK_SEGMENTS(1, 0, 0, {99, 0, TCP_SYN}, {99, 0, TCP_SYN}, {100, 10, 0});
    CHECK_SEGMENTS(1, 10, 0, {99, 10, TCP_SYN}, {99, 10, TCP_SYN}, {110, 10, 0});
    CHECK_SEGMENTS(1, 0, 0, {100, 10, 0}, {110, 0, TCP_FIN}, {110, 0, TCP_FIN});
    CHECK_SEGMENTS(1, 10, 0, {100, 10, TCP_FIN}, {100, 10, TCP_FIN});
    CHECK_SEGMENTS(1, 10, 0, {100, 10, 0}, {100, 10, TCP_FIN}, {111, 5, 0}); /* the FIN is new */
    /* SYN and FIN in holes. */
    CHECK_SEGMENTS(0, 0, 1, {100, 10, 0}, {111, 5, 0}, {110, 0, TCP_FIN});
    CHECK_SEGMENTS(1, 10, 0, {100, 10, 0}, {111, 5, 0}, {100, 10, TCP_FIN});
    CHECK_SEGMENTS(1, 4, 0, {80, 10, 0}, {91, 5, 0}, {90, 4, TCP_SYN});
}

/* A probe of a connection that is idle (RFC 9293, 3.8.4). */
static void test_keep_alives(void **state) {
    (void)state;
    CHECK_SEGMENTS(0, 0, 0, {1000, 100, 0}, {1099, 1, 0}, {1099, 0, 0}, {1100, 100, 0}, {1199, 1, 0});
    CHECK_SEGMENTS(1, 2, 0, {1000, 100, 0}, {1098, 2, 0});
    CHECK_SEGMENTS(1, 1, 0, {1000, 100, 0}, {1099, 2, 0});
    CHECK_SEGMENTS(1, 0, 0, {1000, 100, TCP_FIN}, {1100, 0, TCP_FIN});
    CHECK_SEGMENTS(1, 1, 0, {1000, 100, 0}, {1099, 1, TCP_FIN}); /* no probe: one number is new */
}

static void test_rst_and_nothing_are_skipped(void **state) {
    (void)state;
    CHECK_SEGMENTS(0, 0, 0, {1000, 100, 0}, {1000, 100, TCP_RST}, {1000, 0, 0}, {1050, 0, TCP_RST});
    CHECK_SEGMENTS(0, 0, 0, {5000, 100, TCP_RST}, {9, 0, 0}, {1000, 100, 0}, {1100, 100, 0});
}

/* Four holes are known; a fifth makes the lowest seen, whether it is new or comes of a split. */
static void test_five_holes(void **state) {
    (void)state;
    struct numbers segments[6 + 5];
    for (uint32_t i = 0; i < 6; i++)
        segments[i] = (struct numbers){i * 1000, 500, 0};
    for (uint32_t i = 0; i < 5; i++)
        segments[6 + i] = (struct numbers){i * 1000 + 500, 500, 0};
    check_segments(segments, 6 + 5, 1, 500, 4);
    for (uint32_t i = 0; i < 5; i++)
        segments[5 + i] = (struct numbers){i * 1000 + 500, 500, 0};
    check_segments(segments, 5 + 4, 0, 0, 4);
    /* The second hole is split: the first one is forgotten. */
    segments[5] = (struct numbers){1700, 100, 0};
    segments[6] = (struct numbers){500, 500, 0};
    segments[7] = (struct numbers){1500, 500, 0};
    segments[8] = (struct numbers){2500, 500, 0};
    check_segments(segments, 9, 2, 500 + 100, 2);
}

static void test_what_is_far_off_begins_anew(void **state) {
    (void)state;
    static const struct {
        uint32_t ahead;
        int64_t again, late;
    } cases[] = {
        /* A hole of 10, then a segment far off, then one that fills the hole or goes on there. */
        {far_off - 1, 0, 0}, {far_off, 0, 0},        {UINT32_C(1) << 31, 0, 0},
        {-far_off, 0, 0},    {-(far_off - 1), 1, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        CHECK_SEGMENTS(cases[i].again, cases[i].again, cases[i].late, {5, 100, 0}, {115, 100, 0},
                       {215 + cases[i].ahead, 1, 0}, {216 + cases[i].ahead, 0, 0});
    /* The holes are forgotten. */
    CHECK_SEGMENTS(0, 0, 1, {5, 100, 0}, {115, 100, 0}, {105, 10, 0});
    CHECK_SEGMENTS(1, 10, 0, {5, 100, 0}, {115, 100, 0}, {215 + far_off, 1, 0}, {215, 1, 0}, {105, 10, 0});
    /* Longer than any segment is. */
    CHECK_SEGMENTS(0, 0, 0, {5, 100, 0}, {115, 100, 0}, {50, 3 * far_off, 0}, {50 + 3 * far_off, 5, 0});
}

/* Numbers come again after 4 GiB: what fills a hole there was seen. */
static void test_old_holes_are_forgotten(void **state) {
    (void)state;
    struct tcp_bench bench;
    struct counted counted;
    bench_open(&bench, FEATURE_tcp_retransmission, note, &counted);
    send(&bench, 0, 1000, TCP_ACK);
    send(&bench, 1500, 500, TCP_ACK);
    for (uint32_t i = 0, step = far_off / 2; i < 8; i++)
        send(&bench, 2000 + i * step, step, TCP_ACK);
    send(&bench, 1000, 500, TCP_ACK);
    bench_close(&bench, 1);
    assert_counts(counted.of[0][SRC2DST], 1, 500, 0);
}

/* Highest number and holes go on; what was counted doesn't. */
static void test_slices_go_on(void **state) {
    (void)state;
    struct tcp_bench bench;
    struct counted counted;
    bench_open(&bench, FEATURE_tcp_retransmission, note, &counted);
    send(&bench, 1000, 100, TCP_ACK);
    send(&bench, 1000, 100, TCP_ACK);
    send(&bench, 1200, 100, TCP_ACK);
    bench.time += INT64_C(100) * BENCH_SECOND;
    send(&bench, 1100, 100, TCP_ACK);
    send(&bench, 1250, 100, TCP_ACK);
    bench.time += INT64_C(100) * BENCH_SECOND;
    send(&bench, 1100, 10, TCP_ACK);
    bench_close(&bench, 3);
    assert_counts(counted.of[0][SRC2DST], 1, 100, 0);
    assert_counts(counted.of[1][SRC2DST], 1, 50, 1);
    assert_counts(counted.of[2][SRC2DST], 1, 10, 0);
}

static void test_later_fragments_are_no_segments(void **state) {
    (void)state;
    struct tcp_bench bench;
    struct counted counted;
    bench_open(&bench, FEATURE_tcp_retransmission, note, &counted);
    send(&bench, 1000, 100, TCP_ACK);
    bench_send(&bench, (struct bench_segment){.payload = 100, .is_later_fragment = true});
    send(&bench, 1100, 100, TCP_ACK);
    bench_close(&bench, 1);
    assert_counts(counted.of[0][SRC2DST], 0, 0, 0);
}

/* A direction's numbers, and which of them are seen or taken for seen. */
struct model {
    bool seen[SPAN];
    bool has_begun;
    uint32_t next; /* place */
    int64_t of[COUNTS];
};

/* More runs of unseen numbers than are remembered: the lowest is taken for seen. */
static void model_forget(struct model *model) {
    for (;;) {
        uint32_t runs = 0, begin = 0, end = 0;
        for (uint32_t i = 0; i < model->next; i++) {
            if (!model->seen[i] && (i == 0 || model->seen[i - 1]) && runs++ == 0)
                begin = i;
            if (runs == 1 && !model->seen[i])
                end = i + 1;
        }
        if (runs <= HOLES)
            return;
        memset(model->seen + begin, 1, end - begin);
    }
}

static void model_take(struct model *model, uint32_t at, uint32_t payload, uint8_t flags) {
    uint32_t end = at + payload + ((flags & TCP_SYN) != 0) + ((flags & TCP_FIN) != 0), rest = 0, bytes = 0;
    if (end == at || (model->has_begun && at + 1 == model->next && payload <= 1 && flags == TCP_ACK))
        return;
    if (!model->has_begun) {
        model->has_begun = true;
        memset(model->seen, 1, at); /* of what was before nothing is known */
    } else if (at < model->next) {
        for (uint32_t i = at; i < end && i < model->next; i++) {
            bool is_byte = ((flags & TCP_SYN) == 0 || i > at) && ((flags & TCP_FIN) == 0 || i + 1 < end);
            rest += model->seen[i];
            bytes += model->seen[i] && is_byte;
        }
        model->of[AGAIN] += rest > 0;
        model->of[BYTES] += bytes;
        model->of[LATE] += rest == 0;
    }
    memset(model->seen + at, 1, end - at);
    model->next = end > model->next ? end : model->next;
    model_forget(model);
}

/* Each direction begins near the end of the sequence numbers, so that they wrap at any place. */
static void check_random_flow(uint32_t loss_percent) {
    static const uint8_t flags[] = {TCP_ACK, TCP_ACK, TCP_ACK, TCP_ACK, TCP_SYN, TCP_FIN | TCP_ACK};
    static struct model models[2];
    struct tcp_bench bench;
    struct counted counted;
    uint32_t base[2];
    memset(models, 0, sizeof models);
    bench_open(&bench, FEATURE_tcp_retransmission, note, &counted);
    for (int back = 0; back < 2; back++)
        base[back] = (uint32_t)-made_random(&random_state, 2 * SPAN);
    for (int i = 0; i < SEGMENTS; i++) {
        bool back = i > 0 && made_random(&random_state, 2) == 0;
        uint32_t at = lossy_place(&random_state, models[back].has_begun, models[back].next, loss_percent),
                 payload = made_random(&random_state, 60);
        struct bench_segment segment = {.back = back,
                                        .sequence = base[back] + at,
                                        .payload = payload,
                                        .flags = flags[made_random(&random_state, sizeof flags)]};
        if (at + payload + 2 > SPAN)
            break;
        model_take(&models[back], at, payload, segment.flags);
        bench_send(&bench, segment);
    }
    bench_close(&bench, 1);
    for (int i = 0; i < COUNTS; i++) {
        assert_int_equal(counted.of[0][SRC2DST][i], models[0].of[i]);
        assert_int_equal(counted.of[0][DST2SRC][i], models[1].of[i]);
        assert_int_equal(counted.of[0][BIDIRECTIONAL][i], models[0].of[i] + models[1].of[i]);
    }
}

static void test_random_segments_equal_the_model(void **state) {
    (void)state;
    for (int i = 0; i < ROUNDS; i++)
        check_random_flow(made_random(&random_state, 34));
}

static void test_other_protocols_have_none(void **state) {
    (void)state;
    struct tcp_bench bench;
    struct counted counted;
    bench_open(&bench, FEATURE_tcp_retransmission, note, &counted);
    bench_send_udp(&bench);
    bench_close(&bench, 1);
    for (int d = 0; d < FLOW_DIRECTIONS; d++)
        assert_counts(counted.of[0][d], BENCH_ABSENT, BENCH_ABSENT, BENCH_ABSENT);
}

static void test_state_is_small_and_off_takes_nothing(void **state) {
    (void)state;
    struct meter_options options = {.features_asked = 1u << FEATURE_tcp_retransmission};
    assert_in_range(feature_tcp_retransmission.state_size(&options), 1, STATE_MAX);
    options.features_asked = ~options.features_asked;
    assert_int_equal(feature_tcp_retransmission.state_size(&options), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_again_and_late),
        cmocka_unit_test(test_wrap_around),
        cmocka_unit_test(test_syn_and_fin_are_no_bytes),
        cmocka_unit_test(test_keep_alives),
        cmocka_unit_test(test_rst_and_nothing_are_skipped),
        cmocka_unit_test(test_five_holes),
        cmocka_unit_test(test_what_is_far_off_begins_anew),
        cmocka_unit_test(test_old_holes_are_forgotten),
        cmocka_unit_test(test_slices_go_on),
        cmocka_unit_test(test_later_fragments_are_no_segments),
        cmocka_unit_test(test_random_segments_equal_the_model),
        cmocka_unit_test(test_other_protocols_have_none),
        cmocka_unit_test(test_state_is_small_and_off_takes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
