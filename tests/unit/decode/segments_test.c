/* Super-packets: what comes of one is what comes of the frames that it was, or would have been, on the wire. So these tests
 * build both. */
#include "decode/super_packet.h"

static struct decoder *decoder, *plain;
static struct built super, segment;
static uint8_t *exact; /* what was captured of the super-packet, in memory of exactly its size */

static struct frame frame_of(const struct built *built, const uint8_t *bytes, uint32_t captured) {
    return (struct frame){
        .bytes = bytes,
        .captured_length = captured,
        .wire_length = built->length,
        .seconds = 1000,
        .link_type = LINK_ETHERNET,
    };
}

/* The super-packet, of which `captured` bytes are there. */
static struct frame super_frame(const struct shape *shape, uint32_t captured, uint32_t size) {
    build(&super, shape);
    if (captured > super.length)
        captured = super.length;
    free(exact);
    exact = malloc(captured);
    assert_non_null(exact);
    memcpy(exact, super.bytes, captured);
    struct frame frame = frame_of(&super, exact, captured);
    frame.segment_size = (uint16_t)size;
    frame.segment_udp = shape->protocol == 17;
    frame.oversized = true;
    return frame;
}

/* The segment's own frame, and what a decoder makes of it that knows no super-packets. The kernel copies the outer headers
 * as they are, but for lengths and identification, which aren't in the packet. */
static struct packet wire_packet(const struct shape *whole, uint32_t offset, uint32_t size,
                                 uint32_t captured) {
    struct shape shape = *whole;
    struct packet packet;
    bool last = offset + size >= whole->length;
    shape.unlimited = shape.jumbo = false;
    shape.offset = offset;
    shape.length = last ? whole->length - offset : size;
    shape.identification = (uint16_t)(whole->identification + offset / size);
    if (offset > 0)
        shape.flags &= (uint8_t)~TCP_CWR;
    if (!last)
        shape.flags &= (uint8_t) ~(TCP_FIN | TCP_PSH);
    build(&segment, &shape);
    uint32_t header = segment.length - shape.length;
    uint32_t payload = captured > header + offset ? captured - header - offset : 0;
    struct frame frame =
        frame_of(&segment, segment.bytes, payload < shape.length ? header + payload : segment.length);
    assert_reason(decoder_decode(plain, &frame, &packet), DECODE_METERED);
    return packet;
}

static void assert_same_packet(const struct packet *packet, const struct packet *expected) {
    struct packet left = *packet, right = *expected;
    assert_int_equal(left.ip_captured, right.ip_captured);
    assert_memory_equal(left.ip, right.ip, right.ip_captured);
    left.ip = right.ip = NULL;
    assert_int_equal(left.flags, right.flags);
    assert_int_equal(left.tcp_flags, right.tcp_flags);
    assert_int_equal(left.tcp_sequence, right.tcp_sequence);
    for (int mode = 0; mode < ACCOUNT_MODES; mode++)
        assert_int_equal(left.size[mode], right.size[mode]);
    assert_memory_equal(&left, &right, sizeof left);
}

/* Each of the packets is what came of its frame on the wire; the number of them. `captured` is of the super-packet, without a
 * header that it has and its segments don't. */
static unsigned assert_segments(const struct shape *shape, uint32_t size, uint32_t captured) {
    uint32_t jumbo = shape->jumbo ? 8 : 0, raw = 0;
    struct frame frame = super_frame(shape, captured < FRAME_MAX ? captured + jumbo : captured, size);
    struct packet packet;
    struct segment_counts before = *decoder_segments(decoder);
    unsigned number = 0;
    enum decode_reason reason = decoder_decode(decoder, &frame, &packet);
    for (;; number++) {
        assert_reason(reason, DECODE_METERED);
        struct packet expected = wire_packet(shape, number * size, size, captured);
        assert_same_packet(&packet, &expected);
        raw += packet.size[ACCOUNT_RAW];
        if (!decoder_has_rest(decoder))
            break;
        reason = decoder_decode_rest(decoder, &frame, &packet);
    }
    const struct segment_counts *counts = decoder_segments(decoder);
    assert_int_equal(counts->super_packets - before.super_packets, 1);
    assert_int_equal(counts->segments - before.segments, number + 1);
    assert_int_equal(counts->header_bytes - before.header_bytes, raw - frame.wire_length);
    return number + 1;
}

