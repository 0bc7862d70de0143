/* Headers that nDPI doesn't walk: what it is shown instead, and that flows with them leave no memory behind. */
#include "meter/meter_fixture.h"

#include "meter/dissect.h"
#include "meter/dissect_view.h"
#include "meter/heap.h"

enum {
    IPV4_HEADER = 20,
    IPV6_HEADER = 40,
    TCP_HEADER = 20,
    UDP_HEADER = 8,
    AH = 51,
    HIP = 139,
    SHIM6 = 140,
    PACKET_MAX = 2048,
};

/* A packet and its bytes. */
struct made {
    struct packet packet;
    uint8_t bytes[PACKET_MAX];
    uint8_t scratch[VIEW_MAX];
};

static void put_u16(uint8_t *bytes, size_t value) {
    bytes[0] = (uint8_t)(value >> 8);
    bytes[1] = (uint8_t)value;
}

static size_t put_fixed_header(uint8_t *ip, const struct packet *packet, uint8_t protocol, size_t behind) {
    if (packet->ip_version == 4) {
        ip[0] = 0x45;
        put_u16(ip + 2, IPV4_HEADER + behind);
        ip[8] = 64;
        ip[9] = protocol;
        memcpy(ip + 12, packet->source, 4);
        memcpy(ip + 16, packet->destination, 4);
        return IPV4_HEADER;
    }
    ip[0] = 0x60;
    put_u16(ip + 4, behind);
    ip[6] = protocol;
    ip[7] = 64;
    memcpy(ip + 8, packet->source, 16);
    memcpy(ip + 24, packet->destination, 16);
    return IPV6_HEADER;
}

static size_t put_transport(uint8_t *at, const struct packet *packet, const void *payload, size_t length) {
    size_t header = packet->protocol == TCP ? TCP_HEADER : UDP_HEADER;
    put_u16(at, packet->source_port);
    put_u16(at + 2, packet->destination_port);
    if (packet->protocol == TCP) {
        at[12] = TCP_HEADER / 4 << 4;
        at[13] = TCP_PSH | TCP_ACK;
    } else {
        put_u16(at + 4, header + length);
    }
    if (length > 0)
        memcpy(at + header, payload, length);
    return header + length;
}

/* `extension` is the kind of a header of `size` bytes before the transport header; size 0: none. */
static void make(struct made *made, struct packet packet, uint8_t extension, size_t size, const void *payload,
                 size_t length) {
    uint8_t transport[PACKET_MAX] = {0};
    size_t behind = put_transport(transport, &packet, payload, length);
    memset(made, 0, sizeof *made);
    size_t header =
        put_fixed_header(made->bytes, &packet, size > 0 ? extension : packet.protocol, size + behind);
    if (size > 0) {
        made->bytes[header] = packet.protocol;
        made->bytes[header + 1] = (uint8_t)(extension == AH ? size / 4 - 2 : size / 8 - 1);
    }
    memcpy(made->bytes + header + size, transport, behind);
    packet.ip = made->bytes;
    packet.ip_captured = (uint32_t)(header + size + behind);
    packet.size[ACCOUNT_IP] = packet.ip_captured;
    packet.size[ACCOUNT_TRANSPORT] = (uint32_t)behind;
    made->packet = packet;
}

static struct packet packet_of(uint8_t version, uint8_t protocol, uint16_t port) {
    struct packet packet = made_packet(1000000, 1, 40000, 2, port, protocol);
    packet.ip_version = version;
    return packet;
}

static const char text[] = "payload";

static void headers_that_ndpi_walks_are_shown_as_they_are(void **state) {
    (void)state;
    static const struct {
        uint8_t version, extension;
        size_t size;
    } cases[] = {{4, 0, 0}, {6, 0, 0}, {6, 0, 16}, {6, 43, 24}, {6, 44, 8}, {6, 60, 8}, {6, 135, 16}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct made made;
        struct view view;
        make(&made, packet_of(cases[i].version, UDP, 7), cases[i].extension, cases[i].size, text,
             sizeof text);
        if (cases[i].extension == 44)
            made.bytes[IPV6_HEADER + 1] = 0;
        assert_true(view_of(&made.packet, made.scratch, &view));
        assert_ptr_equal(view.ip, made.bytes);
        assert_int_equal(view.length, made.packet.ip_captured);
    }
}

static void other_headers_are_left_out(void **state) {
    (void)state;
    static const struct {
        uint8_t version, extension;
        size_t size;
    } cases[] = {{4, AH, 12}, {4, AH, 44}, {6, AH, 16}, {6, HIP, 40}, {6, SHIM6, 8}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t protocol = i % 2 == 0 ? TCP : UDP;
        struct made made, plain;
        struct view view;
        make(&made, packet_of(cases[i].version, protocol, 7), cases[i].extension, cases[i].size, text,
             sizeof text);
        make(&plain, packet_of(cases[i].version, protocol, 7), 0, 0, text, sizeof text);
        assert_true(view_of(&made.packet, made.scratch, &view));
        assert_ptr_equal(view.ip, made.scratch);
        assert_int_equal(view.length, plain.packet.ip_captured);
        assert_memory_equal(view.ip, plain.bytes, view.length);
    }
}

