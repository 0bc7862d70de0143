#include "decode/hex_frame.h"

static void assert_native_udp(int link_type, const char *text) {
    assert_udp(DECODE_NATIVE, link_type, text);
}

static void ethernet(void **state) {
    (void)state;
    struct packet packet = assert_udp(DECODE_NATIVE, LINK_ETHERNET, ETHERNET "0800" IPV4_UDP);
    assert_true(packet.flags == PACKET_HAS_MAC);
    assert_memory_equal(packet.source_mac, "\2\0\0\0\0\1", 6);
    assert_memory_equal(packet.destination_mac, "\2\0\0\0\0\2", 6);
    assert_int_equal(packet.vlan_id, 0);
    assert_int_equal(packet.tunnel, TUNNEL_NONE);
    assert_native_udp(LINK_ETHERNET, ETHERNET "86dd" IPV6_UDP);
    assert_ignored(DECODE_NATIVE, LINK_ETHERNET,
                   ETHERNET "0806"
                            "0001080006040001",
                   DECODE_not_ip);
    assert_every_cut_refused(LINK_ETHERNET, ETHERNET "0800" IPV4_UDP, 34, DECODE_link_truncated,
                             DECODE_ip_truncated);
}

static void the_trailer_is_not_seen(void **state) {
    (void)state;
    struct packet packet;
    const char *text = ETHERNET "0800" IPV4_UDP "00000000"
                                "00000000";
    assert_reason(decode_native(LINK_ETHERNET, text, &packet), DECODE_METERED);
    assert_int_equal(packet.ip_captured, 30);
    assert_int_equal(packet.size[ACCOUNT_RAW], 52);
    assert_int_equal(packet.size[ACCOUNT_PAYLOAD], 2);
}

static void vlan_tags(void **state) {
    (void)state;
    assert_int_equal(assert_udp(DECODE_NATIVE, LINK_ETHERNET,
                                ETHERNET "81006007"
                                         "0800" IPV4_UDP)
                         .vlan_id,
                     7);
    /* QinQ: the innermost tag counts. */
    assert_int_equal(assert_udp(DECODE_NATIVE, LINK_ETHERNET,
                                ETHERNET "88a80005"
                                         "81000fff"
                                         "86dd" IPV6_UDP)
                         .vlan_id,
                     4095);
    assert_int_equal(assert_udp(DECODE_NATIVE, LINK_ETHERNET,
                                ETHERNET "91000005"
                                         "81000006"
                                         "0800" IPV4_UDP)
                         .vlan_id,
                     6);
    /* A length behind a tag: LLC and SNAP. */
    assert_native_udp(LINK_ETHERNET, ETHERNET "81000005"
                                              "0026"
                                              "aaaa03000000"
                                              "0800" IPV4_UDP);
    assert_ignored(DECODE_NATIVE, LINK_ETHERNET,
                   ETHERNET "8100"
                            "0005"
                            "08",
                   DECODE_link_truncated);
}

static void tags_without_end_are_too_deep(void **state) {
    (void)state;
    char text[4096] = ETHERNET;
    for (int i = 0; i < 200; i++)
        hex_append(text, sizeof text, "81000001");
    hex_append(text, sizeof text, "0800" IPV4_UDP);
    assert_ignored(DECODE_NATIVE, LINK_ETHERNET, text, DECODE_too_deep);
    assert_ignored(DECODE_NFSTREAM, LINK_ETHERNET, text, DECODE_too_deep);
}

static void mpls_labels(void **state) {
    (void)state;
    assert_native_udp(LINK_ETHERNET, ETHERNET "8847"
                                              "00010040"
                                              "00020140" IPV4_UDP);
    assert_native_udp(LINK_ETHERNET, ETHERNET "8848"
                                              "00010140" IPV6_UDP);
    assert_native_udp(LINK_ETHERNET, ETHERNET "81000001"
                                              "8847"
                                              "00010140" IPV6_UDP);
    assert_ignored(DECODE_NATIVE, LINK_ETHERNET,
                   ETHERNET "8847"
                            "00010140"
                            "00000000" MAC_1,
                   DECODE_not_ip);
    assert_ignored(DECODE_NATIVE, LINK_ETHERNET,
                   ETHERNET "8847"
                            "00010040",
                   DECODE_link_truncated);
}

