/* Entropies that are known without a computer, and a naive computation. */
#include "feature/fed_flow.h"

#include <math.h>

enum { LENGTH_MAX = 2000, ROUNDS = 200 };

static void assert_entropy(const struct fed_flow *fed, enum flow_direction direction, double bits,
                           int64_t bytes) {
    struct value value = value_of(&fed->flow, get_payload_entropy, direction);
    assert_false(value.is_null);
    assert_true(fabs(value.real - bits) < 1e-6 && value.real >= 0);
    assert_number(fed, get_payload_entropy_bytes, direction, bytes);
}

/* Byte i is i modulo `values`. */
static void send(struct fed_flow *fed, bool back, size_t length, size_t values) {
    uint8_t bytes[LENGTH_MAX];
    for (size_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)(i % values);
    fed_packet(fed, back, bytes, length);
}

static void known_entropies(void **state) {
    (void)state;
    static const struct {
        size_t length, values;
        double bits;
    } cases[] = {{16, 16, 4}, {16, 1, 0},   {512, 256, 8}, {2000, 256, 8},
                 {512, 2, 1}, {256, 64, 6}, {48, 1, 0},    {113, 1, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fed_flow fed;
        fed_open(&fed, FEATURE_entropy, UDP, 9, "Unknown");
        send(&fed, false, 0, 1);
        assert_absent(&fed, get_payload_entropy_bytes, SRC2DST);
        send(&fed, false, cases[i].length, cases[i].values);
        send(&fed, false, 100, 100); /* the first one counts */
        fed_next_slice(&fed);
        assert_entropy(&fed, SRC2DST, cases[i].bits, cases[i].length < 512 ? (int64_t)cases[i].length : 512);
        assert_absent(&fed, get_payload_entropy, DST2SRC);
        assert_absent(&fed, get_payload_entropy_bytes, DST2SRC);
    }
}

static void too_few_bytes(void **state) {
    (void)state;
    struct fed_flow fed;
    uint8_t bytes[LENGTH_MAX] = {0};
    fed_open(&fed, FEATURE_entropy, TCP, 9, "Unknown");
    send(&fed, false, 15, 15);
    fed_later_fragment(&fed, true, bytes, 100);
    assert_absent(&fed, get_payload_entropy_bytes, DST2SRC);
    fed_packet_cut(&fed, true, bytes, 100, 0);
    assert_absent(&fed, get_payload_entropy, SRC2DST);
    assert_number(&fed, get_payload_entropy_bytes, SRC2DST, 15);
    assert_absent(&fed, get_payload_entropy, DST2SRC);
    assert_number(&fed, get_payload_entropy_bytes, DST2SRC, 0);
}

/* - sum of p log2 p. */
static double naive(const uint8_t *bytes, size_t length) {
    double sum = 0;
    for (int value = 0; value < 256; value++) {
        size_t count = 0;
        for (size_t i = 0; i < length; i++)
            count += bytes[i] == value;
        double share = (double)count / (double)length;
        sum -= count > 0 ? share * log2(share) : 0;
    }
    return sum;
}

static void random_bytes(void **state) {
    (void)state;
    uint32_t random = 5;
    for (int round = 0; round < ROUNDS; round++) {
        uint8_t bytes[512];
        random = random * 1664525 + 1013904223;
        size_t length = 16 + (random >> 16) % (sizeof bytes - 15);
        for (size_t i = 0; i < length; i++) {
            random = random * 1664525 + 1013904223;
            bytes[i] = (uint8_t)(random >> 24 & (round % 2 == 0 ? 0xff : 0x1f));
        }
        struct fed_flow fed;
        fed_open(&fed, FEATURE_entropy, UDP, 9, "Unknown");
        fed_packet(&fed, true, bytes, length);
        assert_entropy(&fed, DST2SRC, naive(bytes, length), (int64_t)length);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_entropies),
        cmocka_unit_test(too_few_bytes),
        cmocka_unit_test(random_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
