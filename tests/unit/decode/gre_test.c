/* GRE and what is built upon it: PPTP's version 1 and ERSPAN. */
#include "decode/tunnel_frame.h"

static void gre(void **state) {
    (void)state;
    assert_opened(GRE, "00000800" IPV4_UDP, TUNNEL_GRE, NO_KEY);
    assert_opened(GRE, "000086dd" IPV6_UDP, TUNNEL_GRE, NO_KEY);
    assert_opened(GRE, "800086dd12340000" IPV6_UDP, TUNNEL_GRE, NO_KEY); /* checksum */
    assert_opened(GRE, "20000800fffffffe" IPV4_UDP, TUNNEL_GRE, 0xfffffffe);
    assert_opened(GRE, "1000080000000009" IPV4_UDP, TUNNEL_GRE, NO_KEY); /* sequence number */
    assert_opened(GRE,
                  "b0000800aaaa0000"
                  "0000000000000009" IPV4_UDP,
                  TUNNEL_GRE, 0);
    /* The reserved bits that a receiver ignores. */
    assert_opened(GRE, "03f80800" IPV4_UDP, TUNNEL_GRE, NO_KEY);
}

static void gre_carries_more_than_ip(void **state) {
    (void)state;
    struct packet packet = assert_opened(GRE,
                                         "20006558"
                                         "00abcd07" ETHERNET "0800" IPV4_UDP,
                                         TUNNEL_GRE, 0xabcd07);
    assert_true(packet.flags == (PACKET_HAS_MAC | PACKET_HAS_TUNNEL_KEY));
    assert_memory_equal(packet.source_mac, "\2\0\0\0\0\1", 6);
    packet = assert_opened(GRE, "00006558" ETHERNET "88a800028100000386dd" IPV6_UDP, TUNNEL_GRE, NO_KEY);
    assert_int_equal(packet.vlan_id, 3);
    assert_opened(GRE, "00006558" ETHERNET "88470001004000018140" IPV4_UDP, TUNNEL_GRE, NO_KEY);
    assert_opened(GRE, "000088470001004000018140" IPV4_UDP, TUNNEL_GRE, NO_KEY); /* MPLS (RFC 4023) */
    assert_opened(GRE, "0000884800018140" IPV6_UDP, TUNNEL_GRE, NO_KEY);
}

static void gre_that_is_left_alone(void **state) {
    (void)state;
    assert_closed(GRE, "00000000");                         /* keep-alive */
    assert_closed(GRE, "0000200100010203" IPV4_UDP);        /* NHRP */
    assert_closed(GRE, "4000080000000000" IPV4_UDP);        /* routing: RFC 1701 */
    assert_closed(GRE, "08000800" IPV4_UDP);                /* strict source route */
    assert_closed(GRE, "00020800" IPV4_UDP);                /* version 2 */
    assert_closed(GRE, "00008847000181400000000012345678"); /* a pseudowire */
    assert_closed(GRE, "00008100000508060001080006040001"); /* ARP without Ethernet */
    assert_closed(GRE, "0000");                             /* too short by the outer packet's own account */
}

static void gre_that_is_damaged(void **state) {
    (void)state;
    assert_malformed(GRE, "2000080000");
    assert_malformed(GRE, "b000080000000000000000");
    assert_refused(GRE, "00000800", DECODE_ip_truncated);
    assert_refused(GRE, "0000080055", DECODE_ip_malformed);
    assert_refused(GRE,
                   "00006558" ETHERNET "0806"
                   "00010800",
                   DECODE_not_ip);
    assert_refused(GRE, "00006558" MAC_1, DECODE_link_truncated);
}

static void pptp(void **state) {
    (void)state;
    assert_opened(GRE,
                  "3001880b00220007"
                  "00000001"
                  "ff030021" IPV4_UDP,
                  TUNNEL_GRE, 7);
    assert_opened(GRE,
                  "3081880b0033fffe"
                  "00000001"
                  "00000009"
                  "57" IPV6_UDP,
                  TUNNEL_GRE, 0xfffe); /* acknowledgment, compressed protocol number */
    assert_closed(GRE, "2081880b00000007"
                       "00000009"); /* an acknowledgment alone */
    assert_closed(GRE, "3001880b00100007"
                       "00000001"
                       "ff03c0210101000e"); /* negotiation */
    assert_closed(GRE, "3001880b00100007"
                       "00000001"
                       "ff0300fd90011234"); /* encrypted */
    assert_closed(GRE, "3001080000220007"
                       "00000001" IPV4_UDP);
    assert_closed(GRE, "b001880b00220007"
                       "00000001"
                       "0021" IPV4_UDP);
    assert_malformed(GRE, "3001880b0022");
    assert_malformed(GRE, "3081880b00220007"
                          "00000001"
                          "0021");
}

