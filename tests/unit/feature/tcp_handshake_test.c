/* Round trips and closes of TCP connections, segment by segment, and at random against a look at all segments before. */
#include "feature/tcp_bench.h"

enum { SEGMENTS = 12, ROUNDS = 4000, STATE_MAX = 32, ISN = 100, ANSWER = 200 };

static uint32_t random_state = 3;

/* A segment, and when it comes: microseconds behind the first one. */
struct timed {
    int64_t at;
    struct bench_segment segment;
};

struct expected {
    int64_t syn_rtt, ack_rtt, first_flags;
    const char *close;
};

static void compare_record(struct tcp_bench *bench, const struct flow *flow) {
    const struct expected *expected = (const struct expected *)bench->context + bench->exports;
    struct value close = value_of(flow, get_tcp_close_style, BIDIRECTIONAL);
    assert_int_equal(bench_number(flow, get_tcp_syn_rtt, BIDIRECTIONAL), expected->syn_rtt);
    assert_int_equal(bench_number(flow, get_tcp_ack_rtt, BIDIRECTIONAL), expected->ack_rtt);
    assert_int_equal(bench_number(flow, get_first_tcp_flags, BIDIRECTIONAL), expected->first_flags);
    assert_false(close.is_null);
    assert_int_equal(close.text.length, strlen(expected->close));
    assert_memory_equal(close.text.bytes, expected->close, close.text.length);
}

/* Flows of one slice. */
static void check_flow(const struct timed *segments, size_t count, struct expected expected) {
    struct tcp_bench bench;
    bench_open(&bench, FEATURE_tcp_handshake, compare_record, &expected);
    int64_t start = bench.time;
    for (size_t i = 0; i < count; i++) {
        bench.time = start + segments[i].at;
        bench_send(&bench, segments[i].segment);
    }
    bench_close(&bench, 1);
}
#define CHECK_FLOW(expected, ...)                                           \
    do {                                                                    \
        const struct timed segments[] = {__VA_ARGS__};                      \
        check_flow(segments, sizeof segments / sizeof *segments, expected); \
    } while (0)
#define EXPECT(syn_rtt, ack_rtt, close) ((struct expected){syn_rtt, ack_rtt, TCP_SYN, close})

/* The segments that handshakes are made of. */
#define SYN(at, number)                            \
    {                                              \
        at, {                                      \
            .flags = TCP_SYN, .sequence = (number) \
        }                                          \
    }
#define SYN_ACK(at, number, ack)                                                                    \
    {                                                                                               \
        at, {                                                                                       \
            .back = true, .flags = TCP_SYN | TCP_ACK, .sequence = (number), .acknowledgment = (ack) \
        }                                                                                           \
    }
#define ACK(at, ack)                                  \
    {                                                 \
        at, {                                         \
            .flags = TCP_ACK, .acknowledgment = (ack) \
        }                                             \
    }
#define SEGMENT(at, way, bits)             \
    {                                      \
        at, {                              \
            .back = (way), .flags = (bits) \
        }                                  \
    }

static void test_round_trips(void **state) {
    (void)state;
    CHECK_FLOW(EXPECT(30, 5, "none"), SYN(0, ISN), SYN_ACK(30, ANSWER, ISN + 1), ACK(35, ANSWER + 1));
    CHECK_FLOW(EXPECT(30, 5, "none"), SYN(0, UINT32_MAX), SYN_ACK(30, UINT32_MAX, 0), ACK(35, 0));
    /* The ACK may be of later data, or have some. */
    CHECK_FLOW(EXPECT(30, 5, "none"), SYN(0, ISN), SYN_ACK(30, ANSWER, ISN + 1), ACK(35, ANSWER + 5000));
    CHECK_FLOW(EXPECT(30, 5, "none"), SYN(0, ISN), SYN_ACK(30, ANSWER, ISN + 1),
               {35, {.flags = TCP_ACK | TCP_PSH, .acknowledgment = ANSWER + 1, .payload = 9}});
    /* ECN is asked for (RFC 3168, 6.1.1). */
    CHECK_FLOW(((struct expected){30, 5, TCP_SYN | TCP_ECE | TCP_CWR, "none"}),
               {0, {.flags = TCP_SYN | TCP_ECE | TCP_CWR, .sequence = ISN}}, SYN_ACK(30, ANSWER, ISN + 1),
               ACK(35, ANSWER + 1));
}