static void pppoe_sessions(void **state) {
    (void)state;
    assert_native_udp(LINK_ETHERNET, ETHERNET "8864"
                                              "110000010020"
                                              "0021" IPV4_UDP);
    assert_native_udp(LINK_ETHERNET, ETHERNET "8864"
                                              "110000010034"
                                              "0057" IPV6_UDP);
    assert_native_udp(LINK_PPP_ETHER, "110000010020"
                                      "0021" IPV4_UDP);
    assert_ignored(DECODE_NATIVE, LINK_ETHERNET,
                   ETHERNET "8864"
                            "110000010010"
                            "c021"
                            "0101",
                   DECODE_not_ip);
    assert_ignored(DECODE_NATIVE, LINK_ETHERNET,
                   ETHERNET "8863"
                            "110000010000",
                   DECODE_not_ip);
    assert_ignored(DECODE_NATIVE, LINK_ETHERNET,
                   ETHERNET "8864"
                            "1100000100",
                   DECODE_link_truncated);
}

static void llc(void **state) {
    (void)state;
    assert_native_udp(LINK_ETHERNET, ETHERNET "0026"
                                              "aaaa03000000"
                                              "0800" IPV4_UDP);
    assert_native_udp(LINK_ETHERNET, ETHERNET "0026"
                                              "aaaa030000f8"
                                              "0800" IPV4_UDP);
    assert_native_udp(LINK_ETHERNET, ETHERNET "0021"
                                              "060603" IPV4_UDP);
    assert_ignored(DECODE_NATIVE, LINK_ETHERNET,
                   ETHERNET "0026"
                            "424203000000"
                            "0000",
                   DECODE_not_ip);
    assert_ignored(DECODE_NATIVE, LINK_ETHERNET,
                   ETHERNET "0026"
                            "aaaa0300000c"
                            "2000",
                   DECODE_not_ip);
    assert_ignored(DECODE_NATIVE, LINK_ETHERNET,
                   ETHERNET "0026"
                            "aaaa030000",
                   DECODE_link_truncated);
    assert_ignored(DECODE_NATIVE, LINK_ETHERNET,
                   ETHERNET "0026"
                            "aaaa03000000"
                            "0026"
                            "aaaa03",
                   DECODE_not_ip);
}

static void raw_ip(void **state) {
    (void)state;
    static const int types[] = {LINK_RAW, LINK_RAW_OPENBSD, LINK_RAW_FILE};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        assert_false(assert_udp(DECODE_NATIVE, types[i], IPV4_UDP).flags & PACKET_HAS_MAC);
        assert_native_udp(types[i], IPV6_UDP);
    }
    assert_native_udp(LINK_IPV4, IPV4_UDP);
    assert_native_udp(LINK_IPV6, IPV6_UDP);
    assert_ignored(DECODE_NATIVE, LINK_RAW, "50", DECODE_ip_malformed);
    assert_ignored(DECODE_NATIVE, LINK_RAW, "", DECODE_ip_truncated);
}

static void loopback(void **state) {
    (void)state;
    static const char *const ipv6_families[] = {"0000000a", "0000001e", "18000000", "1c000000", "17000000"};
    assert_native_udp(LINK_NULL, "02000000" IPV4_UDP);
    assert_native_udp(LINK_NULL, "00000002" IPV4_UDP);
    assert_native_udp(LINK_LOOP, "00000002" IPV4_UDP);
    for (size_t i = 0; i < sizeof ipv6_families / sizeof *ipv6_families; i++) {
        char text[256] = "";
        hex_append(text, sizeof text, ipv6_families[i]);
        assert_native_udp(LINK_NULL, hex_append(text, sizeof text, IPV6_UDP));
    }
    assert_ignored(DECODE_NATIVE, LINK_NULL, "07000000" IPV4_UDP, DECODE_not_ip);
    assert_ignored(DECODE_NATIVE, LINK_NULL, "020000", DECODE_link_truncated);
}

