/* Fragments that come before their datagram's first one. */
#include <stdio.h>

#include "decode/hex_frame.h"

static struct decoder *decoder;

static int make_decoder(void **state) {
    (void)state;
    decoder = decoder_create(&(struct decode_options){.dialect = DECODE_NATIVE, .decode_tunnels = true});
    return decoder == NULL ? -1 : 0;
}

static int destroy_decoder(void **state) {
    (void)state;
    decoder_destroy(decoder);
    return 0;
}

/* A fragment of a UDP datagram from port 4660 to 161: `units` of 8 bytes from its start; `payload` tells them apart. */
static enum decode_reason four(int64_t seconds, unsigned identification, unsigned units, const char *payload,
                               struct packet *packet) {
    char text[256];
    snprintf(text, sizeof text,
             "4500001c%04x%04x4011000009090909"
             "08080808%s",
             identification, (units == 0 ? 0x2000 : 0) | units, units == 0 ? "123400a100200000" : payload);
    return decode_at(decoder, seconds, LINK_RAW, text, packet);
}

/* The same in IPv6, behind a header for destination options; the later ones name another protocol. */
static enum decode_reason six(int64_t seconds, unsigned identification, unsigned units,
                              struct packet *packet) {
    char text[256];
    snprintf(text, sizeof text, "60000000%s2c40" ADDRESSES_6 "%s00%04x%08x%s", units == 0 ? "0018" : "0010",
             units == 0 ? "3c" : "06", units << 3 | (units == 0), identification,
             units == 0 ? "1100010400000000"
                          "123400a100200000"
                        : "0050005100000000");
    return decode_at(decoder, seconds, LINK_RAW, text, packet);
}

static void assert_fragment(const struct packet *packet, int64_t seconds) {
    assert_int_equal(packet->time, seconds * 1000000);
    assert_int_equal(packet->protocol, 17);
    assert_int_equal(packet->source_port, 4660);
    assert_int_equal(packet->destination_port, 161);
    assert_int_equal(packet->flags, PACKET_FRAGMENT);
    assert_int_equal(packet->size[ACCOUNT_TRANSPORT], 8);
}

static void assert_next(enum decode_reason expected, struct packet *packet) {
    enum decode_reason reason;
    assert_true(decoder_next(decoder, &reason, packet));
    assert_reason(reason, expected);
}

static void assert_no_more(void) {
    enum decode_reason reason;
    struct packet packet;
    assert_false(decoder_next(decoder, &reason, &packet));
}

static void those_that_waited_go_before_the_first_in_order(void **state) {
    (void)state;
    struct packet packet;
    assert_reason(four(10, 7, 2, "aaaaaaaaaaaaaaaa", &packet), DECODE_HELD);
    assert_no_more();
    assert_reason(four(11, 7, 1, "bbbbbbbbbbbbbbbb", &packet), DECODE_HELD);
    assert_reason(four(11, 8, 1, "cccccccccccccccc", &packet), DECODE_HELD);
    assert_int_equal(decoder_held(decoder), 3);
    assert_int_equal(decoder_time(decoder), 0);
    assert_reason(four(12, 7, 0, "", &packet), DECODE_METERED);
    assert_fragment(&packet, 10);
    assert_int_equal(packet.ip_captured, 28);
    assert_int_equal(packet.ip[20], 0xaa);
    assert_int_equal(packet.held_for, 2000000);
    assert_int_equal(packet.size[ACCOUNT_PAYLOAD], 8);
    assert_next(DECODE_METERED, &packet);
    assert_fragment(&packet, 11);
    assert_int_equal(packet.ip[27], 0xbb);
    assert_int_equal(packet.held_for, 1000000);
    assert_next(DECODE_METERED, &packet);
    assert_fragment(&packet, 12);
    assert_int_equal(packet.size[ACCOUNT_PAYLOAD], 0);
    assert_int_equal(packet.held_for, 0);
    assert_no_more();
    assert_int_equal(decoder_held(decoder), 1);
    assert_int_equal(decoder_times_raised(decoder), 0);
    /* From here on they need not wait. */
    assert_reason(four(13, 7, 3, "dddddddddddddddd", &packet), DECODE_METERED);
    assert_fragment(&packet, 13);
    assert_no_more();
}