static void test_parts_of_a_handshake(void **state) {
    (void)state;
    CHECK_FLOW(EXPECT(-1, -1, "none"), SYN(0, ISN));
    CHECK_FLOW(EXPECT(30, -1, "none"), SYN(0, ISN), SYN_ACK(30, ANSWER, ISN + 1));
    CHECK_FLOW(EXPECT(-1, -1, "none"), SYN(0, ISN), ACK(35, ANSWER + 1));
    /* Answers to other SYNs, or none. */
    CHECK_FLOW(EXPECT(-1, -1, "none"), SYN(0, ISN), SYN_ACK(30, ANSWER, ISN), ACK(35, ANSWER + 1));
    CHECK_FLOW(EXPECT(-1, -1, "none"), SYN(0, ISN), SYN_ACK(30, ANSWER, ISN + 2), ACK(35, ANSWER + 1));
    CHECK_FLOW(EXPECT(-1, -1, "none"), SYN(0, ISN), {1, {.back = true, .flags = TCP_SYN, .sequence = ANSWER}},
               ACK(35, ANSWER + 1));
    /* What acknowledges nothing of the SYN-ACK, or resets. */
    CHECK_FLOW(EXPECT(30, -1, "none"), SYN(0, ISN), SYN_ACK(30, ANSWER, ISN + 1), ACK(35, ANSWER));
    CHECK_FLOW(EXPECT(30, -1, "none"), SYN(0, ISN), SYN_ACK(30, ANSWER, ISN + 1),
               ACK(35, ANSWER + (UINT32_C(1) << 31)));
    CHECK_FLOW(EXPECT(30, -1, "rst"), SYN(0, ISN), SYN_ACK(30, ANSWER, ISN + 1),
               {35, {.flags = TCP_ACK | TCP_RST, .acknowledgment = ANSWER + 1}});
    CHECK_FLOW(EXPECT(30, -1, "none"), SYN(0, ISN), SYN_ACK(30, ANSWER, ISN + 1),
               {35, {.back = true, .flags = TCP_ACK, .acknowledgment = ANSWER + 1}});
}

/* TCP Fast Open: the payload of the SYN may be acknowledged or not. */
static void test_payload_of_a_syn(void **state) {
    (void)state;
    const struct timed syn = {0, {.flags = TCP_SYN, .sequence = ISN, .payload = 50}};
    for (uint32_t acknowledged = 0; acknowledged <= 51; acknowledged++)
        CHECK_FLOW(EXPECT(30, 5, "none"), syn,
                   SYN_ACK(30, ANSWER, ISN + 1 + (acknowledged < 51 ? acknowledged : 50)),
                   ACK(35, ANSWER + 1));
    CHECK_FLOW(EXPECT(-1, -1, "none"), syn, SYN_ACK(30, ANSWER, ISN + 52), ACK(35, ANSWER + 1));
}

/* Of a segment that was sent twice nobody knows which one was answered. */
static void test_segments_sent_twice(void **state) {
    (void)state;
    CHECK_FLOW(EXPECT(-1, 5, "none"), SYN(0, ISN), SYN(10, ISN), SYN_ACK(30, ANSWER, ISN + 1),
               ACK(35, ANSWER + 1));
    CHECK_FLOW(EXPECT(-1, 5, "none"), SYN(0, ISN), SYN(10, ISN), SYN(20, ISN), SYN_ACK(30, ANSWER, ISN + 1),
               ACK(35, ANSWER + 1));
    CHECK_FLOW(EXPECT(20, 5, "none"), SYN(0, ISN), SYN(10, ISN + 9), SYN_ACK(30, ANSWER, ISN + 10),
               ACK(35, ANSWER + 1));
    CHECK_FLOW(EXPECT(30, -1, "none"), SYN(0, ISN), SYN_ACK(30, ANSWER, ISN + 1),
               SYN_ACK(32, ANSWER, ISN + 1), ACK(35, ANSWER + 1));
    CHECK_FLOW(EXPECT(-1, -1, "none"), SYN(0, ISN), SYN_ACK(30, ANSWER, ISN + 1), SYN(31, ISN),
               SYN_ACK(32, ANSWER, ISN + 1), ACK(35, ANSWER + 1));
    CHECK_FLOW(EXPECT(30, 3, "none"), SYN(0, ISN), SYN_ACK(30, ANSWER, ISN + 1),
               SYN_ACK(32, ANSWER + 9, ISN + 1), ACK(35, ANSWER + 10));
    /* The later SYN wasn't answered. */
    CHECK_FLOW(EXPECT(-1, -1, "none"), SYN(0, ISN), SYN_ACK(30, ANSWER, ISN + 1), SYN(31, ISN + 9),
               ACK(35, ANSWER + 1));
    /* Once it is complete, nothing changes it. */
    CHECK_FLOW(EXPECT(30, 5, "none"), SYN(0, ISN), SYN_ACK(30, ANSWER, ISN + 1), ACK(35, ANSWER + 1),
               SYN(36, ISN), SYN_ACK(37, ANSWER, ISN + 1), ACK(38, ANSWER + 1), SYN(40, 7), SYN_ACK(41, 8, 8),
               ACK(42, 9));
}