static void linux_cooked(void **state) {
    (void)state;
    struct packet packet = assert_udp(DECODE_NATIVE, LINK_LINUX_SLL,
                                      "0000"
                                      "0001"
                                      "0006" MAC_1 "0000"
                                      "0800" IPV4_UDP);
    assert_false(packet.flags & PACKET_HAS_MAC);
    assert_native_udp(LINK_LINUX_SLL, "0000"
                                      "0001"
                                      "0006" MAC_1 "0000"
                                      "8100"
                                      "0003"
                                      "86dd" IPV6_UDP);
    assert_native_udp(LINK_LINUX_SLL, "0000"
                                      "0001"
                                      "0006" MAC_1 "0000"
                                      "0004"
                                      "aaaa03000000"
                                      "0800" IPV4_UDP);
    assert_native_udp(LINK_LINUX_SLL2, "0800"
                                       "0000"
                                       "00000002"
                                       "0001"
                                       "00"
                                       "06" MAC_1 "0000" IPV4_UDP);
    assert_native_udp(LINK_LINUX_SLL2, "86dd"
                                       "0000"
                                       "00000002"
                                       "0001"
                                       "00"
                                       "06" MAC_1 "0000" IPV6_UDP);
    assert_ignored(DECODE_NATIVE, LINK_LINUX_SLL2,
                   "0806"
                   "0000"
                   "00000002"
                   "0001"
                   "00"
                   "06" MAC_1 "0000",
                   DECODE_not_ip);
    assert_ignored(DECODE_NATIVE, LINK_LINUX_SLL2,
                   "0800"
                   "0000"
                   "00000002",
                   DECODE_link_truncated);
}

static void ppp_and_hdlc(void **state) {
    (void)state;
    static const int types[] = {LINK_PPP, LINK_PPP_SERIAL};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        assert_native_udp(types[i], "ff03"
                                    "0021" IPV4_UDP);
        assert_native_udp(types[i], "0057" IPV6_UDP);
        assert_native_udp(types[i], "21" IPV4_UDP);
        assert_native_udp(types[i], "0281"
                                    "00010140" IPV4_UDP);
        assert_native_udp(types[i], "0f00"
                                    "0800" IPV4_UDP);
        assert_ignored(DECODE_NATIVE, types[i],
                       "ff03"
                       "c021"
                       "0101",
                       DECODE_not_ip);
        assert_ignored(DECODE_NATIVE, types[i],
                       "ff03"
                       "00",
                       DECODE_link_truncated);
    }
    assert_native_udp(LINK_C_HDLC, "8f00"
                                   "86dd" IPV6_UDP);
    assert_ignored(DECODE_NATIVE, LINK_C_HDLC,
                   "8f00"
                   "8035"
                   "00000000",
                   DECODE_not_ip);
}

/* The parts of an 802.11 data frame. */
#define MAC_4 "020000000004"
#define THREE "0000" MAC_1 MAC_2 MAC_3 "1000"
#define SNAP_IPV4  \
    "aaaa03000000" \
    "0800" IPV4_UDP
/* Radiotap with the field "flags" alone, and with TSFT before it. */
#define RADIOTAP(flags) \
    "00000900"          \
    "02000000" flags
#define RADIOTAP_TSFT(flags) \
    "00001100"               \
    "03000000"               \
    "0000000000000000" flags

static void assert_addresses(const char *text, int source, int destination) {
    struct packet packet = assert_udp(DECODE_NATIVE, LINK_IEEE802_11, text);
    assert_true(packet.flags & PACKET_HAS_MAC);
    assert_int_equal(packet.source_mac[5], source);
    assert_int_equal(packet.destination_mac[5], destination);
}

