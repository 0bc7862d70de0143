/* Tunnels as NFStream opens them, and where it leaves the outer packet. */
#include "decode/hex_frame.h"

static struct packet metered(const char *text) {
    struct packet packet;
    assert_reason(decode_as(DECODE_NFSTREAM, LINK_RAW, text, &packet), DECODE_METERED);
    return packet;
}

static void ignored(const char *text, enum decode_reason reason) {
    assert_ignored(DECODE_NFSTREAM, LINK_RAW, text, reason);
}

#define OUTER(length, port)  \
    "4500" length "00010000" \
    "40110000"               \
    "01010101"               \
    "02020202"               \
    "1111" port "00000000"

static void tunnels_over_ipv4(void **state) {
    (void)state;
    assert_int_equal(
        assert_udp(DECODE_NFSTREAM, LINK_RAW, OUTER("0042", "0868") "30ff001e00000001" IPV4_UDP).tunnel,
        TUNNEL_GTP_U);
    /* One tag of TZSP is skipped, its header is not: the end tag makes one byte. */
    assert_int_equal(assert_udp(DECODE_NFSTREAM, LINK_ETHERNET,
                                ETHERNET "0800" OUTER("004f", "9090") "01000001"
                                                                      "01" ETHERNET "0800" IPV4_UDP)
                         .tunnel,
                     TUNNEL_TZSP);
    struct packet packet = assert_udp(DECODE_NFSTREAM, LINK_RAW,
                                      OUTER("0062", "147f") "0010030000000000"
                                                            "8801" WIFI_DATA LLC_SNAP IPV4_UDP);
    assert_int_equal(packet.tunnel, TUNNEL_CAPWAP);
    assert_int_equal(packet.source_mac[5], 2);
    assert_int_equal(packet.destination_mac[5], 3);
}

static void a_closed_tzsp_keeps_its_number(void **state) {
    (void)state;
    struct packet packet = metered(OUTER("0020", "9090") "01040001");
    assert_int_equal(packet.tunnel, TUNNEL_TZSP);
    assert_int_equal(packet.destination_port, 37008);
}

static void tunnels_over_ipv6_are_not_seen(void **state) {
    (void)state;
    struct packet packet = metered("60000000002e"
                                   "1140" ADDRESSES_6 "1111086800000000"
                                   "30ff001e00000001" IPV4_UDP);
    assert_int_equal(packet.tunnel, TUNNEL_NONE);
    assert_int_equal(packet.destination_port, 2152);
}

static void stays_outside(const char *text) {
    struct packet packet = metered(text);
    assert_int_equal(packet.tunnel, TUNNEL_NONE);
    assert_int_equal(packet.source_port, 0x1111);
}

static void opens_to_gtp_u(const char *text) {
    assert_int_equal(assert_udp(DECODE_NFSTREAM, LINK_RAW, text).tunnel, TUNNEL_GTP_U);
}

#define GTP_U(flags) OUTER("0060", "0868") flags "ff001e00000001"

static void extensions_of_gtp_u_are_walked(void **state) {
    (void)state;
    opens_to_gtp_u(GTP_U("32") "00070000" IPV4_UDP);
    opens_to_gtp_u(GTP_U("34") "00000085"
                               "01000000" IPV4_UDP);
    opens_to_gtp_u(GTP_U("34") "00000085"
                               "01000085"
                               "0200000000000000" IPV4_UDP);
    opens_to_gtp_u(GTP_U("30") IPV6_UDP);
    /* One without a length, one that is longer than the frame, none that are there. */
    stays_outside(GTP_U("34") "00000085"
                              "00000000" IPV4_UDP);
    stays_outside(GTP_U("34") "00000085"
                              "ff000000" IPV4_UDP);
    stays_outside(GTP_U("34") "00000085");
}

static void what_is_no_data_of_gtp_u_stays_outside(void **state) {
    (void)state;
    stays_outside(GTP_U("50") IPV4_UDP);
    stays_outside(OUTER("0060", "0868") "30fe001e00000001" IPV4_UDP);
    stays_outside(GTP_U("32") "00");
}

static void what_gtp_u_carries_must_be_ip(void **state) {
    (void)state;
    ignored(GTP_U("30") "7500001e00010000", DECODE_not_ip);
    ignored(GTP_U("30") "4500001e00010000", DECODE_ip_truncated);
    ignored(GTP_U("30") "60000000000a1140", DECODE_ip_truncated);
}

static void a_cut_tzsp_is_malformed(void **state) {
    (void)state;
    ignored(OUTER("001e", "9090") "0100", DECODE_tunnel_malformed);
    ignored(OUTER("0021", "9090") "01000001"
                                  "0a",
            DECODE_tunnel_malformed);
    ignored(OUTER("0022", "9090") "01000001"
                                  "0a08",
            DECODE_tunnel_malformed);
    assert_int_equal(metered(OUTER("0020", "9090") "01000001").tunnel, TUNNEL_TZSP);
}

static void a_cut_or_another_capwap_stays_outside(void **state) {
    (void)state;
    stays_outside(OUTER("001d", "147f") "00");
    stays_outside(OUTER("0024", "147f") "0010030000000000");
    stays_outside(OUTER("0062", "147f") "0110030000000000"
                                        "8801" WIFI_DATA LLC_SNAP IPV4_UDP);
}

static void a_cut_header_of_udp_has_no_ports(void **state) {
    (void)state;
    ignored("4600002000010000"
            "40110000"
            "01010101"
            "02020202"
            "01010101"
            "11110868",
            DECODE_transport_truncated);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tunnels_over_ipv4),
        cmocka_unit_test(a_closed_tzsp_keeps_its_number),
        cmocka_unit_test(tunnels_over_ipv6_are_not_seen),
        cmocka_unit_test(extensions_of_gtp_u_are_walked),
        cmocka_unit_test(what_is_no_data_of_gtp_u_stays_outside),
        cmocka_unit_test(what_gtp_u_carries_must_be_ip),
        cmocka_unit_test(a_cut_tzsp_is_malformed),
        cmocka_unit_test(a_cut_or_another_capwap_stays_outside),
        cmocka_unit_test(a_cut_header_of_udp_has_no_ports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