static struct shape shape_of(enum carrier carrier, int protocol, uint32_t length) {
    return (struct shape){.carrier = carrier,
                          .protocol = protocol,
                          .flags = protocol == 6 ? TCP_ACK : 0,
                          .identification = IDENTIFICATION,
                          .length = length};
}

static void segments_are_the_packets_of_the_wire(void **state) {
    (void)state;
    static const int protocols[] = {6, 17};
    for (int carrier = 0; carrier < CARRIERS; carrier++)
        for (int i = 0; i < 2; i++) {
            struct shape shape = shape_of((enum carrier)carrier, protocols[i], 4000);
            assert_int_equal(assert_segments(&shape, 1448, FRAME_MAX), 3);
            shape.length = 2896;
            assert_int_equal(assert_segments(&shape, 1448, FRAME_MAX), 2);
            shape.length = 1449;
            assert_int_equal(assert_segments(&shape, 1448, FRAME_MAX), 2);
            shape.length = 65000;
            assert_int_equal(assert_segments(&shape, 1400, FRAME_MAX), 47);
        }
}

static void flags_stand_where_the_kernel_puts_them(void **state) {
    (void)state;
    struct shape shape = shape_of(ETHERNET_4, 6, 3000);
    for (unsigned flags = 0; flags < 256; flags++) {
        shape.flags = (uint8_t)flags;
        assert_int_equal(assert_segments(&shape, 1000, FRAME_MAX), 3);
    }
    struct frame frame = super_frame(&shape, FRAME_MAX, 1000);
    struct packet packet;
    decoder_decode(decoder, &frame, &packet);
    assert_int_equal(packet.tcp_flags, 0xff & ~(TCP_FIN | TCP_PSH));
    decoder_decode_rest(decoder, &frame, &packet);
    assert_int_equal(packet.tcp_flags, 0xff & ~(TCP_FIN | TCP_PSH | TCP_CWR));
    assert_int_equal(packet.tcp_sequence, 0x800003e6);
    decoder_decode_rest(decoder, &frame, &packet);
    assert_int_equal(packet.tcp_flags, 0xff & ~TCP_CWR);
    assert_false(decoder_has_rest(decoder));
}

/* What the segments look like where the snapshot length left less is told by the same frames, cut. */
static void cut_payload_is_shared_out(void **state) {
    (void)state;
    for (int carrier = 0; carrier < CARRIERS; carrier++) {
        struct shape shape = shape_of((enum carrier)carrier, 6, 300);
        build(&super, &shape);
        uint32_t header = super.length - shape.length;
        for (uint32_t captured = header; captured < header + shape.length; captured++)
            assert_int_equal(assert_segments(&shape, 128, captured), 3);
    }
}

static void big_tcp_is_cut(void **state) {
    (void)state;
    struct shape shape = shape_of(ETHERNET_4, 6, 500000);
    shape.unlimited = true;
    assert_int_equal(assert_segments(&shape, 1448, FRAME_MAX), 346);
    shape.carrier = ETHERNET_6;
    assert_int_equal(assert_segments(&shape, 1428, FRAME_MAX), 351);
    shape.jumbo = true;
    assert_int_equal(assert_segments(&shape, 1428, FRAME_MAX), 351);
    assert_int_equal(assert_segments(&shape, 1428, 1536), 351);
}

/* One packet, marked or not, that is as large as the frame says. */
static void assert_whole(const struct frame *frame, bool marked) {
    struct packet packet;
    struct segment_counts before = *decoder_segments(decoder);
    assert_reason(decoder_decode(decoder, frame, &packet), DECODE_METERED);
    assert_false(decoder_has_rest(decoder));
    assert_int_equal((packet.flags & PACKET_OFFLOAD) != 0, marked);
    assert_int_equal(packet.size[ACCOUNT_RAW], frame->wire_length);
    assert_true(packet.ip >= frame->bytes && packet.ip < frame->bytes + frame->captured_length);
    assert_memory_equal(&before, decoder_segments(decoder), sizeof before);
}

