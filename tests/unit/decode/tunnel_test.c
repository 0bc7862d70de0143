/* The tunnels that NFStream has, over IPv4 and IPv6. */
#include "decode/tunnel_frame.h"

#define GTP_U "0868"

static void gtp_u(void **state) {
    (void)state;
    assert_opened(GTP_U, "30ff001e00000001" IPV4_UDP, TUNNEL_GTP_U, 1);
    assert_opened(GTP_U, "30ff003200000001" IPV6_UDP, TUNNEL_GTP_U, 1);
    assert_opened(GTP_U,
                  "32ff002200000001"
                  "12340000" IPV4_UDP,
                  TUNNEL_GTP_U, 1); /* sequence number */
    assert_opened(GTP_U,
                  "34ff002a00000001"
                  "00000085"
                  "01100285"
                  "01100200" IPV4_UDP,
                  TUNNEL_GTP_U, 1);
    assert_closed(GTP_U, "3201000400000000"
                         "00000000");                  /* echo request */
    assert_closed(GTP_U, "50ff001e00000001" IPV4_UDP); /* version 2 */
    assert_closed(GTP_U, "30ff001e00000001"
                         "0200" IPV4_UDP);
    assert_malformed(GTP_U, "34ff002a00000001"
                            "00000085"
                            "00100285" IPV4_UDP);
    assert_malformed(GTP_U, "34ff002a00000001"
                            "00000085"
                            "ff100285" IPV4_UDP);
    assert_malformed(GTP_U, "32ff002a00000001"
                            "0000");
    assert_closed(GTP_U, "30ff001e00000001"
                         "45000000"); /* no header: the ends may know what it is */
}

#define TZSP "9090"

static void tzsp(void **state) {
    (void)state;
    assert_opened(TZSP,
                  "01000001"
                  "01" ETHERNET "0800" IPV4_UDP,
                  TUNNEL_TZSP, NO_KEY);
    assert_opened(TZSP,
                  "01000001"
                  "00"
                  "0a01c5"
                  "0b0102"
                  "01" ETHERNET "86dd" IPV6_UDP,
                  TUNNEL_TZSP, NO_KEY);
    assert_opened(TZSP,
                  "01000012"
                  "01"
                  "0801"
                  "0000" MAC_1 MAC_2 MAC_1 "1000"
                  "aaaa03000000"
                  "0800" IPV4_UDP,
                  TUNNEL_TZSP, NO_KEY);
    assert_opened(TZSP,
                  "01000004"
                  "01"
                  "ff030021" IPV4_UDP,
                  TUNNEL_TZSP, NO_KEY);
    assert_opened(TZSP,
                  "01000007"
                  "01" IPV6_UDP,
                  TUNNEL_TZSP, NO_KEY);
    assert_opened(TZSP,
                  "01000077"
                  "01"
                  "44000000"
                  "0c000000"
                  "00000000"
                  "0801"
                  "0000" MAC_1 MAC_2 MAC_1 "1000"
                  "aaaa03000000"
                  "0800" IPV4_UDP,
                  TUNNEL_TZSP, NO_KEY); /* Prism */
    assert_opened(TZSP,
                  "0100007f"
                  "01"
                  "80211001"
                  "0000000c"
                  "00000000"
                  "0801"
                  "0000" MAC_1 MAC_2 MAC_1 "1000"
                  "aaaa03000000"
                  "0800" IPV4_UDP,
                  TUNNEL_TZSP, NO_KEY); /* AVS */
}

static void tzsp_without_ip(void **state) {
    (void)state;
    assert_closed(TZSP, "01040001"
                        "01"); /* keep-alive */
    assert_closed(TZSP, "02000001"
                        "01" ETHERNET); /* version 2 */
    assert_closed(TZSP, "01000002"
                        "01" ETHERNET); /* token ring */
    assert_malformed(TZSP, "01000001"
                           "0a01c5");
    assert_malformed(TZSP, "01000001"
                           "0aff");
    assert_ignored(DECODE_NATIVE, LINK_RAW,
                   outer(OUTER_4, TZSP,
                         "01000001"
                         "01" ETHERNET "0806"
                         "00"),
                   DECODE_not_ip);
}

#define CAPWAP "147f"
#define WIFI(control)                       \
    control "0000" MAC_1 MAC_2 MAC_1 "1000" \
            "aaaa03000000"                  \
            "0800" IPV4_UDP

static void capwap(void **state) {
    (void)state;
    assert_opened(CAPWAP,
                  "00100300"
                  "00000000" WIFI("0801"),
                  TUNNEL_CAPWAP, NO_KEY);
    assert_opened(CAPWAP,
                  "00100300"
                  "00000000" WIFI("0108"),
                  TUNNEL_CAPWAP, NO_KEY); /* frame control swapped */
    assert_opened(CAPWAP,
                  "00200300"
                  "00000000"
                  "0000000000000000" WIFI("0801"),
                  TUNNEL_CAPWAP, NO_KEY);
    assert_opened(CAPWAP,
                  "00100200"
                  "00000000" ETHERNET "86dd" IPV6_UDP,
                  TUNNEL_CAPWAP, NO_KEY);
    assert_closed(CAPWAP, "01000000"
                          "16fefd00"); /* DTLS */
    assert_closed(CAPWAP, "00100308"
                          "00000000" WIFI("0801")); /* keep-alive */
    assert_closed(CAPWAP, "00100380"
                          "00010008" WIFI("0801")); /* later fragment */
    assert_malformed(CAPWAP, "00080300"
                             "00000000" WIFI("0801"));
    assert_malformed(CAPWAP, "00f80300"
                             "00000000");
}

static void tunnels_can_be_left_alone(void **state) {
    (void)state;
    struct packet packet;
    struct decoder *decoder = decoder_create(&(struct decode_options){.dialect = DECODE_NATIVE});
    const char *text = outer(OUTER_4, GTP_U, "30ff001e00000001" IPV4_UDP);
    assert_reason(decode_at(decoder, 1, LINK_RAW, text, &packet), DECODE_METERED);
    assert_int_equal(packet.tunnel, TUNNEL_NONE);
    assert_int_equal(packet.destination_port, 2152);
    decoder_destroy(decoder);
}

static void the_inner_macs_count(void **state) {
    (void)state;
    struct packet packet = assert_udp(DECODE_NATIVE, LINK_RAW,
                                      outer(OUTER_4, TZSP,
                                            "01000001"
                                            "01" ETHERNET "0800" IPV4_UDP));
    assert_true(packet.flags == PACKET_HAS_MAC);
    assert_memory_equal(packet.source_mac, "\2\0\0\0\0\1", 6);
}

static void nesting_has_a_limit(void **state) {
    (void)state;
    static char deep[8192] = "";
    for (int i = 0; i < 60; i++)
        hex_append(deep, sizeof deep,
                   "4500000000010000401174e701010101020202021111" GTP_U "00000000"
                   "30ff000000000001");
    assert_ignored(DECODE_NATIVE, LINK_RAW, hex_append(deep, sizeof deep, IPV4_UDP), DECODE_too_deep);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gtp_u),
        cmocka_unit_test(tzsp),
        cmocka_unit_test(tzsp_without_ip),
        cmocka_unit_test(capwap),
        cmocka_unit_test(tunnels_can_be_left_alone),
        cmocka_unit_test(the_inner_macs_count),
        cmocka_unit_test(nesting_has_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
