/* DNS messages by hand (RFC 1035). */
#include "feature/fed_flow.h"

#define QUESTION  \
    "\x03www\x07" \
    "example\x03org\x00\x00\x1c\x00\x01" /* AAAA */
#define QUERY "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" QUESTION
/* A CNAME of 2 bytes, then AAAA with TTL 300, then A with TTL 7. */
#define ANSWERS                                                \
    "\xc0\x0c\x00\x05\x00\x01\x00\x00\x0e\x10\x00\x02\xc0\x10" \
    "\xc0\x10\x00\x1c\x00\x01\x00\x00\x01\x2c\x00\x10"         \
    "0123456789abcdef"                                         \
    "\xc0\x10\x00\x01\x00\x01\x00\x00\x00\x07\x00\x04"         \
    "abcd"
#define RESPONSE "\x12\x34\x81\x80\x00\x01\x00\x03\x00\x00\x00\x00" QUESTION ANSWERS
#define REFUSAL  "\x12\x34\x81\x83\x00\x01\x00\x00\x00\x00\x00\x00" QUESTION

/* -1: null. */
struct expected {
    int64_t id, type, code, answers, ttl;
};

static void assert_dns(const struct fed_flow *fed, struct expected expected) {
    field_getter *const get[] = {get_dns_query_id, get_dns_query_type, get_dns_response_code, get_dns_answers,
                                 get_dns_answer_ttl};
    const int64_t values[] = {expected.id, expected.type, expected.code, expected.answers, expected.ttl};
    for (size_t i = 0; i < 5; i++) {
        if (values[i] < 0)
            assert_absent(fed, get[i], BIDIRECTIONAL);
        else
            assert_number(fed, get[i], BIDIRECTIONAL, values[i]);
    }
}

static const struct expected nothing = {-1, -1, -1, -1, -1}, asked = {0x1234, 28, -1, -1, -1},
                             answered = {0x1234, 28, 0, 3, 300}, refused = {0x1234, 28, 3, 0, -1};

static void query_and_response(void **state) {
    (void)state;
    struct fed_flow fed;
    fed_open(&fed, FEATURE_dns, UDP, 53, "DNS");
    assert_dns(&fed, nothing);
    fed_packet(&fed, false, QUERY, sizeof QUERY - 1);
    assert_dns(&fed, asked);
    fed_packet(&fed, true, RESPONSE, sizeof RESPONSE - 1);
    assert_dns(&fed, answered);
    fed_packet(&fed, true, REFUSAL, sizeof REFUSAL - 1); /* the first one counts */
    assert_dns(&fed, answered);
    fed_next_slice(&fed);
    assert_dns(&fed, answered);
}

static void response_of_that_id(void **state) {
    (void)state;
    struct fed_flow fed;
    fed_open(&fed, FEATURE_dns, UDP, 53, "DNS");
    fed_packet(&fed, false, QUERY, sizeof QUERY - 1);
    fed_packet(&fed, true,
               "\x12\x35"
               "\x81\x80\x00\x00\x00\x00\x00\x00\x00\x00",
               12);
    fed_packet(&fed, true, "\x12\x34", 2);
    assert_dns(&fed, asked);
    fed_later_fragment(&fed, true, RESPONSE, sizeof RESPONSE - 1);
    assert_dns(&fed, asked);
    fed_next_slice(&fed);
    fed_packet(&fed, true, REFUSAL, sizeof REFUSAL - 1);
    assert_dns(&fed, refused);
}

static void first_message_is_a_response(void **state) {
    (void)state;
    struct fed_flow fed;
    fed_open(&fed, FEATURE_dns, UDP, 53, "DNS");
    fed_packet(&fed, true, RESPONSE, sizeof RESPONSE - 1);
    assert_dns(&fed, answered);
}

static void other_ports_are_not_read(void **state) {
    (void)state;
    struct fed_flow fed;
    fed_open(&fed, FEATURE_dns, UDP, 5353, "MDNS");
    fed_packet(&fed, false, QUERY, sizeof QUERY - 1);
    assert_dns(&fed, nothing);
}