static void ordinary_packets_stay(void **state) {
    (void)state;
    struct shape shape = shape_of(VLAN_4, 6, 1448);
    struct frame frame = super_frame(&shape, FRAME_MAX, 1448);
    assert_whole(&frame, true); /* it is oversized all the same */
    frame.oversized = false;
    assert_whole(&frame, false);
    frame.segment_size = 65535;
    assert_whole(&frame, false);
    shape.length = 0;
    frame = super_frame(&shape, FRAME_MAX, 8);
    frame.oversized = false;
    assert_whole(&frame, false);
    frame.segment_size = 0;
    assert_whole(&frame, false);
}

static void assert_marked(struct frame frame) {
    frame.oversized = false;
    assert_whole(&frame, true);
}

static void sizes_have_limits(void **state) {
    (void)state;
    struct shape shape = shape_of(ETHERNET_4, 6, 65535 - 20 - 32);
    assert_int_equal(assert_segments(&shape, SEGMENT_SIZE_MIN, FRAME_MAX), 8186);
    shape.length = 300;
    for (uint32_t size = 1; size < SEGMENT_SIZE_MIN; size++)
        assert_marked(super_frame(&shape, FRAME_MAX, size));
    shape.unlimited = true;
    shape.length = SEGMENTS_MAX * SEGMENT_SIZE_MIN;
    assert_int_equal(assert_segments(&shape, SEGMENT_SIZE_MIN, FRAME_MAX), SEGMENTS_MAX);
    shape.length++;
    assert_marked(super_frame(&shape, FRAME_MAX, SEGMENT_SIZE_MIN));
    assert_int_equal(assert_segments(&shape, SEGMENT_SIZE_MIN + 1, FRAME_MAX), 7282);
    /* The largest segment. */
    shape = shape_of(ETHERNET_6, 6, 70000);
    shape.unlimited = true;
    assert_int_equal(assert_segments(&shape, 65535 - 32, FRAME_MAX), 2);
    assert_marked(super_frame(&shape, FRAME_MAX, 65535 - 31));
}

static void headers_must_be_captured(void **state) {
    (void)state;
    struct shape shape = shape_of(ETHERNET_4, 6, 3000);
    for (uint32_t captured = 14 + 20 + 4; captured < 14 + 20 + 32; captured++)
        assert_marked(super_frame(&shape, captured, 1448));
    shape.protocol = 17;
    for (uint32_t captured = 14 + 20 + 4; captured < 14 + 20 + 8; captured++)
        assert_marked(super_frame(&shape, captured, 1448));
}

static void other_layouts_are_marked(void **state) {
    (void)state;
    /* Segments of the other transport: they are inside a tunnel that is not known as one. */
    struct shape shape = shape_of(ETHERNET_4, 17, 3000);
    struct frame frame = super_frame(&shape, FRAME_MAX, 1448);
    frame.segment_udp = false;
    assert_marked(frame);
    shape.protocol = 6;
    frame = super_frame(&shape, FRAME_MAX, 1448);
    frame.segment_udp = true;
    assert_marked(frame);
    /* The segments are whole datagrams of a tunnel: the first one's inner packet is all that is seen. */
    shape = shape_of(VXLAN_4, 6, 100);
    frame = super_frame(&shape, FRAME_MAX, 200);
    frame.wire_length += 500;
    frame.segment_udp = true;
    assert_marked(frame);
    /* Bytes behind the datagram. */
    shape = shape_of(ETHERNET_4, 6, 3000);
    frame = super_frame(&shape, FRAME_MAX, 1448);
    frame.wire_length += 4;
    assert_marked(frame);
    /* A fragment. */
    shape = shape_of(ETHERNET_4, 17, 3000);
    frame = super_frame(&shape, FRAME_MAX, 1448);
    exact[14 + 6] = 0x20;
    assert_marked(frame);
    /* A data offset below TCP's header. */
    shape.protocol = 6;
    frame = super_frame(&shape, FRAME_MAX, 1448);
    exact[14 + 20 + 12] = 0x40;
    assert_marked(frame);
    /* Neither TCP nor UDP. */
    frame = super_frame(&shape, FRAME_MAX, 1448);
    exact[14 + 9] = 132;
    assert_marked(frame);
}