static void test_closes(void **state) {
    (void)state;
    static const struct {
        uint8_t flags[4]; /* in turn of the source and the destination */
        const char *style;
    } cases[] = {
        {{TCP_ACK, TCP_ACK, TCP_ACK, TCP_ACK}, "none"},
        {{TCP_FIN, TCP_ACK, TCP_ACK, TCP_ACK}, "half_fin"},
        {{TCP_ACK, TCP_FIN | TCP_ACK, TCP_ACK, TCP_FIN}, "half_fin"},
        {{TCP_FIN, TCP_FIN, TCP_ACK, TCP_ACK}, "fin"},
        {{TCP_ACK, TCP_FIN, TCP_FIN, TCP_RST}, "fin"},
        {{TCP_FIN, TCP_RST, TCP_ACK, TCP_FIN}, "rst"},
        {{TCP_RST, TCP_ACK, TCP_ACK, TCP_ACK}, "rst"},
        {{TCP_ACK, TCP_RST | TCP_ACK, TCP_FIN, TCP_FIN}, "rst"},
        {{TCP_FIN, TCP_FIN | TCP_RST, TCP_ACK, TCP_ACK}, "rst"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct expected expected = {-1, -1, cases[i].flags[0], cases[i].style};
        const struct timed segments[] = {
            SEGMENT(0, false, cases[i].flags[0]),
            SEGMENT(1, true, cases[i].flags[1]),
            SEGMENT(2, false, cases[i].flags[2]),
            SEGMENT(3, true, cases[i].flags[3]),
        };
        check_flow(segments, 4, expected);
    }
}

/* Where the first packet has no header, nor later fragments with whatever bytes. */
static void test_packets_without_a_header(void **state) {
    (void)state;
    struct expected expected = {-1, -1, -1, "none"};
    const struct timed segments[] = {
        {0, {.flags = TCP_SYN, .is_later_fragment = true}},
        {1, {.back = true, .flags = TCP_RST, .is_later_fragment = true}},
        {2, {.flags = 0, .missing = 7}},
    };
    check_flow(segments, 3, expected);
}

/* Each slice tells of itself. */
static void test_slices_begin_anew(void **state) {
    (void)state;
    struct expected expected[] = {
        {30, 5, TCP_SYN, "half_fin"}, {-1, -1, TCP_ACK, "half_fin"}, {-1, -1, TCP_SYN | TCP_ACK, "none"}};
    const struct timed segments[] = {
        SYN(0, ISN),
        SYN_ACK(30, ANSWER, ISN + 1),
        ACK(35, ANSWER + 1),
        SEGMENT(40, false, TCP_FIN),
        ACK(INT64_C(110) * BENCH_SECOND, ANSWER + 1),
        SEGMENT(INT64_C(110) * BENCH_SECOND + 1, true, TCP_FIN),
        SYN_ACK(INT64_C(220) * BENCH_SECOND, ANSWER, ISN + 1),
    };
    struct tcp_bench bench;
    bench_open(&bench, FEATURE_tcp_handshake, compare_record, expected);
    int64_t start = bench.time;
    for (size_t i = 0; i < sizeof segments / sizeof *segments; i++) {
        bench.time = start + segments[i].at;
        bench_send(&bench, segments[i].segment);
    }
    bench_close(&bench, 3);
}

/* Looks for the handshake in a list: the first ACK that ends one, of which the latest SYN before is told. */
static struct expected model_of(const struct timed *segments, size_t count) {
    struct expected expected = {-1, -1, segments[0].segment.flags, "none"};
    const struct timed *syn = NULL, *answer = NULL, *first_answer = NULL;
    bool syn_twice = false, answer_twice = false;
    for (size_t i = 0; i < count; i++) {
        const struct timed *one = &segments[i];
        if (!one->segment.back && one->segment.flags == TCP_SYN) {
            syn_twice = syn != NULL && syn->segment.sequence == one->segment.sequence;
            syn = one;
            first_answer = NULL;
        } else if (one->segment.back && one->segment.flags == (TCP_SYN | TCP_ACK) && syn != NULL &&
                   one->segment.acknowledgment == syn->segment.sequence + 1) {
            answer_twice = answer != NULL && answer->segment.sequence == one->segment.sequence;
            answer = one;
            first_answer = first_answer == NULL ? one : first_answer;
        } else if (!one->segment.back && one->segment.flags == TCP_ACK && first_answer != NULL &&
                   one->segment.acknowledgment > answer->segment.sequence) {
            expected.ack_rtt = answer_twice ? -1 : one->at - answer->at;
            break;
        }
    }
    if (first_answer != NULL && !syn_twice)
        expected.syn_rtt = first_answer->at - syn->at;
    return expected;
}

static void test_random_segments_equal_the_model(void **state) {
    (void)state;
    unsigned complete = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct timed segments[SEGMENTS];
        size_t count = 1 + made_random(&random_state, SEGMENTS);
        for (size_t i = 0; i < count; i++) {
            uint32_t number = made_random(&random_state, 2), ack = 1 + made_random(&random_state, 2);
            int64_t at = (int64_t)i * 100 + made_random(&random_state, 100);
            const struct timed kinds[] = {SYN(at, number), SYN_ACK(at, number, ack), ACK(at, ack)};
            segments[i] = kinds[i > 0 ? made_random(&random_state, 3) : 0];
        }
        struct expected expected = model_of(segments, count);
        complete += expected.ack_rtt >= 0;
        check_flow(segments, count, expected);
    }
    assert_in_range(complete, ROUNDS / 10, ROUNDS);
}