/* How much earlier than the clock a packet may still come. */
static void lateness_is_that_of_the_earliest_that_waits(void **state) {
    (void)state;
    struct packet packet;
    assert_int_equal(decoder_lateness(decoder), 0);
    assert_reason(four(10, 7, 2, "aaaaaaaaaaaaaaaa", &packet), DECODE_HELD);
    assert_int_equal(decoder_lateness(decoder), 0); /* the clock is not there yet */
    assert_reason(four(12, 8, 1, "bbbbbbbbbbbbbbbb", &packet), DECODE_HELD);
    decoder_advance(decoder, 15, 0);
    assert_no_more();
    assert_int_equal(decoder_lateness(decoder), 5000000);
    assert_reason(four(16, 7, 0, "", &packet), DECODE_METERED);
    assert_next(DECODE_METERED, &packet);
    assert_no_more();
    assert_int_equal(decoder_lateness(decoder), 4000000);
    decoder_advance(decoder, 42, 0);
    assert_int_equal(decoder_lateness(decoder), DECODE_LATENESS_MAX);
    decoder_advance(decoder, 42, 1);
    assert_next(DECODE_fragment_unknown, &packet);
    assert_int_equal(decoder_lateness(decoder), 0);
}

static void of_ipv6_only_the_first_next_header_counts(void **state) {
    (void)state;
    struct packet packet;
    assert_reason(six(1, 70000, 3, &packet), DECODE_HELD);
    assert_reason(six(2, 70000, 0, &packet), DECODE_METERED);
    assert_fragment(&packet, 1);
    assert_next(DECODE_METERED, &packet);
    assert_fragment(&packet, 2);
    assert_no_more();
    assert_reason(six(3, 70000, 1, &packet), DECODE_METERED);
    assert_fragment(&packet, 3);
    /* Without ports as well. */
    const char *first = "60000000001c"
                        "2c40" ADDRESSES_6 "3c00000100000009"
                        "3a01000000000000"
                        "0000000000000000"
                        "8102beef",
               *last = "600000000010"
                       "2c40" ADDRESSES_6 "1100001800000009"
                       "0102030405060708";
    assert_reason(decode_at(decoder, 4, LINK_RAW, last, &packet), DECODE_HELD);
    assert_reason(decode_at(decoder, 4, LINK_RAW, first, &packet), DECODE_METERED);
    assert_int_equal(packet.protocol, 58);
    assert_int_equal(packet.flags, PACKET_FRAGMENT | PACKET_HAS_ICMP);
    assert_int_equal(packet.icmp_type, 0x81);
    assert_int_equal(packet.icmp_code, 2);
    assert_int_equal(packet.size[ACCOUNT_TRANSPORT], 8);
    assert_next(DECODE_METERED, &packet);
    assert_int_equal(packet.protocol, 58);
    assert_no_more();
}

/* IPv4's header names AH in each fragment, the first one's AH what is behind it. */
static void ah_is_in_the_first_fragment(void **state) {
    (void)state;
    struct packet packet;
    const char *first = "4500002c00092000"
                        "40330000" ADDRESSES_4 "1102000000000101000000010102"
                        "0304"
                        "123400a100200000",
               *last = "4500001c00090003"
                       "40330000" ADDRESSES_4 "0102030405060708";
    assert_reason(decode_at(decoder, 1, LINK_RAW, last, &packet), DECODE_HELD);
    assert_reason(decode_at(decoder, 2, LINK_RAW, first, &packet), DECODE_METERED);
    assert_fragment(&packet, 1);
    assert_next(DECODE_METERED, &packet);
    assert_fragment(&packet, 2);
    assert_reason(decode_at(decoder, 3, LINK_RAW, last, &packet), DECODE_METERED);
    assert_fragment(&packet, 3);
}

