/* Virtual networks over UDP: VXLAN, VXLAN-GPE, Geneve, and L2TP. */
#include "decode/tunnel_frame.h"

#define VXLAN "12b5"

static void vxlan(void **state) {
    (void)state;
    struct packet packet =
        assert_opened(VXLAN, "08000000fffffe00" ETHERNET "0800" IPV4_UDP, TUNNEL_VXLAN, 0xfffffe);
    assert_true(packet.flags == (PACKET_HAS_MAC | PACKET_HAS_TUNNEL_KEY));
    assert_memory_equal(packet.source_mac, "\2\0\0\0\0\1", 6);
    assert_opened(VXLAN, "0800000000000000" ETHERNET "86dd" IPV6_UDP, TUNNEL_VXLAN, 0);
    assert_opened(VXLAN, "8800123400000500" ETHERNET "0800" IPV4_UDP, TUNNEL_VXLAN, 5); /* group policy */
    packet = assert_opened(VXLAN,
                           "0800000000000500" ETHERNET "810003e9"
                           "884700018140" IPV4_UDP,
                           TUNNEL_VXLAN, 5);
    assert_int_equal(packet.vlan_id, 1001);
    assert_closed(VXLAN, "0000000000000500" ETHERNET "0800" IPV4_UDP); /* no VNI */
    assert_closed(VXLAN, "4800000000000500" ETHERNET "0800" IPV4_UDP);
    assert_closed(VXLAN, "08000000000005");
    assert_refused(VXLAN,
                   "0800000000000500" ETHERNET "0806"
                   "00010800",
                   DECODE_not_ip);
    assert_refused(VXLAN, "0800000000000500" MAC_1, DECODE_link_truncated);
    assert_refused(VXLAN, "0800000000000500" ETHERNET "08004500", DECODE_ip_truncated);
}

static void segments_in_one_are_so_inside_too(void **state) {
    (void)state;
    char *text = strdup(outer(OUTER_4, VXLAN, "0800000000000500" ETHERNET "0800" IPV4_UDP));
    assert_non_null(text);
    memcpy(text + 4, "0000", 4); /* the outer packet's total length */
    struct decoder *decoder = decoder_create(&(struct decode_options){.decode_tunnels = true});
    struct packet packet;
    assert_reason(decode_at(decoder, 1, LINK_RAW, text, &packet), DECODE_METERED);
    assert_tunnel(&packet, TUNNEL_VXLAN, 5);
    assert_true(packet.flags & PACKET_OFFLOAD);
    decoder_destroy(decoder);
    free(text);
}

static void vxlan_on_other_ports(void **state) {
    (void)state;
    static const char payload[] = "0800000000000700" ETHERNET "0800" IPV4_UDP;
    assert_opened("2118", payload, TUNNEL_VXLAN, 7); /* 8472, Linux' first one */
    assert_closed("2119", payload);
    /* What a client on that port may ask: a datagram of DNS with an identifier of 0x0800. */
    assert_closed("2118", "08000100000100000000000003777777076578616d706c6503636f6d0000010001");
    assert_closed("2118", "0801000000000700" ETHERNET "0800" IPV4_UDP);
    assert_closed("2118", "0800000000000701" ETHERNET "0800" IPV4_UDP);
    struct tunnel_ports ports;
    assert_int_equal(tunnel_ports_set(&ports, (const char *const[]){"vxlan=8473"}, 1, NULL), 0);
    struct decoder *decoder =
        decoder_create(&(struct decode_options){.decode_tunnels = true, .tunnel_ports = &ports});
    struct packet packet;
    assert_reason(decode_at(decoder, 1, LINK_RAW, outer(OUTER_4, "2119", payload), &packet), DECODE_METERED);
    assert_tunnel(&packet, TUNNEL_VXLAN, 7);
    assert_reason(decode_at(decoder, 1, LINK_RAW, outer(OUTER_6, "2118", payload), &packet), DECODE_METERED);
    assert_tunnel(&packet, TUNNEL_NONE, NO_KEY);
    decoder_destroy(decoder);
}

#define VXLAN_GPE "12b6"

