/* Missing bytes of TCP against a model that has a mark for each sequence number. */
#include "meter/meter_fixture.h"

#include "feature/lossy_sender.h"
#include "feature/value_of.h"
#include "meter/feature.h"

enum {
    SPAN = 3000, /* numbers that the model marks */
    HOLES = 12,
    STATE_MAX = 216,
    SECOND = 1000000,
    ROUNDS = 3000,
};
static const uint32_t far_off = UINT32_C(1) << 30;

static uint32_t random_state = 11;

/* What the records of one test's flow say, slice after slice. */
struct gaps_bench {
    struct meter *meter;
    int64_t time;
    int64_t missing[3][FLOW_DIRECTIONS];
    unsigned exports;
};

static bool note_missing(void *context, const struct flow *flow) {
    struct gaps_bench *bench = context;
    assert_true(bench->exports < 3);
    for (int d = 0; d < FLOW_DIRECTIONS; d++) {
        struct value value = value_of(flow, get_loss_gap_bytes, (enum flow_direction)d);
        assert_int_equal(value.is_null, flow->key.protocol != TCP);
        bench->missing[bench->exports][d] = value.is_null ? -1 : value.integer;
    }
    bench->exports++;
    return true;
}

static const struct meter_options gaps_options = {
    .profile = PROFILE_NATIVE,
    .idle_timeout = INT64_C(120) * SECOND,
    .active_timeout = INT64_C(100) * SECOND,
    .features_asked = 1u << FEATURE_tcp_gaps,
    .flow_table_size = 1024,
};

static void open_bench(struct gaps_bench *bench) {
    struct error error;
    *bench = (struct gaps_bench){.time = SECOND};
    assert_int_equal(meter_create(&gaps_options, note_missing, bench, &bench->meter, &error), 0);
}

static void send_flagged(struct gaps_bench *bench, bool back, uint32_t sequence, uint32_t payload,
                         uint8_t tcp_flags, uint8_t flags) {
    struct packet packet =
        back ? made_packet(bench->time, 2, 80, 1, 4000, TCP) : made_packet(bench->time, 1, 4000, 2, 80, TCP);
    packet.tcp_flags = tcp_flags;
    packet.tcp_sequence = sequence;
    packet.size[ACCOUNT_PAYLOAD] = payload;
    packet.flags = flags;
    meter_packet(bench->meter, &packet);
    bench->time++;
}

static void send(struct gaps_bench *bench, uint32_t sequence, uint32_t payload) {
    send_flagged(bench, false, sequence, payload, TCP_ACK, 0);
}

/* The meter's total is that of its records. */
static void close_bench(struct gaps_bench *bench) {
    struct meter_statistics statistics;
    uint64_t missing = 0;
    meter_finish(bench->meter, END_OF_INPUT);
    for (unsigned i = 0; i < bench->exports; i++)
        if (bench->missing[i][BIDIRECTIONAL] > 0)
            missing += (uint64_t)bench->missing[i][BIDIRECTIONAL];
    meter_statistics(bench->meter, &statistics);
    assert_int_equal(statistics.loss_gap_bytes, missing);
    meter_destroy(bench->meter);
}

/* Ends the flow, of one slice whose source sent all. */
static void assert_missing(struct gaps_bench *bench, int64_t expected) {
    close_bench(bench);
    assert_int_equal(bench->exports, 1);
    assert_int_equal(bench->missing[0][SRC2DST], expected);
    assert_int_equal(bench->missing[0][BIDIRECTIONAL], expected + bench->missing[0][DST2SRC]);
}

/* A direction's numbers from the first one seen on. */
struct model {
    bool seen[SPAN];
    bool has_begun;
    uint32_t first, next; /* places */
    int64_t final;
};

/* More runs of unseen numbers than are remembered: the lowest counts for good. */
static void model_forget(struct model *model) {
    for (;;) {
        uint32_t runs = 0, begin = 0, end = 0;
        for (uint32_t i = model->first; i < model->next; i++) {
            if (!model->seen[i] && (i == model->first || model->seen[i - 1]) && runs++ == 0)
                begin = i;
            if (runs == 1 && !model->seen[i])
                end = i + 1;
        }
        if (runs <= HOLES)
            return;
        model->final += end - begin;
        memset(model->seen + begin, 1, end - begin);
    }
}

static void model_take(struct model *model, uint32_t at, uint32_t length) {
    if (!model->has_begun) {
        model->has_begun = true;
        model->first = model->next = at;
    }
    memset(model->seen + at, 1, length);
    model->next = at + length > model->next ? at + length : model->next;
    model_forget(model);
}

static int64_t model_missing(const struct model *model) {
    int64_t missing = model->final;
    for (uint32_t i = model->first; i < model->next; i++)
        missing += !model->seen[i];
    return missing;
}