static void erspan(void **state) {
    (void)state;
    struct packet packet = assert_opened(GRE,
                                         "100088be00000005"
                                         "1000ffff00000000" ETHERNET "0800" IPV4_UDP,
                                         TUNNEL_ERSPAN, 0x3ff);
    assert_int_equal(packet.vlan_id, 0);
    /* The VLAN is the frame's, unless the frame still has its tag. */
    packet = assert_opened(GRE,
                           "100088be00000005"
                           "1064000900012345" ETHERNET "86dd" IPV6_UDP,
                           TUNNEL_ERSPAN, 9);
    assert_int_equal(packet.vlan_id, 100);
    packet = assert_opened(GRE,
                           "100088be00000005"
                           "1064180900012345" ETHERNET "81000065"
                           "0800" IPV4_UDP,
                           TUNNEL_ERSPAN, 9);
    assert_int_equal(packet.vlan_id, 101);
    assert_opened(GRE, "000088be" ETHERNET "0800" IPV4_UDP, TUNNEL_ERSPAN, NO_KEY); /* type I */
    assert_closed(GRE, "100088be00000005"
                       "2000000900000000" ETHERNET "0800" IPV4_UDP);
    assert_malformed(GRE, "100088be0000");
    assert_malformed(GRE, "100088be00000005"
                          "10000009000000");
    assert_refused(GRE,
                   "100088be00000005"
                   "1000000900000000" ETHERNET "0806"
                   "00010800",
                   DECODE_not_ip);
}

static void erspan_iii(void **state) {
    (void)state;
    struct packet packet = assert_opened(GRE,
                                         "100022eb00000005"
                                         "2065000900000001"
                                         "00078014" ETHERNET "0800" IPV4_UDP,
                                         TUNNEL_ERSPAN, 9);
    assert_int_equal(packet.vlan_id, 101);
    assert_memory_equal(packet.source_mac, "\2\0\0\0\0\1", 6);
    assert_opened(GRE,
                  "000022eb"
                  "20001bff00000001"
                  "00000001"
                  "1400000000000007" ETHERNET "86dd" IPV6_UDP,
                  TUNNEL_ERSPAN, 0x3ff); /* no sequence number; a subheader of the platform */
    assert_opened(GRE,
                  "100022eb00000005"
                  "2000000900000001"
                  "00000800" IPV6_UDP,
                  TUNNEL_ERSPAN, 9); /* an IP packet without Ethernet */
    assert_closed(GRE, "100022eb00000005"
                       "1000000900000001"
                       "00000000" ETHERNET "0800" IPV4_UDP);
    assert_closed(GRE, "100022eb00000005"
                       "2000000900000001"
                       "00000400" IPV4_UDP); /* another kind of frame */
    assert_malformed(GRE, "100022eb00000005"
                          "2000000900000001"
                          "0000");
    assert_malformed(GRE, "100022eb00000005"
                          "2000000900000001"
                          "00000001"
                          "14000000000000");
}

static void wccp(void **state) {
    (void)state;
    assert_opened(GRE, "0000883e" IPV4_UDP, TUNNEL_GRE, NO_KEY); /* version 1 */
    assert_opened(GRE,
                  "0000883e"
                  "00000007" IPV4_UDP,
                  TUNNEL_GRE, NO_KEY);
    assert_opened(GRE,
                  "0000883e"
                  "40330007" IPV4_UDP,
                  TUNNEL_GRE, NO_KEY); /* alternative bucket */
    assert_opened(GRE,
                  "0000883e"
                  "80f00112" IPV6_UDP,
                  TUNNEL_GRE, NO_KEY); /* dynamic service */
    assert_opened(GRE,
                  "2000883e"
                  "00000042"
                  "60000000" IPV4_UDP,
                  TUNNEL_GRE, 0x42);
    assert_opened(GRE, "0000883e" IPV6_UDP, TUNNEL_GRE, NO_KEY);
    assert_closed(GRE, "0000883e"
                       "01000007" IPV4_UDP); /* a reserved bit */
    assert_closed(GRE, "0000883e"
                       "00000007"
                       "0000000000000000" IPV4_UDP);
    assert_malformed(GRE, "2000883e0000");
}

