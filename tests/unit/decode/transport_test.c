#include "decode/hex_frame.h"

#include <stdio.h>

/* An IPv4 header for `protocol` and a payload of 8 or 20 bytes. */
#define IPV4_8(protocol) \
    "4500001c00010000"   \
    "40" protocol "0000" ADDRESSES_4
#define IPV4_20(protocol) \
    "4500002800010000"    \
    "40" protocol "0000" ADDRESSES_4

static struct packet metered(const char *text) {
    struct packet packet;
    assert_reason(decode_native(LINK_RAW, text, &packet), DECODE_METERED);
    return packet;
}

static void assert_transport(struct packet packet, int source, int destination, unsigned transport,
                             unsigned payload) {
    assert_int_equal(packet.source_port, source);
    assert_int_equal(packet.destination_port, destination);
    assert_int_equal(packet.size[ACCOUNT_TRANSPORT], transport);
    assert_int_equal(packet.size[ACCOUNT_PAYLOAD], payload);
}

static void tcp(void **state) {
    (void)state;
    struct packet packet = metered("4500002e00010000"
                                   "40060000" ADDRESSES_4 "c00001bb"
                                   "00000001"
                                   "00000002"
                                   "6012"
                                   "ffff"
                                   "0000"
                                   "0000"
                                   "01010101"
                                   "6869");
    assert_transport(packet, 49152, 443, 26, 2);
    assert_int_equal(packet.tcp_flags, TCP_SYN | TCP_ACK);
    /* All eight flags; a data offset beyond the segment leaves no payload. */
    packet = metered(IPV4_20("06") "c00001bb"
                                   "00000001"
                                   "00000002"
                                   "f0ff"
                                   "ffff"
                                   "0000"
                                   "0000");
    assert_transport(packet, 49152, 443, 20, 0);
    assert_int_equal(packet.tcp_flags, 0xff);
}

static void other_protocols_with_ports(void **state) {
    (void)state;
    assert_transport(metered(IPV4_20("84") "0b5a189f"
                                           "00000000"
                                           "00000000"
                                           "0000000000000000"),
                     2906, 6303, 20, 8);
    assert_transport(metered(IPV4_8("88") "04d2003500080000"), 1234, 53, 8, 0);
}

static void assert_answers(const char *text, bool answers) {
    assert_int_equal(metered(text).answers, answers);
}

static void answers_to_first_packets(void **state) {
    (void)state;
    static const struct {
        const char *flags;
        bool answers;
    } segments[] = {{"12", true},  {"52", true},  {"ff", true},  {"02", false}, {"c2", false},
                    {"10", false}, {"18", false}, {"04", false}, {"00", false}};
    for (size_t i = 0; i < sizeof segments / sizeof *segments; i++) {
        char text[256];
        snprintf(text, sizeof text, "%s01bbc000000000010000000250%sffff00000000", IPV4_20("06"),
                 segments[i].flags);
        assert_answers(text, segments[i].answers);
    }
    assert_answers(IPV4_20("84") "189f0b5a0000000100000000"
                                 "0200001400000000",
                   true);
    assert_answers(IPV4_20("84") "0b5a189f0000000000000000"
                                 "0100001400000000",
                   false);
    assert_answers(IPV4_20("84") "0b5a189f0000000100000000", false); /* cut before the chunk */
    assert_answers(IPV4_20("11") "0b5a189f0014000000000000"
                                 "0200001400000000",
                   false);
}

static void icmp_has_type_and_code(void **state) {
    (void)state;
    struct packet four = metered(IPV4_8("01") "0301000000000000");
    assert_true(four.flags == PACKET_HAS_ICMP);
    assert_int_equal(four.icmp_type, 3);
    assert_int_equal(four.icmp_code, 1);
    assert_transport(four, 0, 0, 8, 0);
    struct packet six = metered("600000000008"
                                "3aff" ADDRESSES_6 "8000000000000000");
    assert_true(six.flags == PACKET_HAS_ICMP);
    assert_int_equal(six.icmp_type, 128);
    assert_transport(six, 0, 0, 8, 0);
}

static void other_protocols_count_as_ip_only(void **state) {
    (void)state;
    struct packet packet = metered(IPV4_8("2f") "04d2003500080000");
    assert_int_equal(packet.protocol, 47);
    assert_transport(packet, 0, 0, 0, 0);
    assert_int_equal(packet.size[ACCOUNT_IP], 28);
}

static void ports_must_be_captured(void **state) {
    (void)state;
    assert_ignored(DECODE_NATIVE, LINK_RAW, IPV4_20("06") "c00001", DECODE_transport_truncated);
    struct packet packet = metered(IPV4_20("06") "c00001bb"
                                                 "00000001"
                                                 "00000002"
                                                 "50");
    assert_transport(packet, 49152, 443, 20, 0);
    assert_int_equal(packet.tcp_flags, 0);
    assert_true(packet.flags == PACKET_TRUNCATED);
    /* Too short by its own account. */
    assert_transport(metered("4500001700010000"
                             "40110000" ADDRESSES_4 "04d200"),
                     0, 0, 3, 0);
}

/* Fragments of a datagram of 32 bytes: identification 0x1234, the first one with the UDP header. */
#define FIRST_4(id)                           \
    "45000024" id "2000"                      \
    "40110000" ADDRESSES_4 "04d2003500200000" \
    "6162636465666768"
#define LAST_4(id)       \
    "45000024" id "0002" \
    "40110000" ADDRESSES_4 "696a6b6c6d6e6f707172737475767778"
