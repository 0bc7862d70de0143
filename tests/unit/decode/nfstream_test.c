/* Each quirk of NFStream's parser that the nfstream dialect repeats. That it agrees with NFStream as a whole is what
 * the parity tests show. */
#include "decode/hex_frame.h"

static struct packet metered(int link_type, const char *text) {
    struct packet packet;
    assert_reason(decode_as(DECODE_NFSTREAM, link_type, text, &packet), DECODE_METERED);
    return packet;
}

static void ignored(int link_type, const char *text, enum decode_reason reason) {
    assert_ignored(DECODE_NFSTREAM, link_type, text, reason);
}

static void the_trailer_counts_for_ndpi(void **state) {
    (void)state;
    struct packet packet = metered(LINK_ETHERNET, ETHERNET "0800" IPV4_UDP "00000000");
    assert_int_equal(packet.ip_captured, 34);
    assert_int_equal(packet.size[ACCOUNT_PAYLOAD], 2);
    assert_int_equal(packet.time, 1000000);
}

static void ethernet_frames_are_recognized(void **state) {
    (void)state;
    struct packet packet = assert_udp(DECODE_NFSTREAM, LINK_ETHERNET,
                                      ETHERNET "8100"
                                               "0005"
                                               "0800" IPV4_UDP);
    assert_int_equal(packet.vlan_id, 5);
    assert_true(packet.flags == PACKET_HAS_MAC);
    assert_udp(DECODE_NFSTREAM, LINK_ETHERNET,
               ETHERNET "8847"
                        "00010140" IPV6_UDP);
    assert_udp(DECODE_NFSTREAM, LINK_ETHERNET,
               ETHERNET "8864"
                        "1100000100200021" IPV4_UDP);
    assert_udp(DECODE_NFSTREAM, LINK_ETHERNET,
               ETHERNET "0026"
                        "aaaa030000000800" IPV4_UDP);
}

static void there_is_no_whitelist_of_ethertypes(void **state) {
    (void)state;
    assert_udp(DECODE_NFSTREAM, LINK_ETHERNET, ETHERNET "0806" IPV4_UDP);
    /* But a service tag is none of the known tags, and its first byte no IP version. */
    ignored(LINK_ETHERNET,
            ETHERNET "88a8"
                     "0005"
                     "0800" IPV4_UDP,
            DECODE_not_ip);
}

static void the_type_of_snap_is_read_backwards(void **state) {
    (void)state;
    ignored(LINK_ETHERNET,
            ETHERNET "0026"
                     "aaaa030000008100"
                     "0005"
                     "0800" IPV4_UDP,
            DECODE_not_ip);
    struct packet packet = metered(LINK_ETHERNET, ETHERNET "0026"
                                                           "aaaa030000000081"
                                                           "0005"
                                                           "0800" IPV4_UDP);
    assert_int_equal(packet.vlan_id, 5);
}

static void other_link_types(void **state) {
    (void)state;
    assert_udp(DECODE_NFSTREAM, LINK_NULL, "00000002" IPV4_UDP);
    assert_udp(DECODE_NFSTREAM, LINK_NULL, "02000000" IPV4_UDP);
    assert_udp(DECODE_NFSTREAM, LINK_RAW, IPV6_UDP);
    assert_udp(DECODE_NFSTREAM, LINK_PPP_SERIAL, "ff030021" IPV4_UDP);
    assert_udp(DECODE_NFSTREAM, LINK_PPP, "0021" IPV4_UDP);
    assert_udp(DECODE_NFSTREAM, LINK_C_HDLC, "0f000800" IPV4_UDP);
    assert_udp(DECODE_NFSTREAM, LINK_LINUX_SLL, "000000010006" MAC_1 "00000800" IPV4_UDP);
    ignored(LINK_LINUX_SLL2,
            "0800"
            "0000"
            "00000002"
            "0001"
            "00"
            "06" MAC_1 "0000" IPV4_UDP,
            DECODE_link_type);
    ignored(LINK_RAW,
            "4500001b00010000"
            "40110000" ADDRESSES_4 "04d20035000700",
            DECODE_link_truncated);
}

#define RADIOTAP       \
    "00001100"         \
    "03000000"         \
    "0000000000000000" \
    "00"

static void wireless_headers_have_26_bytes(void **state) {
    (void)state;
    struct packet packet = assert_udp(DECODE_NFSTREAM, LINK_IEEE802_11_RADIO,
                                      RADIOTAP "8801" WIFI_DATA "0000" LLC_SNAP IPV4_UDP);
    assert_int_equal(packet.source_mac[5], 2);
    assert_int_equal(packet.destination_mac[5], 3);
    ignored(LINK_IEEE802_11_RADIO, RADIOTAP "0801" WIFI_DATA LLC_SNAP IPV4_UDP, DECODE_not_ip);
    ignored(LINK_IEEE802_11_RADIO,
            "00001100"
            "03000000"
            "0000000000000000"
            "50"
            "8801" WIFI_DATA "0000" LLC_SNAP IPV4_UDP,
            DECODE_link_damaged);
}