#define WIFI_HEADER "0000" MAC_1 MAC_2 MAC_1 "1000"
#define SNAP_IPV4  \
    "aaaa03000000" \
    "0800" IPV4_UDP

static void aruba(void **state) {
    (void)state;
    struct packet packet = assert_opened(GRE,
                                         "00008200"
                                         "0801" WIFI_HEADER SNAP_IPV4,
                                         TUNNEL_GRE, NO_KEY);
    assert_true(packet.flags & PACKET_HAS_MAC);
    assert_opened(GRE,
                  "00008370"
                  "8802" WIFI_HEADER "0000" SNAP_IPV4,
                  TUNNEL_GRE, NO_KEY);
    assert_opened(GRE,
                  "20008210"
                  "00000007"
                  "8803" WIFI_HEADER MAC_2 "0000" SNAP_IPV4,
                  TUNNEL_GRE, 7);
    assert_opened(GRE, "00008210" ETHERNET "86dd" IPV6_UDP, TUNNEL_GRE, NO_KEY); /* decrypted */
    assert_closed(GRE, "00008210"
                       "8841" WIFI_HEADER "0000" SNAP_IPV4); /* encrypted */
    assert_closed(GRE, "00008210" ETHERNET "0806"
                       "00010800");
    assert_closed(GRE, "00008210" ETHERNET "0800" IPV4_UDP "00");
    assert_closed(GRE, "00008201" ETHERNET "0800" IPV4_UDP);
    assert_closed(GRE, "00009000" ETHERNET "0800" IPV4_UDP);
    assert_malformed(GRE, "200082100000");
}

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

#define FIRST_PART(length, id) \
    "4500" length id "20004"   \
    "02f000001010101"          \
    "02020202"
#define LATER_PART(id)    \
    "4500001c" id "00024" \
    "02f000001010101"     \
    "02020202"            \
    "6162636465666768"

static void fragments_go_with_their_first(void **state) {
    (void)state;
    struct packet packet;
    /* Not looked into: all fragments are the outer packet's. */
    assert_reason(decode_at(decoder, 1, LINK_RAW,
                            FIRST_PART("0028", "1234") "0000883e000102030405060708090a0b0c0d0e0f", &packet),
                  DECODE_METERED);
    assert_int_equal(packet.protocol, 47);
    assert_reason(decode_at(decoder, 1, LINK_RAW, LATER_PART("1234"), &packet), DECODE_METERED);
    assert_int_equal(packet.protocol, 47);
    assert_true(packet.flags == PACKET_FRAGMENT);
    /* Looked into: the rest has no flow. */
    assert_reason(decode_at(decoder, 1, LINK_RAW, FIRST_PART("0036", "1235") "00000800" IPV4_UDP, &packet),
                  DECODE_METERED);
    assert_int_equal(packet.tunnel, TUNNEL_GRE);
    assert_reason(decode_at(decoder, 1, LINK_RAW, LATER_PART("1235"), &packet), DECODE_fragment_unknown);
}

static void gre_can_be_left_alone(void **state) {
    (void)state;
    struct packet packet;
    struct decoder *plain = decoder_create(&(struct decode_options){.dialect = DECODE_NATIVE});
    assert_reason(decode_at(plain, 1, LINK_RAW, outer(OUTER_4, GRE, "00000800" IPV4_UDP), &packet),
                  DECODE_METERED);
    assert_int_equal(packet.protocol, 47);
    assert_reason(decode_at(plain, 1, LINK_RAW, LATER_PART("1235"), &packet), DECODE_METERED);
    decoder_destroy(plain);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gre),
        cmocka_unit_test(gre_carries_more_than_ip),
        cmocka_unit_test(gre_that_is_left_alone),
        cmocka_unit_test(gre_that_is_damaged),
        cmocka_unit_test(pptp),
        cmocka_unit_test(erspan),
        cmocka_unit_test(erspan_iii),
        cmocka_unit_test(wccp),
        cmocka_unit_test(aruba),
        cmocka_unit_test_setup_teardown(fragments_go_with_their_first, make_decoder, destroy_decoder),
        cmocka_unit_test(gre_can_be_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