/* RFC 6946: whatever else has its identification. */
static void an_atomic_fragment_is_whole(void **state) {
    (void)state;
    struct packet packet;
    assert_reason(six(1, 5, 1, &packet), DECODE_HELD);
    assert_reason(decode_at(decoder, 1, LINK_RAW,
                            "600000000012"
                            "2c40" ADDRESSES_6 "1100000000000005" UDP,
                            &packet),
                  DECODE_METERED);
    assert_int_equal(packet.flags, 0);
    assert_int_equal(packet.destination_port, 53);
    assert_no_more();
    assert_int_equal(decoder_held(decoder), 1);
}

static void who_waits_too_long_is_given_up(void **state) {
    (void)state;
    struct packet packet;
    assert_reason(four(100, 1, 1, "aaaaaaaaaaaaaaaa", &packet), DECODE_HELD);
    assert_reason(four(101, 2, 1, "aaaaaaaaaaaaaaaa", &packet), DECODE_HELD);
    assert_reason(decode_at(decoder, 130, LINK_RAW, IPV4_UDP, &packet), DECODE_METERED);
    assert_no_more();
    decoder_advance(decoder, 130, 1);
    assert_next(DECODE_fragment_unknown, &packet);
    assert_no_more();
    assert_reason(four(131, 2, 0, "", &packet), DECODE_METERED);
    assert_fragment(&packet, 101);
    assert_next(DECODE_METERED, &packet);
    assert_no_more();
    assert_reason(four(131, 1, 0, "", &packet), DECODE_METERED);
    assert_fragment(&packet, 131);
    assert_no_more();
    assert_int_equal(decoder_held(decoder), 0);
}

static void newer_ones_take_the_room_of_the_oldest(void **state) {
    (void)state;
    struct packet packet;
    enum decode_reason reason;
    unsigned given_up = 0, held = 2000;
    for (unsigned i = 0; i < held; i++) {
        assert_reason(four(1, i, 1, "aaaaaaaaaaaaaaaa", &packet), DECODE_HELD);
        for (; decoder_next(decoder, &reason, &packet); given_up++)
            assert_reason(reason, DECODE_fragment_unknown);
        assert_int_equal(decoder_held(decoder), i + 1 - given_up);
    }
    assert_in_range(given_up, 1000, 1900);
    assert_reason(four(1, held - 1, 0, "", &packet), DECODE_METERED);
    assert_next(DECODE_METERED, &packet);
    assert_no_more();
    assert_reason(four(1, 0, 0, "", &packet), DECODE_METERED);
    assert_no_more();
}

/* Sizes of all kinds, so that the room's end is met at all places; what comes out is what went in. */
static void bytes_stay_whole(void **state) {
    (void)state;
    static uint8_t bytes[60000] = "\x45\0\0\0\0\0\0\1\x40\x11\0\0\x09\x09\x09\x09\x08\x08\x08\x08";
    struct packet packet;
    enum decode_reason reason;
    unsigned seed = 1;
    for (unsigned i = 0; i < 3000; i++) {
        seed = seed * 1103515245 + 12345;
        unsigned length = 21 + (seed >> 8) % (i % 7 == 0 ? 59000 : 1500);
        memset(bytes + 20, (int)(i & 0xff), length - 20);
        bytes[2] = (uint8_t)(length >> 8), bytes[3] = (uint8_t)length;
        bytes[4] = (uint8_t)(i >> 8), bytes[5] = (uint8_t)i;
        struct frame frame = {.bytes = bytes,
                              .captured_length = length,
                              .wire_length = length,
                              .seconds = 1,
                              .link_type = LINK_RAW};
        assert_reason(decoder_decode(decoder, &frame, &packet), DECODE_HELD);
        while (decoder_next(decoder, &reason, &packet)) {
        }
        unsigned earlier = i - i % 5;
        if (four(1, earlier, 0, "", &packet) != DECODE_METERED || packet.ip[6] == 0x20)
            continue;
        assert_int_equal(packet.ip[5], earlier & 0xff);
        for (unsigned at = 20; at < packet.ip_captured; at++)
            assert_int_equal(packet.ip[at], earlier & 0xff);
        assert_next(DECODE_METERED, &packet);
        assert_no_more();
    }
}