#define FIRST_6                           \
    "600000000010"                        \
    "2c40" ADDRESSES_6 "1100000100001234" \
    "04d2003500100000"
#define LAST_6                            \
    "600000000010"                        \
    "2c40" ADDRESSES_6 "1100000800001234" \
    "6162636465666768"

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

static void later_fragments_have_their_datagrams_ports(void **state) {
    (void)state;
    struct packet packet;
    assert_reason(decode_at(decoder, 1, LINK_RAW, FIRST_4("1234"), &packet), DECODE_METERED);
    assert_true(packet.flags & PACKET_FRAGMENT);
    assert_transport(packet, 1234, 53, 16, 8);
    for (int i = 0; i < 2; i++) {
        assert_reason(decode_at(decoder, 2, LINK_RAW, LAST_4("1234"), &packet), DECODE_METERED);
        assert_true(packet.flags & PACKET_FRAGMENT);
        assert_transport(packet, 1234, 53, 16, 16);
    }
    assert_reason(decode_at(decoder, 2, LINK_RAW, FIRST_6, &packet), DECODE_METERED);
    assert_transport(packet, 1234, 53, 8, 0);
    assert_reason(decode_at(decoder, 2, LINK_RAW, LAST_6, &packet), DECODE_METERED);
    assert_transport(packet, 1234, 53, 8, 8);
}

static void unknown_fragments_wait_and_are_refused(void **state) {
    (void)state;
    struct packet packet;
    decode_at(decoder, 1, LINK_RAW, FIRST_4("1234"), &packet);
    assert_reason(decode_at(decoder, 1, LINK_RAW, LAST_4("1235"), &packet), DECODE_HELD);
    assert_reason(decode_at(decoder, 1, LINK_RAW, LAST_6, &packet), DECODE_HELD);
    assert_reason(decode_at(decoder, 31, LINK_RAW, LAST_4("1234"), &packet), DECODE_METERED);
    assert_reason(decode_at(decoder, 32, LINK_RAW, LAST_4("1234"), &packet), DECODE_HELD);
    assert_int_equal(decoder_held(decoder), 1); /* the other two no longer */
    enum decode_reason reason;
    int unknown = 0;
    for (decoder_give_up(decoder); decoder_next(decoder, &reason, &packet); unknown++)
        assert_reason(reason, DECODE_fragment_unknown);
    assert_int_equal(unknown, 3);
}

static void protocols_without_ports_need_no_first_fragment(void **state) {
    (void)state;
    struct packet packet;
    const char *icmp = "4500001c1234"
                       "0002"
                       "40010000" ADDRESSES_4 "0801020304050607";
    assert_reason(decode_at(decoder, 1, LINK_RAW, icmp, &packet), DECODE_METERED);
    assert_true(packet.flags == PACKET_FRAGMENT);
    assert_transport(packet, 0, 0, 8, 8);
}

static void fragments_of_a_tunnel_are_unknown(void **state) {
    (void)state;
    struct packet packet;
    const char *first = "45000032"
                        "1234"
                        "2000"
                        "40040000"
                        "01010101"
                        "02020202" IPV4_UDP;
    const char *last = "4500001c"
                       "1234"
                       "0004"
                       "40040000"
                       "01010101"
                       "02020202"
                       "6162636465666768";
    assert_reason(decode_at(decoder, 1, LINK_RAW, first, &packet), DECODE_METERED);
    assert_transport(packet, 1234, 53, 10, 2);
    assert_false(packet.flags & PACKET_FRAGMENT);
    assert_reason(decode_at(decoder, 1, LINK_RAW, last, &packet), DECODE_fragment_unknown);
}

static void many_datagrams_are_remembered(void **state) {
    (void)state;
    struct packet packet;
    char text[256];
    int known = 0;
    for (int i = 0; i < 400; i++) {
        snprintf(text, sizeof text, "45000024%04x%s", i,
                 "2000"
                 "40110000" ADDRESSES_4 "04d2003500200000"
                 "6162636465666768");
        assert_reason(decode_at(decoder, 1, LINK_RAW, text, &packet), DECODE_METERED);
    }
    for (int i = 0; i < 400; i++) {
        snprintf(text, sizeof text, "45000024%04x%s", i,
                 "0002"
                 "40110000" ADDRESSES_4 "696a6b6c6d6e6f707172737475767778");
        known += decode_at(decoder, 1, LINK_RAW, text, &packet) == DECODE_METERED;
    }
    assert_true(known > 350);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tcp),
        cmocka_unit_test(other_protocols_with_ports),
        cmocka_unit_test(answers_to_first_packets),
        cmocka_unit_test(icmp_has_type_and_code),
        cmocka_unit_test(other_protocols_count_as_ip_only),
        cmocka_unit_test(ports_must_be_captured),
        cmocka_unit_test_setup_teardown(later_fragments_have_their_datagrams_ports, make_decoder,
                                        destroy_decoder),
        cmocka_unit_test_setup_teardown(unknown_fragments_wait_and_are_refused, make_decoder,
                                        destroy_decoder),
        cmocka_unit_test_setup_teardown(protocols_without_ports_need_no_first_fragment, make_decoder,
                                        destroy_decoder),
        cmocka_unit_test_setup_teardown(fragments_of_a_tunnel_are_unknown, make_decoder, destroy_decoder),
        cmocka_unit_test_setup_teardown(many_datagrams_are_remembered, make_decoder, destroy_decoder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