static void lengths_wrap_at_16_bits(void **state) {
    (void)state;
    /* A total length of 0 makes the payload longer than the packet. */
    ignored(LINK_RAW,
            "4500000000010000"
            "40110000" ADDRESSES_4 UDP,
            DECODE_ip_malformed);
    struct decoder *decoder = decoder_create(&(struct decode_options){.dialect = DECODE_NFSTREAM});
    struct packet packet;
    struct frame frame = {
        .bytes =
            (const uint8_t *)"\x45\0\0\x1e\0\1\0\0\x40\x11\0\0\x0a\0\0\1\x0a\0\0\2\4\xd2\0\x35\0\x0a\0\0hi",
        .captured_length = 30,
        .wire_length = 65536 + 30,
        .link_type = LINK_RAW};
    assert_reason(decoder_decode(decoder, &frame, &packet), DECODE_METERED);
    assert_int_equal(packet.size[ACCOUNT_RAW], 30);
    decoder_destroy(decoder);
}

static void a_cut_ipv4_packet_is_metered_a_cut_ipv6_packet_ignored(void **state) {
    (void)state;
    struct packet packet = metered(LINK_RAW, "450005dc00010000"
                                             "40110000" ADDRESSES_4 "04d2003505c80000");
    assert_true(packet.flags & PACKET_TRUNCATED);
    assert_int_equal(packet.size[ACCOUNT_PAYLOAD], 1472);
    ignored(LINK_RAW,
            "600000000100"
            "1140" ADDRESSES_6 UDP,
            DECODE_ip_truncated);
    /* What was not captured of the transport header counts as 0. */
    packet = metered(LINK_RAW, "4600003000010000"
                               "40060000" ADDRESSES_4 "01010101"
                               "c00001bb");
    assert_int_equal(packet.source_port, 49152);
    assert_int_equal(packet.tcp_flags, 0);
    assert_int_equal(packet.size[ACCOUNT_PAYLOAD], 24);
}

static void only_tcp_and_udp_of_full_length_have_ports(void **state) {
    (void)state;
    struct packet sctp = metered(LINK_RAW, "4500002800010000"
                                           "40840000" ADDRESSES_4 "0b5a189f"
                                           "0000000000000000"
                                           "0000000000000000");
    assert_int_equal(sctp.source_port, 0);
    assert_int_equal(sctp.size[ACCOUNT_TRANSPORT], 0);
    struct packet tcp = metered(LINK_RAW, "4500001c00010000"
                                          "40060000" ADDRESSES_4 "c00001bb00000000");
    assert_int_equal(tcp.source_port, 0);
    assert_int_equal(tcp.size[ACCOUNT_TRANSPORT], 0);
    struct packet icmp = metered(LINK_RAW, "4500001c00010000"
                                           "40010000" ADDRESSES_4 "0800000000000000");
    assert_int_equal(icmp.source_port, 0);
    assert_int_equal(icmp.size[ACCOUNT_TRANSPORT], 8);
}

static void later_fragments_are_ignored(void **state) {
    (void)state;
    assert_int_equal(metered(LINK_RAW, "4500001e00012000"
                                       "40110000" ADDRESSES_4 UDP)
                         .source_port,
                     1234);
    ignored(LINK_RAW,
            "4500001e00010002"
            "40110000" ADDRESSES_4 UDP,
            DECODE_fragment_unknown);
    ignored(LINK_RAW,
            "600000000012"
            "2c40" ADDRESSES_6 "1100000800001234" UDP,
            DECODE_fragment_unknown);
    /* Within IPv6 behind its EtherType, the inner IPv4 header's offset is not looked at. */
    metered(LINK_ETHERNET, ETHERNET "86dd"
                                    "60000000001e"
                                    "0440" ADDRESSES_6 "4500001e00010002"
                                    "40110000" ADDRESSES_4 UDP);
}

static void ip_in_ip_is_metered_inside(void **state) {
    (void)state;
    assert_udp(DECODE_NFSTREAM, LINK_RAW,
               "4500003200010000"
               "40040000"
               "01010101"
               "02020202" IPV4_UDP);
    assert_udp(DECODE_NFSTREAM, LINK_RAW,
               "600000000032"
               "2940" ADDRESSES_6 IPV6_UDP);
}

static void some_extension_headers_are_walked(void **state) {
    (void)state;
    assert_int_equal(metered(LINK_RAW, "600000000012"
                                       "0040" ADDRESSES_6 "1100000000000000" UDP)
                         .source_port,
                     1234);
    struct packet packet = metered(LINK_RAW, "600000000016"
                                             "3340" ADDRESSES_6 "1101000000000000"
                                             "00000000" UDP);
    assert_int_equal(packet.protocol, 51); /* AH is not one of them */
    /* Three bytes of a fragment header stay counted as left, so that "no next header" behind it is still seen. */
    ignored(LINK_RAW,
            "600000000008"
            "2c40" ADDRESSES_6 "3b00000100001234",
            DECODE_ip_extension);
    ignored(LINK_RAW,
            "600000000008"
            "3b40" ADDRESSES_6 "0000000000000000",
            DECODE_ip_extension);
}