static void check_absent(struct tcp_bench *bench, const struct flow *flow) {
    (void)bench;
    assert_true(value_of(flow, get_tcp_syn_rtt, BIDIRECTIONAL).is_null);
    assert_true(value_of(flow, get_tcp_ack_rtt, BIDIRECTIONAL).is_null);
    assert_true(value_of(flow, get_first_tcp_flags, BIDIRECTIONAL).is_null);
    assert_true(value_of(flow, get_tcp_close_style, BIDIRECTIONAL).is_null);
}

static void test_other_protocols_have_none(void **state) {
    (void)state;
    struct tcp_bench bench;
    bench_open(&bench, FEATURE_tcp_handshake, check_absent, NULL);
    bench_send_udp(&bench);
    bench_close(&bench, 1);
}

static void test_state_is_small_and_off_takes_nothing(void **state) {
    (void)state;
    struct meter_options options = {.features_asked = 1u << FEATURE_tcp_handshake};
    assert_in_range(feature_tcp_handshake.state_size(&options), 1, STATE_MAX);
    options.features_asked = ~options.features_asked;
    assert_int_equal(feature_tcp_handshake.state_size(&options), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_parts_of_a_handshake),
        cmocka_unit_test(test_payload_of_a_syn),
        cmocka_unit_test(test_segments_sent_twice),
        cmocka_unit_test(test_closes),
        cmocka_unit_test(test_packets_without_a_header),
        cmocka_unit_test(test_slices_begin_anew),
        cmocka_unit_test(test_random_segments_equal_the_model),
        cmocka_unit_test(test_other_protocols_have_none),
        cmocka_unit_test(test_state_is_small_and_off_takes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