/* Each direction begins near the end of the sequence numbers, so that they wrap at any place. */
static void check_random_flow(uint32_t loss_percent) {
    static struct model models[2];
    struct gaps_bench bench;
    uint32_t base[2];
    memset(models, 0, sizeof models);
    open_bench(&bench);
    for (int back = 0; back < 2; back++)
        base[back] = (uint32_t)-made_random(&random_state, 2 * SPAN);
    for (int i = 0; i < 100; i++) {
        int back = i > 0 && made_random(&random_state, 2) == 0;
        uint32_t at = lossy_place(&random_state, models[back].has_begun, models[back].next, loss_percent);
        uint32_t length = 1 + made_random(&random_state, 60);
        if (at + length > SPAN)
            break;
        model_take(&models[back], at, length);
        send_flagged(&bench, back == 1, base[back] + at, length, TCP_ACK, 0);
    }
    close_bench(&bench);
    assert_int_equal(bench.exports, 1);
    assert_int_equal(bench.missing[0][SRC2DST], model_missing(&models[0]));
    assert_int_equal(bench.missing[0][DST2SRC], model_missing(&models[1]));
    assert_int_equal(bench.missing[0][BIDIRECTIONAL], model_missing(&models[0]) + model_missing(&models[1]));
}

static void test_random_segments_equal_the_model(void **state) {
    (void)state;
    for (int i = 0; i < ROUNDS; i++)
        check_random_flow(made_random(&random_state, 34));
}

static void test_state_is_small_and_off_takes_nothing(void **state) {
    (void)state;
    struct meter_options options = gaps_options;
    assert_in_range(feature_tcp_gaps.state_size(&options), 1, STATE_MAX);
    options.features_asked = 0;
    assert_int_equal(feature_tcp_gaps.state_size(&options), 0);
}

static void test_syn_and_fin_are_one_number_each(void **state) {
    (void)state;
    struct gaps_bench bench;
    open_bench(&bench);
    send_flagged(&bench, false, UINT32_MAX, 0, TCP_SYN, 0);
    send_flagged(&bench, true, 7, 0, TCP_SYN | TCP_ACK, 0);
    send(&bench, 0, 100);
    send_flagged(&bench, true, 8, 50, TCP_ACK, 0);
    send_flagged(&bench, false, 100, 10, TCP_FIN | TCP_ACK, 0);
    send_flagged(&bench, true, 58, 0, TCP_FIN | TCP_ACK, 0);
    send(&bench, 112, 1);                           /* behind a number that is missing */
    send_flagged(&bench, true, 62, 1, TCP_ACK, 0);  /* and behind three */
    send_flagged(&bench, true, 500, 9, TCP_RST, 0); /* a RST has any number */
    send_flagged(&bench, true, 700, 0, TCP_ACK, 0); /* no byte */
    send_flagged(&bench, true, 900, 9, 0, 0);       /* no flags: the header was not captured */
    close_bench(&bench);
    assert_int_equal(bench.missing[0][SRC2DST], 1);
    assert_int_equal(bench.missing[0][DST2SRC], 3);
    assert_int_equal(bench.missing[0][BIDIRECTIONAL], 4);
}

/* One byte, which was acknowledged before (RFC 9293, 3.8.4). */
static void test_keep_alives_change_nothing(void **state) {
    (void)state;
    struct gaps_bench bench;
    open_bench(&bench);
    send(&bench, 1000, 100);
    send(&bench, 1099, 1);
    send(&bench, 1200, 100); /* 100 are missing */
    send(&bench, 1299, 1);
    send(&bench, 1300, 100);
    assert_missing(&bench, 100);
}

static void test_a_hole_is_filled_in_parts(void **state) {
    (void)state;
    static const struct {
        uint32_t begin, length;
    } parts[] = {{1150, 20}, {1090, 20}, {1190, 300}, {1110, 40}, {1170, 20}};
    static const int64_t left[] = {100, 80, 70, 60, 20, 0};
    for (size_t count = 0; count < sizeof left / sizeof *left; count++) {
        struct gaps_bench bench;
        open_bench(&bench);
        send(&bench, 1000, 100);
        send(&bench, 1200, 100);
        for (size_t i = 0; i < count; i++)
            send(&bench, parts[i].begin, parts[i].length);
        assert_missing(&bench, left[count]);
    }
}

/* The end of each segment is lost, once more than is remembered; then all comes again. The first hole was forgotten. */
static void test_one_hole_too_many_makes_the_lowest_final(void **state) {
    (void)state;
    struct gaps_bench bench;
    open_bench(&bench);
    for (uint32_t i = 0; i <= HOLES + 1; i++)
        send(&bench, i * 1000, 1000 - 10 - i);
    send(&bench, 0, (HOLES + 1) * 1000);
    assert_missing(&bench, 10);
}

static void test_what_is_far_off_begins_anew(void **state) {
    (void)state;
    static const struct {
        uint32_t ahead;
        int64_t missing;
    } cases[] = {
        {far_off - 1, 10 + (INT64_C(1) << 30) - 1}, /* still a hole */
        {far_off, 0},
        {UINT32_C(1) << 31, 0},
        {-far_off, 0},
        {-(far_off - 1), 10},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct gaps_bench bench;
        open_bench(&bench);
        send(&bench, 5, 100);
        send(&bench, 115, 100);
        send(&bench, 215 + cases[i].ahead, 1);
        assert_missing(&bench, cases[i].missing);
    }
}

