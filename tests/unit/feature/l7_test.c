/* What nDPI finds beside the label, in packets by hand: kept if it is asked for, and through slices and records of open flows. */
#include "meter/dissect_case.h"

#include "feature/value_of.h"

enum {
    RECORDS_MAX = 8,
    EXTENSIONS = 42, /* bytes of client_hello(), with their length */
    TLS_1_2 = 0x0303,
    TLS_PORT = 443,
    OTHER_PORT = 8443,
    ALL_PARTS = L7_PART_RISKS | L7_PART_TLS | L7_PART_HTTP
};

/* What a record says; "" and -1: null. */
struct found {
    char risks[200], breed[20], alpn[80], method[20];
    int64_t risk_score, version, cipher, status, not_before;
    bool knows_risks;
};

struct l7_bench {
    struct fixture fixture; /* of which feed_bytes() takes the meter */
    struct found found[RECORDS_MAX];
    size_t count;
};

static int64_t integer_of(const struct flow *flow, field_getter *get) {
    struct value value = value_of(flow, get, BIDIRECTIONAL);
    return value.is_null ? -1 : value.integer;
}

static void text_of(const struct flow *flow, field_getter *get, char *text, size_t size) {
    struct record_scratch scratch = {0};
    const struct record_source source = {.flow = flow, .scratch = &scratch};
    struct value value;
    get(&source, BIDIRECTIONAL, &value);
    text[0] = '\0';
    if (!value.is_null)
        snprintf(text, size, "%.*s", (int)value.text.length, value.text.bytes);
}

static bool risks_of(const struct flow *flow, char *names, size_t size) {
    static struct record_scratch scratch;
    const struct record_source source = {.flow = flow, .scratch = &scratch};
    struct value value;
    get_ndpi_risks(&source, BIDIRECTIONAL, &value);
    names[0] = '\0';
    for (size_t i = 0; !value.is_null && i < value.texts.count; i++)
        snprintf(names + strlen(names), size - strlen(names), "%.*s ", (int)value.texts.items[i].length,
                 value.texts.items[i].bytes);
    return !value.is_null;
}

static bool note(void *context, const struct flow *flow) {
    struct l7_bench *bench = context;
    assert_in_range(bench->count, 0, RECORDS_MAX - 1);
    struct found *found = &bench->found[bench->count++];
    found->knows_risks = risks_of(flow, found->risks, sizeof found->risks);
    text_of(flow, get_application_breed, found->breed, sizeof found->breed);
    text_of(flow, get_tls_alpn_offered, found->alpn, sizeof found->alpn);
    text_of(flow, get_http_method, found->method, sizeof found->method);
    found->risk_score = integer_of(flow, get_ndpi_risk_score);
    found->version = integer_of(flow, get_tls_version);
    found->cipher = integer_of(flow, get_tls_cipher);
    found->status = integer_of(flow, get_http_status);
    found->not_before = integer_of(flow, get_tls_not_before);
    return true;
}

static void open_bench(struct l7_bench *bench, unsigned parts, struct publish_options publish) {
    struct meter_options options = options_with(PROFILE_NATIVE, 20);
    struct error error;
    *bench = (struct l7_bench){0};
    options.l7_parts = parts;
    options.publish = publish;
    assert_int_equal(meter_create(&options, note, bench, &bench->fixture.meter, &error), 0);
}

static void close_bench(struct l7_bench *bench) {
    meter_finish(bench->fixture.meter, END_OF_INPUT);
    meter_destroy(bench->fixture.meter);
}

/* A handshake and a ClientHello that offers ALPN. */
static void feed_hello(struct l7_bench *bench, int64_t time, uint16_t port) {
    static const uint8_t alpn[] = "\x00\x10\x00\x0e\x00\x0c\x02h2\x08http/1.1";
    struct packet there = made_packet(time, 1, 40000, 2, port, TCP),
                  back = made_packet(time, 2, port, 1, 40000, TCP);
    uint8_t hello[FRAME_MAX];
    size_t length = client_hello(hello), extensions = length - EXTENSIONS;
    there.tcp_flags = TCP_SYN;
    feed_bytes(&bench->fixture, there, NULL, 0);
    back.tcp_flags = TCP_SYN | TCP_ACK;
    feed_bytes(&bench->fixture, back, NULL, 0);
    memcpy(hello + length, alpn, sizeof alpn - 1);
    length += sizeof alpn - 1;
    put_u16(hello + extensions, EXTENSIONS - 2 + sizeof alpn - 1);
    put_u16(hello + 3, length - 5);
    put_u16(hello + 7, length - 9);
    there.tcp_flags = TCP_PSH | TCP_ACK;
    feed_bytes(&bench->fixture, there, hello, length);
}