/* Behind a later fragment's headers comes payload, and a first one lacks what the next ones bring. */
static void fragments_behind_other_headers_are_not_shown(void **state) {
    (void)state;
    struct made made;
    struct view view;
    make(&made, packet_of(6, TCP, 7), HIP, 40, text, sizeof text);
    made.packet.flags = PACKET_FRAGMENT;
    assert_false(view_of(&made.packet, made.scratch, &view));
}

/* Nothing behind the end of what was captured is read (AddressSanitizer watches), and sizes that don't fit are
 * refused. */
static void packets_cut_anywhere_are_viewed_within_their_bytes(void **state) {
    (void)state;
    struct made made;
    make(&made, packet_of(6, UDP, 7), SHIM6, 16, text, sizeof text);
    uint32_t whole = made.packet.ip_captured;
    for (uint32_t captured = IPV6_HEADER; captured <= whole; captured++) {
        struct view view;
        uint8_t *bytes = malloc(captured);
        assert_non_null(bytes);
        memcpy(bytes, made.bytes, captured);
        put_u16(bytes + 4, captured - IPV6_HEADER);
        made.packet.ip = bytes;
        made.packet.ip_captured = captured;
        assert_int_equal(view_of(&made.packet, made.scratch, &view), captured >= IPV6_HEADER + 16);
        free(bytes);
    }
    struct view view;
    made.packet.ip = made.bytes;
    made.packet.size[ACCOUNT_TRANSPORT] = made.packet.size[ACCOUNT_IP] + 1;
    assert_false(view_of(&made.packet, made.scratch, &view));
}

static void the_longest_packet_keeps_its_protocol(void **state) {
    (void)state;
    struct made made;
    struct view view;
    make(&made, packet_of(4, TCP, 7), AH, 24, text, sizeof text);
    uint8_t *bytes = calloc(1, VIEW_MAX);
    assert_non_null(bytes);
    memcpy(bytes, made.bytes, made.packet.ip_captured);
    put_u16(bytes + 2, VIEW_MAX);
    made.packet.ip = bytes;
    made.packet.ip_captured = made.packet.size[ACCOUNT_IP] = VIEW_MAX;
    made.packet.size[ACCOUNT_TRANSPORT] = VIEW_MAX - IPV4_HEADER - 24;
    assert_true(view_of(&made.packet, made.scratch, &view));
    assert_int_equal(view.length, VIEW_MAX - 24);
    free(bytes);
}

static struct meter_options options(void) {
    return (struct meter_options){
        .profile = PROFILE_NATIVE,
        .idle_timeout = 1000000,
        .active_timeout = 1000000000,
        .n_dissections = 20,
        .flow_table_size = 1024,
    };
}

/* A query for the A record of www.example.net. */
static const char dns[] = "\x43\x21\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03www\x07"
                          "example\x03net\x00\x00\x01\x00\x01";

static void labels_are_of_what_the_headers_carry(void **state) {
    (void)state;
    static const uint8_t extensions[] = {AH, HIP, SHIM6};
    for (size_t i = 0; i < sizeof extensions; i++) {
        struct meter_options native = options();
        struct fixture fixture;
        struct made made;
        fixture_open(&fixture, &native);
        make(&made, packet_of(6, UDP, 53), extensions[i], 24, dns, sizeof dns - 1);
        feed(&fixture, made.packet);
        meter_finish(fixture.meter, END_OF_INPUT);
        assert_string_equal(fixture.exported[0].application, "DNS");
        assert_string_equal(fixture.exported[0].server_name, "www.example.net");
        fixture_close(&fixture);
    }
}

/* Flows whose packets take turns between shapes; each ends before the next round. */
static void feed_round(struct fixture *fixture, int round) {
    static const uint8_t extensions[] = {AH, HIP, SHIM6, 0};
    static const uint8_t payload[512] = "\x13\x37 nothing that anybody knows";
    for (int shape = 0; shape < 64; shape++) {
        struct packet packet = packet_of(shape & 1 ? 4 : 6, shape & 2 ? TCP : UDP, 40001);
        packet.time = 1000000 + round * INT64_C(5000000);
        packet.source_port = (uint16_t)(20000 + shape);
        for (int number = 0; number < 5; number++) {
            struct made made;
            uint8_t extension = packet.ip_version == 4 ? AH : extensions[(shape >> 2) % 4];
            bool plain = (shape >> number & 4) == 0;
            make(&made, packet, extension, plain ? 0 : 24, payload, number == 4 ? 0 : sizeof payload);
            feed(fixture, made.packet);
        }
    }
    meter_finish(fixture->meter, END_OF_INPUT);
    fixture->count = 0;
}

static void no_sequence_of_headers_leaves_memory_behind(void **state) {
    (void)state;
    struct meter_options native = options();
    struct fixture fixture;
    fixture_open(&fixture, &native);
    feed_round(&fixture, 0);
    size_t before = heap_held();
    for (int round = 1; round <= 20; round++)
        feed_round(&fixture, round);
    assert_in_range(heap_held(), 0, before + 4096);
    meter_destroy(fixture.meter);
    free(fixture.exported);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_that_ndpi_walks_are_shown_as_they_are),
        cmocka_unit_test(other_headers_are_left_out),
        cmocka_unit_test(fragments_behind_other_headers_are_not_shown),
        cmocka_unit_test(packets_cut_anywhere_are_viewed_within_their_bytes),
        cmocka_unit_test(the_longest_packet_keeps_its_protocol),
        cmocka_unit_test(labels_are_of_what_the_headers_carry),
        cmocka_unit_test(no_sequence_of_headers_leaves_memory_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