/* Numbers come again after 4 GiB: a segment there is no retransmission of what was lost then. */
static void test_old_holes_are_not_filled_by_numbers_that_wrapped(void **state) {
    (void)state;
    struct gaps_bench bench;
    open_bench(&bench);
    send(&bench, 0, 1000);
    send(&bench, 1500, 500);
    for (uint32_t i = 0, step = far_off / 2; i < 8; i++)
        send(&bench, 2000 + i * step, step);
    send(&bench, 1000, 500);
    assert_missing(&bench, 500);
}

/* Without meter.tcp_end several connections may be one flow. What the first one lacks stays missing. */
static void test_a_syn_beyond_begins_another_connection(void **state) {
    (void)state;
    struct gaps_bench bench;
    open_bench(&bench);
    send_flagged(&bench, false, 100, 0, TCP_SYN, 0);
    send(&bench, 151, 100);
    send_flagged(&bench, false, 90000, 0, TCP_SYN, 0);
    send_flagged(&bench, false, 90000, 0, TCP_SYN, 0);
    send(&bench, 90001, 100);
    send(&bench, 101, 50);
    assert_missing(&bench, 50);
}

/* Later fragments have no header, so how long the segment is isn't known: what follows it is no hole, the next one is. */
static void test_fragments_are_no_gap(void **state) {
    (void)state;
    struct gaps_bench bench;
    open_bench(&bench);
    send(&bench, 0, 100);
    send_flagged(&bench, false, 100, 1440, TCP_ACK, PACKET_FRAGMENT);
    send_flagged(&bench, false, 0, 560, 0, PACKET_FRAGMENT);
    send(&bench, 50, 50); /* again: tells nothing of it */
    send(&bench, 2100, 100);
    send_flagged(&bench, false, 100, 1440, TCP_ACK, PACKET_FRAGMENT); /* again: not the highest any more */
    send(&bench, 2210, 100);
    assert_missing(&bench, 10);
}

/* The segment behind a fragmented one begins in what is known of it, or just behind that: then its length is known. */
static void test_length_of_fragments_is_learned(void **state) {
    (void)state;
    static const uint32_t begins[] = {1540, 1500, 1600};
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++) {
        struct gaps_bench bench;
        open_bench(&bench);
        send(&bench, 0, 100);
        send_flagged(&bench, false, 100, 1440, TCP_ACK, PACKET_FRAGMENT);
        send(&bench, begins[i], 100);
        send(&bench, begins[i] + 107, 100);
        assert_missing(&bench, 7);
    }
}

/* Only a damaged capture has such lengths. */
static void test_a_segment_longer_than_any_begins_anew(void **state) {
    (void)state;
    static const uint32_t begins[] = {400, 300, 200, 50};
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++) {
        struct gaps_bench bench;
        open_bench(&bench);
        send(&bench, 0, 100);
        send(&bench, 200, 100);
        send(&bench, begins[i], 3 * far_off);
        assert_missing(&bench, 0);
    }
}

/* A hole counts in the slice in which it was made, whatever comes later, and each slice goes on where the one before it ended. */
static void test_slices_share_no_byte(void **state) {
    (void)state;
    static const int64_t expected[] = {50, 7, 0};
    struct gaps_bench bench;
    open_bench(&bench);
    send(&bench, 0, 100);
    send(&bench, 150, 100);
    bench.time += gaps_options.active_timeout;
    send(&bench, 100, 50);
    send(&bench, 257, 83);
    send_flagged(&bench, false, 340, 10, TCP_ACK, PACKET_FRAGMENT);
    bench.time += gaps_options.active_timeout;
    send(&bench, 360, 10);
    close_bench(&bench);
    assert_int_equal(bench.exports, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(bench.missing[i][SRC2DST], expected[i]);
}

static void test_other_protocols_have_none(void **state) {
    (void)state;
    struct gaps_bench bench;
    open_bench(&bench);
    struct packet packet = made_packet(bench.time, 1, 4000, 2, 80, UDP);
    meter_packet(bench.meter, &packet);
    close_bench(&bench);
    assert_int_equal(bench.exports, 1);
    assert_int_equal(bench.missing[0][BIDIRECTIONAL], -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_segments_equal_the_model),
        cmocka_unit_test(test_state_is_small_and_off_takes_nothing),
        cmocka_unit_test(test_syn_and_fin_are_one_number_each),
        cmocka_unit_test(test_keep_alives_change_nothing),
        cmocka_unit_test(test_a_hole_is_filled_in_parts),
        cmocka_unit_test(test_one_hole_too_many_makes_the_lowest_final),
        cmocka_unit_test(test_what_is_far_off_begins_anew),
        cmocka_unit_test(test_old_holes_are_not_filled_by_numbers_that_wrapped),
        cmocka_unit_test(test_a_syn_beyond_begins_another_connection),
        cmocka_unit_test(test_fragments_are_no_gap),
        cmocka_unit_test(test_length_of_fragments_is_learned),
        cmocka_unit_test(test_a_segment_longer_than_any_begins_anew),
        cmocka_unit_test(test_slices_share_no_byte),
        cmocka_unit_test(test_other_protocols_have_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