/* A packet before it in the capture, but with a later time, and a first fragment with an earlier one. */
static void times_go_up(void **state) {
    (void)state;
    struct packet packet;
    assert_reason(decode_at(decoder, 5, LINK_RAW, IPV4_UDP, &packet), DECODE_METERED);
    assert_reason(four(4, 1, 1, "aaaaaaaaaaaaaaaa", &packet), DECODE_HELD);
    assert_reason(four(7, 1, 2, "aaaaaaaaaaaaaaaa", &packet), DECODE_HELD);
    assert_int_equal(decoder_times_raised(decoder), 0);
    assert_reason(four(6, 1, 0, "", &packet), DECODE_METERED);
    assert_int_equal(packet.time, 5000000);
    assert_int_equal(packet.flags, PACKET_FRAGMENT | PACKET_TIME_RAISED);
    assert_next(DECODE_METERED, &packet);
    assert_fragment(&packet, 7);
    assert_next(DECODE_METERED, &packet);
    assert_int_equal(packet.time, 7000000);
    assert_int_equal(packet.flags, PACKET_FRAGMENT | PACKET_TIME_RAISED);
    assert_int_equal(decoder_times_raised(decoder), 2);
    assert_int_equal(decoder_time(decoder), 7000000);
}

static void what_is_left_of_a_tunnels_packet_has_no_flow(void **state) {
    (void)state;
    struct packet packet;
    const char *first = "4500003600310000" /* with more fragments */
                        "402f0000"
                        "01010101"
                        "02020202"
                        "00000800" IPV4_UDP,
               *last = "4500001c00310004"
                       "402f0000"
                       "01010101"
                       "02020202"
                       "6162636465666768";
    char more[256];
    snprintf(more, sizeof more, "%.12s2000%s", first, first + 16);
    for (int i = 0; i < 2; i++)
        assert_reason(decode_at(decoder, 1, LINK_RAW, last, &packet), DECODE_HELD);
    /* The inner packet's metering comes last. */
    assert_reason(decode_at(decoder, 1, LINK_RAW, more, &packet), DECODE_fragment_unknown);
    assert_next(DECODE_fragment_unknown, &packet);
    assert_next(DECODE_METERED, &packet);
    assert_int_equal(packet.destination_port, 53);
    assert_no_more();
    assert_reason(decode_at(decoder, 1, LINK_RAW, last, &packet), DECODE_fragment_unknown);
    assert_int_equal(decoder_held(decoder), 0);
}

static void a_first_fragment_without_ports_tells_nothing(void **state) {
    (void)state;
    struct packet packet;
    assert_reason(decode_at(decoder, 1, LINK_RAW,
                            "4500001700012000"
                            "40110000" ADDRESSES_4 "04d200",
                            &packet),
                  DECODE_transport_truncated);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(those_that_waited_go_before_the_first_in_order, make_decoder,
                                        destroy_decoder),
        cmocka_unit_test_setup_teardown(lateness_is_that_of_the_earliest_that_waits, make_decoder,
                                        destroy_decoder),
        cmocka_unit_test_setup_teardown(of_ipv6_only_the_first_next_header_counts, make_decoder,
                                        destroy_decoder),
        cmocka_unit_test_setup_teardown(ah_is_in_the_first_fragment, make_decoder, destroy_decoder),
        cmocka_unit_test_setup_teardown(an_atomic_fragment_is_whole, make_decoder, destroy_decoder),
        cmocka_unit_test_setup_teardown(who_waits_too_long_is_given_up, make_decoder, destroy_decoder),
        cmocka_unit_test_setup_teardown(newer_ones_take_the_room_of_the_oldest, make_decoder,
                                        destroy_decoder),
        cmocka_unit_test_setup_teardown(bytes_stay_whole, make_decoder, destroy_decoder),
        cmocka_unit_test_setup_teardown(times_go_up, make_decoder, destroy_decoder),
        cmocka_unit_test_setup_teardown(what_is_left_of_a_tunnels_packet_has_no_flow, make_decoder,
                                        destroy_decoder),
        cmocka_unit_test_setup_teardown(a_first_fragment_without_ports_tells_nothing, make_decoder,
                                        destroy_decoder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