static void assert_hello(const struct found *found) {
    assert_true(found->knows_risks);
    assert_non_null(strstr(found->risks, "known_protocol_on_non_standard_port "));
    assert_in_range(found->risk_score, 10, 1000);
    assert_string_equal(found->alpn, "h2,http/1.1");
    assert_int_equal(found->version, TLS_1_2);
    assert_int_equal(found->cipher, -1);
    assert_int_equal(found->not_before, -1);
    assert_int_equal(found->status, -1);
    assert_string_equal(found->method, "");
    assert_string_equal(found->breed, "Safe");
}

/* Records of the open flow have it as soon as nDPI has, and later slices keep it. */
static void tls_in_all_records(void **state) {
    (void)state;
    struct l7_bench bench;
    open_bench(&bench, ALL_PARTS, (struct publish_options){.early_packets = {2, 3}, .early_packet_count = 2});
    feed_hello(&bench, 1000000, OTHER_PORT);
    struct packet packet = made_packet(1000000, 2, OTHER_PORT, 1, 40000, TCP);
    packet.tcp_flags = TCP_ACK;
    for (int i = 0; i < 5; i++) {
        packet.time += 500000;
        feed_bytes(&bench.fixture, packet, NULL, 0);
    }
    close_bench(&bench);
    assert_int_equal(bench.count, 5);
    assert_true(bench.found[0].knows_risks);
    assert_string_equal(bench.found[0].risks, "");
    assert_int_equal(bench.found[0].risk_score, 0);
    assert_string_equal(bench.found[0].alpn, "");
    for (size_t i = 1; i < 3; i++)
        assert_hello(&bench.found[i]);
    for (size_t i = 3; i < 5; i++) /* the second slice: an early record at its second packet, and the end */
        assert_hello(&bench.found[i]);
}

static void only_what_is_asked_for(void **state) {
    (void)state;
    for (unsigned parts = 0; parts <= ALL_PARTS; parts++) {
        struct l7_bench bench;
        open_bench(&bench, parts, (struct publish_options){0});
        feed_hello(&bench, 1000000, OTHER_PORT);
        close_bench(&bench);
        assert_int_equal(bench.count, 1);
        assert_int_equal(bench.found[0].risks[0] != '\0', (parts & L7_PART_RISKS) != 0);
        assert_int_equal(bench.found[0].risk_score > 0, (parts & L7_PART_RISKS) != 0);
        assert_int_equal(bench.found[0].alpn[0] != '\0', (parts & L7_PART_TLS) != 0);
        assert_int_equal(bench.found[0].version > 0, (parts & L7_PART_TLS) != 0);
    }
}

static void http(void **state) {
    (void)state;
    static const char request[] =
        "HEAD /x HTTP/1.1\r\nHost: www.example.org\r\nUser-Agent: Mozilla/5.0 (X11)\r\n\r\n",
                      response[] =
                          "HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n";
    struct l7_bench bench;
    open_bench(&bench, ALL_PARTS, (struct publish_options){0});
    struct packet there = made_packet(1000000, 1, 40000, 2, 80, TCP),
                  back = made_packet(1000000, 2, 80, 1, 40000, TCP);
    there.tcp_flags = TCP_SYN;
    feed_bytes(&bench.fixture, there, NULL, 0);
    back.tcp_flags = TCP_SYN | TCP_ACK;
    feed_bytes(&bench.fixture, back, NULL, 0);
    there.tcp_flags = back.tcp_flags = TCP_PSH | TCP_ACK;
    feed_bytes(&bench.fixture, there, (const uint8_t *)request, sizeof request - 1);
    feed_bytes(&bench.fixture, back, (const uint8_t *)response, sizeof response - 1);
    close_bench(&bench);
    assert_int_equal(bench.count, 1);
    assert_string_equal(bench.found[0].method, "HEAD");
    assert_int_equal(bench.found[0].status, 404);
    assert_int_equal(bench.found[0].version, -1);
}

/* The label is a guess, and of risks nothing is known. */
static void flow_that_ndpi_does_not_see(void **state) {
    (void)state;
    struct l7_bench bench = {0};
    struct flow_shared shared = {.offset = {[FEATURE_l7] = sizeof(struct flow)}};
    struct {
        struct flow flow;
        struct l7 l7;
    } unseen = {.flow = {.shared = &shared}, .l7 = {.unseen = true, .is_done = true}};
    note(&bench, &unseen.flow);
    assert_false(bench.found[0].knows_risks);
    assert_int_equal(bench.found[0].risk_score, -1);
    unseen.l7.unseen = false;
    note(&bench, &unseen.flow);
    assert_true(bench.found[1].knows_risks);
    assert_int_equal(bench.found[1].risk_score, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tls_in_all_records),
        cmocka_unit_test(only_what_is_asked_for),
        cmocka_unit_test(http),
        cmocka_unit_test(flow_that_ndpi_does_not_see),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