static void vxlan_gpe(void **state) {
    (void)state;
    assert_opened(VXLAN_GPE, "0c00000100000500" IPV4_UDP, TUNNEL_VXLAN, 5);
    assert_opened(VXLAN_GPE, "0c00000200000500" IPV6_UDP, TUNNEL_VXLAN, 5);
    assert_opened(VXLAN_GPE, "0c00000300000500" ETHERNET "86dd" IPV6_UDP, TUNNEL_VXLAN, 5);
    assert_opened(VXLAN_GPE, "0800000000000500" ETHERNET "0800" IPV4_UDP, TUNNEL_VXLAN, 5);
    assert_opened(VXLAN_GPE,
                  "0c00000500000500"
                  "00010140" IPV6_UDP,
                  TUNNEL_VXLAN, 5);
    assert_opened(VXLAN_GPE,
                  "0c00000400000500"
                  "0fc2020100002a05" IPV4_UDP,
                  TUNNEL_VXLAN, 5); /* NSH */
    assert_opened(VXLAN_GPE,
                  "0c00000400000500"
                  "0fc2020300002a05" ETHERNET "0800" IPV4_UDP,
                  TUNNEL_VXLAN, 5);
    assert_closed(VXLAN_GPE, "0c00000400000500"
                             "4fc2020100002a05" IPV4_UDP);
    assert_closed(VXLAN_GPE, "0c00000600000500" IPV4_UDP);
    assert_closed(VXLAN_GPE, "0c00000100000501" IPV4_UDP);
    assert_closed(VXLAN_GPE, "0c00000000000500" IPV4_UDP);
    assert_closed(VXLAN_GPE, "1c00000100000500" IPV4_UDP); /* version 1 */
    assert_closed(VXLAN_GPE, "0d00000100000500" IPV4_UDP); /* management */
    assert_closed(VXLAN_GPE, "0400000100000500" IPV4_UDP);
}

#define GENEVE "17c1"

static void geneve(void **state) {
    (void)state;
    assert_opened(GENEVE, "00006558fffffe00" ETHERNET "0800" IPV4_UDP, TUNNEL_GENEVE, 0xfffffe);
    assert_opened(GENEVE, "000086dd00000500" IPV6_UDP, TUNNEL_GENEVE, 5);
    assert_opened(GENEVE,
                  "0240080000000000"
                  "0102800100000007" IPV4_UDP,
                  TUNNEL_GENEVE, 0); /* a critical option */
    assert_opened(GENEVE,
                  "0000884700000500"
                  "00018140" IPV4_UDP,
                  TUNNEL_GENEVE, 5);
    assert_closed(GENEVE, "4000080000000500" IPV4_UDP); /* version 1 */
    assert_closed(GENEVE, "0080080000000500" IPV4_UDP); /* control */
    assert_closed(GENEVE, "0000123400000500" IPV4_UDP);
    assert_closed(GENEVE, "00000800000005");
    assert_malformed(GENEVE, "0340080000000500"
                             "0102800100000007");
    assert_refused(GENEVE,
                   "0000655800000500" ETHERNET "0806"
                   "00010800",
                   DECODE_not_ip);
}

#define L2TP "06a5"

static void l2tp(void **state) {
    (void)state;
    assert_opened(L2TP,
                  "0002000a000b"
                  "ff030021" IPV4_UDP,
                  TUNNEL_L2TP, 0x000a000b);
    assert_opened(L2TP,
                  "4002003efffe0001"
                  "0057" IPV6_UDP,
                  TUNNEL_L2TP, 0xfffe0001); /* length */
    assert_opened(L2TP,
                  "4a02003efffe0001"
                  "00010002"
                  "0003"
                  "aabbcc"
                  "21" IPV4_UDP,
                  TUNNEL_L2TP, 0xfffe0001); /* all of it; compressed protocol number */
    assert_opened(L2TP,
                  "0202000a000b0000"
                  "ff030281"
                  "00018140" IPV4_UDP,
                  TUNNEL_L2TP, 0x000a000b);
    assert_closed(L2TP, "c802000c0001000000000000"); /* control */
    assert_opened(L2TP,
                  "0003000000000001"
                  "ff030021" IPV4_UDP,
                  TUNNEL_L2TP, 1); /* version 3 */
    assert_closed(L2TP, "0002000a000b"
                        "ff03c0210101000e"); /* negotiation */
    assert_closed(L2TP, "0002000a");
    assert_malformed(L2TP, "4a02003efffe0001"
                           "0001");
    assert_malformed(L2TP, "40020007fffe0001"
                           "0021" IPV4_UDP);
    assert_malformed(L2TP, "0202000a000b0064"
                           "0021" IPV4_UDP);
    assert_refused(L2TP,
                   "0002000a000b"
                   "0021"
                   "4500",
                   DECODE_ip_truncated);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(segments_in_one_are_so_inside_too),
        cmocka_unit_test(vxlan),
        cmocka_unit_test(vxlan_on_other_ports),
        cmocka_unit_test(vxlan_gpe),
        cmocka_unit_test(geneve),
        cmocka_unit_test(l2tp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