/* The highest bit of a TTL: RFC 2181, 8. */
static void lifetime_is_no_negative_number(void **state) {
    (void)state;
    struct fed_flow fed;
    char response[] = RESPONSE;
    char *ttl = response + sizeof RESPONSE - 1 - 38;
    assert_memory_equal(ttl - 4, "\x00\x1c\x00\x01", 4);
    ttl[0] = '\x80';
    fed_open(&fed, FEATURE_dns, UDP, 53, "DNS");
    fed_packet(&fed, true, response, sizeof response - 1);
    assert_dns(&fed, (struct expected){0x1234, 28, 0, 3, 0});
}

/* What isn't captured is not known, and no byte behind is read. */
static void cut_anywhere(void **state) {
    (void)state;
    enum { HEADER = 12, QUESTION_END = sizeof QUERY - 1, TTL_END = QUESTION_END + 14 + 12 };
    for (size_t captured = 0; captured < sizeof RESPONSE; captured++) {
        struct fed_flow fed;
        fed_open(&fed, FEATURE_dns, UDP, 53, "DNS");
        fed_packet_cut(&fed, true, RESPONSE, sizeof RESPONSE - 1, captured);
        struct expected expected = answered;
        if (captured < HEADER)
            expected = nothing;
        if (captured < QUESTION_END)
            expected.type = -1;
        if (captured < TTL_END)
            expected.ttl = -1;
        assert_dns(&fed, expected);
    }
}

static void malformed(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t length;
        struct expected expected;
    } cases[] = {
        /* 65,535 questions and answers, and no bytes */
        {"\x00\x00\x80\x00\xff\xff\xff\xff\x00\x00\x00\x00", 12, {0, -1, 0, 65535, -1}},
        /* a label of a kind that is not in use */
        {"\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x80\x00\x00\x01\x00\x01", 18, {1, -1, -1, -1, -1}},
        {"\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x40\x00\x00\x01\x00\x01", 18, {1, -1, -1, -1, -1}},
        /* half a pointer */
        {"\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\xc0", 13, {1, -1, -1, -1, -1}},
        /* a name that points at itself is just skipped */
        {"\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\xc0\x0c\x00\x10\x00\x01", 18, {1, 16, -1, -1, -1}},
        /* an answer's data is longer than the message */
        {"\x00\x01\x80\x05\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x05\x00\x01\x00\x00\x00\x01\xff\xff",
         23,
         {1, -1, 5, 2, -1}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fed_flow fed;
        fed_open(&fed, FEATURE_dns, UDP, 53, "DNS");
        fed_packet(&fed, false, cases[i].bytes, cases[i].length);
        assert_dns(&fed, cases[i].expected);
    }
}

static void tcp(void **state) {
    (void)state;
    struct fed_flow fed;
    fed_open(&fed, FEATURE_dns, TCP, 53, "DNS");
    fed_packet(&fed, false, "", 0);
    fed_packet(&fed, false, "\x00\x21" QUERY, sizeof QUERY + 1);
    assert_dns(&fed, asked);
    fed_packet(&fed, true, "\x00\x5f" RESPONSE, sizeof RESPONSE + 1);
    assert_dns(&fed, answered);
    /* Each length comes in a segment of its own. */
    fed_open(&fed, FEATURE_dns, TCP, 53, "DNS");
    fed_packet(&fed, false, "\x00\x21", 2);
    fed_packet(&fed, true, "\x00\x5f", 2);
    assert_dns(&fed, nothing);
    fed_packet(&fed, false, QUERY, sizeof QUERY - 1);
    fed_packet(&fed, true, RESPONSE, sizeof RESPONSE - 1);
    assert_dns(&fed, answered);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(query_and_response),
        cmocka_unit_test(response_of_that_id),
        cmocka_unit_test(first_message_is_a_response),
        cmocka_unit_test(other_ports_are_not_read),
        cmocka_unit_test(lifetime_is_no_negative_number),
        cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(malformed),
        cmocka_unit_test(tcp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