static void wireless(void **state) {
    (void)state;
    assert_addresses("0800" THREE SNAP_IPV4, 2, 1);
    assert_addresses("0801" THREE SNAP_IPV4, 2, 3);
    assert_addresses("0802" THREE SNAP_IPV4, 3, 1);
    assert_addresses("0803" THREE MAC_4 SNAP_IPV4, 4, 3);
    assert_addresses("8801" THREE "0000" SNAP_IPV4, 2, 3);
    assert_addresses("8803" THREE MAC_4 "0000" SNAP_IPV4, 4, 3);
    assert_addresses("8881" THREE "0000"
                     "00000000" SNAP_IPV4,
                     2, 3);
    assert_ignored(DECODE_NATIVE, LINK_IEEE802_11, "8000" THREE SNAP_IPV4, DECODE_not_ip); /* beacon */
    assert_ignored(DECODE_NATIVE, LINK_IEEE802_11, "4801" THREE SNAP_IPV4, DECODE_not_ip); /* null */
    assert_ignored(DECODE_NATIVE, LINK_IEEE802_11, "0841" THREE SNAP_IPV4, DECODE_not_ip); /* encrypted */
    assert_every_cut_refused(LINK_IEEE802_11, "8803" THREE MAC_4 "0000" SNAP_IPV4, 60, DECODE_link_truncated,
                             DECODE_ip_truncated);
}

static void radiotap(void **state) {
    (void)state;
    assert_native_udp(LINK_IEEE802_11_RADIO, RADIOTAP("00") "0801" THREE SNAP_IPV4);
    assert_native_udp(LINK_IEEE802_11_RADIO, RADIOTAP("20") "8801" THREE "0000"
                                                            "0000" SNAP_IPV4);
    assert_native_udp(LINK_IEEE802_11_RADIO, RADIOTAP_TSFT("20") "8801" THREE "0000"
                                                                 "0000" SNAP_IPV4);
    /* A second word of presence bits moves the fields. */
    assert_native_udp(LINK_IEEE802_11_RADIO, "00000d00"
                                             "02000080"
                                             "00000000"
                                             "20"
                                             "8801" THREE "0000"
                                             "0000" SNAP_IPV4);
    assert_ignored(DECODE_NATIVE, LINK_IEEE802_11_RADIO, RADIOTAP("40") "0801" THREE SNAP_IPV4,
                   DECODE_link_damaged);
    assert_ignored(DECODE_NATIVE, LINK_IEEE802_11_RADIO, RADIOTAP_TSFT("40") "0801" THREE SNAP_IPV4,
                   DECODE_link_damaged);
    assert_ignored(DECODE_NATIVE, LINK_IEEE802_11_RADIO,
                   "0000ff00"
                   "02000000"
                   "00",
                   DECODE_link_truncated);
    assert_ignored(DECODE_NATIVE, LINK_IEEE802_11_RADIO,
                   "00000000"
                   "02000000"
                   "00",
                   DECODE_link_truncated);
    assert_ignored(DECODE_NATIVE, LINK_IEEE802_11_RADIO,
                   "00000800"
                   "020000ff",
                   DECODE_link_truncated);
}

static void unknown_link_types(void **state) {
    (void)state;
    assert_ignored(DECODE_NATIVE, 147, IPV4_UDP, DECODE_link_type);
    assert_ignored(DECODE_NFSTREAM, 147, IPV4_UDP, DECODE_link_type);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ethernet),     cmocka_unit_test(the_trailer_is_not_seen),
        cmocka_unit_test(vlan_tags),    cmocka_unit_test(tags_without_end_are_too_deep),
        cmocka_unit_test(mpls_labels),  cmocka_unit_test(pppoe_sessions),
        cmocka_unit_test(llc),          cmocka_unit_test(raw_ip),
        cmocka_unit_test(loopback),     cmocka_unit_test(linux_cooked),
        cmocka_unit_test(ppp_and_hdlc), cmocka_unit_test(wireless),
        cmocka_unit_test(radiotap),     cmocka_unit_test(unknown_link_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