static void a_closed_tunnel_is_marked(void **state) {
    (void)state;
    struct shape shape = shape_of(VXLAN_4, 6, 3000);
    struct frame frame = super_frame(&shape, FRAME_MAX, 1448);
    decoder_destroy(decoder);
    decoder = decoder_create(&(struct decode_options){.decode_tunnels = false});
    assert_non_null(decoder);
    assert_marked(frame);
}

/* NFStream's numbers are those of the super-packet. */
static void nfstream_has_one_packet(void **state) {
    (void)state;
    struct shape shape = shape_of(ETHERNET_4, 6, 3000);
    struct frame frame = super_frame(&shape, FRAME_MAX, 1448);
    decoder_destroy(decoder);
    decoder = decoder_create(&(struct decode_options){.dialect = DECODE_NFSTREAM});
    assert_non_null(decoder);
    assert_whole(&frame, true);
}

/* A packet that is left is not taken for one of the next frame. */
static void what_is_left_is_forgotten(void **state) {
    (void)state;
    struct shape shape = shape_of(ETHERNET_4, 6, 3000);
    struct frame frame = super_frame(&shape, FRAME_MAX, 1448);
    struct packet packet;
    decoder_decode(decoder, &frame, &packet);
    assert_true(decoder_has_rest(decoder));
    frame.segment_size = 0;
    frame.seconds = -1;
    assert_reason(decoder_decode(decoder, &frame, &packet), DECODE_time_out_of_range);
    assert_false(decoder_has_rest(decoder));
}

static void all_segments_have_the_frames_time(void **state) {
    (void)state;
    struct shape shape = shape_of(ETHERNET_4, 6, 3000);
    struct frame frame = super_frame(&shape, FRAME_MAX, 1448);
    struct packet packet;
    for (int i = 0; i < 2; i++) {
        frame.seconds = 1000 - i;
        decoder_decode(decoder, &frame, &packet);
        for (unsigned number = 1;; number++) {
            assert_int_equal(packet.time, INT64_C(1000000000));
            assert_int_equal((packet.flags & PACKET_TIME_RAISED) != 0, i);
            assert_int_equal(decoder_times_raised(decoder), i * number);
            if (!decoder_has_rest(decoder))
                break;
            assert_reason(decoder_decode_rest(decoder, &frame, &packet), DECODE_METERED);
        }
    }
    assert_int_equal(decoder_times_raised(decoder), 3);
}

static int make_decoders(void **state) {
    (void)state;
    const struct decode_options options = {.decode_tunnels = true};
    decoder = decoder_create(&options);
    plain = decoder_create(&options);
    return decoder == NULL || plain == NULL ? -1 : 0;
}

static int destroy_decoders(void **state) {
    (void)state;
    decoder_destroy(decoder);
    decoder_destroy(plain);
    free(exact);
    exact = NULL;
    return 0;
}

#define SEGMENTS_TEST(name) cmocka_unit_test_setup_teardown(name, make_decoders, destroy_decoders)

int main(void) {
    const struct CMUnitTest tests[] = {
        SEGMENTS_TEST(segments_are_the_packets_of_the_wire),
        SEGMENTS_TEST(flags_stand_where_the_kernel_puts_them),
        SEGMENTS_TEST(cut_payload_is_shared_out),
        SEGMENTS_TEST(big_tcp_is_cut),
        SEGMENTS_TEST(ordinary_packets_stay),
        SEGMENTS_TEST(sizes_have_limits),
        SEGMENTS_TEST(headers_must_be_captured),
        SEGMENTS_TEST(other_layouts_are_marked),
        SEGMENTS_TEST(a_closed_tunnel_is_marked),
        SEGMENTS_TEST(nfstream_has_one_packet),
        SEGMENTS_TEST(what_is_left_is_forgotten),
        SEGMENTS_TEST(all_segments_have_the_frames_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