/* So many bytes of raw IP were captured: a UDP packet, of 100 bytes or with a payload of 100, in one of IPv4 if
 * `outer`. */
static enum decode_reason decode_size(size_t size, bool six, bool outer, struct packet *packet) {
    static uint8_t bytes[132000];
    uint8_t *ip = bytes + (outer ? 20 : 0);
    memset(bytes, 0, sizeof bytes);
    memcpy(bytes, "\x45\0\0\x78\0\0\0\0\x40\x04\0\0\x05\x05\x05\x05\x06\x06\x06\x06", 20);
    if (six)
        memcpy(ip,
               "\x60\0\0\0\0\x64\x11\x40\xfd\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\xfd\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2",
               40);
    else
        memcpy(ip, "\x45\0\0\x64\0\0\0\0\x40\x11\0\0\x0a\0\0\1\x0a\0\0\2", 20);
    memcpy(ip + (six ? 40 : 20), "\x13\x88\0\x35", 4);
    struct frame frame = {.bytes = bytes,
                          .captured_length = (uint32_t)size,
                          .wire_length = (uint32_t)size,
                          .link_type = LINK_RAW};
    struct decoder *decoder = decoder_create(&(struct decode_options){.dialect = DECODE_NFSTREAM});
    assert_non_null(decoder);
    enum decode_reason reason = decoder_decode(decoder, &frame, packet);
    decoder_destroy(decoder);
    return reason;
}

/* As NFStream 6.6.0 does with such captures: bytes from the metered header on are counted in 16 bits, and only from
 * there. */
static void captured_bytes_have_16_bits(void **state) {
    (void)state;
    static const struct {
        size_t size;
        bool six, outer, metered;
    } cases[] = {
        {65535, false, false, true},   {65536, false, false, false}, {65555, false, false, false},
        {65556, false, false, true},   {65636, false, false, true},  {131071, false, false, true},
        {131091, false, false, false}, {65535, true, false, true},   {65536, true, false, false},
        {65576, true, false, false},   {65675, true, false, false},  {65676, true, false, true},
        {65536, false, true, true},    {65555, false, true, true},   {65556, false, true, false},
        {65575, false, true, false},   {65576, false, true, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct packet packet;
        enum decode_reason reason = decode_size(cases[i].size, cases[i].six, cases[i].outer, &packet);
        assert_reason(reason, cases[i].metered ? DECODE_METERED : DECODE_ip_truncated);
        if (!cases[i].metered)
            continue;
        /* What lies beyond is read all the same. */
        assert_int_equal(packet.source_port, 5000);
        assert_int_equal(packet.destination_port, 53);
        assert_int_equal(packet.ip_captured, (uint16_t)(cases[i].size - (cases[i].outer ? 20 : 0)));
    }
}

/* Of a jumbogram (RFC 2675) nothing seems to be left behind a header at which the 16 bits begin anew: no extension
 * header is walked then, and NFStream 6.6.0 gives a flow of protocol 0. With a byte more the header is too short. */
static void a_jumbograms_extension_may_go_unseen(void **state) {
    (void)state;
    static uint8_t bytes[65536 + 42];
    memcpy(bytes, "\x60\0\0\0\0\0\0\xe3", 8);
    bytes[8] = bytes[24] = 0x22;
    bytes[40] = 58;
    struct frame frame = {.bytes = bytes, .captured_length = 65536 + 40, .link_type = LINK_RAW};
    struct decoder *decoder = decoder_create(&(struct decode_options){.dialect = DECODE_NFSTREAM});
    struct packet packet;
    assert_non_null(decoder);
    assert_reason(decoder_decode(decoder, &frame, &packet), DECODE_METERED);
    assert_int_equal(packet.protocol, 0);
    frame.captured_length += 2;
    assert_reason(decoder_decode(decoder, &frame, &packet), DECODE_ip_extension);
    decoder_destroy(decoder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(captured_bytes_have_16_bits),
        cmocka_unit_test(a_jumbograms_extension_may_go_unseen),
        cmocka_unit_test(the_trailer_counts_for_ndpi),
        cmocka_unit_test(ethernet_frames_are_recognized),
        cmocka_unit_test(there_is_no_whitelist_of_ethertypes),
        cmocka_unit_test(the_type_of_snap_is_read_backwards),
        cmocka_unit_test(other_link_types),
        cmocka_unit_test(wireless_headers_have_26_bytes),
        cmocka_unit_test(lengths_wrap_at_16_bits),
        cmocka_unit_test(a_cut_ipv4_packet_is_metered_a_cut_ipv6_packet_ignored),
        cmocka_unit_test(only_tcp_and_udp_of_full_length_have_ports),
        cmocka_unit_test(later_fragments_are_ignored),
        cmocka_unit_test(ip_in_ip_is_metered_inside),
        cmocka_unit_test(some_extension_headers_are_walked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
