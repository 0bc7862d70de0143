/* Tunnels whose own header proves little: what they carry must be IP that fills the payload. */
#include "decode/tunnel_frame.h"

#define GUE "17c0"

static void gue(void **state) {
    (void)state;
    assert_opened(GUE, "00040000" IPV4_UDP, TUNNEL_GUE, NO_KEY);
    assert_opened(GUE, "00290000" IPV6_UDP, TUNNEL_GUE, NO_KEY);
    assert_opened(GUE,
                  "02048000"
                  "1122334455667788" IPV4_UDP,
                  TUNNEL_GUE, NO_KEY); /* extensions */
    assert_opened(GUE,
                  "00890000"
                  "00010140" IPV4_UDP,
                  TUNNEL_GUE, NO_KEY); /* MPLS */
    assert_opened(GUE, "008f0000" ETHERNET "86dd" IPV6_UDP, TUNNEL_GUE, NO_KEY);
    assert_opened(GUE, IPV4_UDP, TUNNEL_GUE, NO_KEY); /* variant 1 */
    assert_opened(GUE, IPV6_UDP, TUNNEL_GUE, NO_KEY);
    /* GRE in it is a tunnel of its own. */
    assert_opened(GUE,
                  "002f0000"
                  "20000800"
                  "00000007" IPV4_UDP,
                  TUNNEL_GRE, 7);
    assert_opened(GUE,
                  "002f0000"
                  "00006558" ETHERNET "0800" IPV4_UDP,
                  TUNNEL_GRE, NO_KEY);
    assert_closed(GUE, "002f0000"
                       "00001234" IPV4_UDP);
    assert_closed(GUE, "20040000" IPV4_UDP);      /* control */
    assert_closed(GUE, "80040000" IPV4_UDP);      /* variants 2 and 3 */
    assert_closed(GUE, "00048000" IPV4_UDP);      /* a flag, and no room for what it announces */
    assert_closed(GUE, "00060000" IPV4_UDP);      /* TCP without IP */
    assert_closed(GUE, "00040000" IPV4_UDP "00"); /* not to the end */
    assert_closed(GUE, IPV6_UDP "00");
    assert_closed(GUE, "1f040000" IPV4_UDP);
    assert_closed(GUE, "0004");
}

#define TEREDO "0dd8"
#define ORIGIN \
    "0000"     \
    "fbe4"     \
    "f5fffffe"
#define BEARER         \
    "00010000"         \
    "0102030405060708" \
    "00"

static void teredo(void **state) {
    (void)state;
    assert_opened(TEREDO, IPV6_UDP, TUNNEL_TEREDO, NO_KEY);
    assert_opened(TEREDO, ORIGIN IPV6_UDP, TUNNEL_TEREDO, NO_KEY);
    assert_opened(TEREDO, BEARER IPV6_UDP, TUNNEL_TEREDO, NO_KEY);
    assert_opened(TEREDO,
                  "00010204"
                  "6162"
                  "a1a2a3a4"
                  "0102030405060708"
                  "00" ORIGIN IPV6_UDP,
                  TUNNEL_TEREDO, NO_KEY);
    assert_closed(TEREDO, IPV4_UDP);
    assert_closed(TEREDO, IPV6_UDP "00");
    assert_closed(TEREDO, "0002"
                          "fbe4"
                          "f5fffffe" IPV6_UDP);
    assert_closed(TEREDO, ORIGIN ORIGIN ORIGIN IPV6_UDP);
    assert_closed(TEREDO, ORIGIN);
    assert_closed(TEREDO, "0001ffff" IPV6_UDP);
}

#define LISP "10f5"

static void lisp(void **state) {
    (void)state;
    assert_opened(LISP, "0000000000000000" IPV4_UDP, TUNNEL_LISP, NO_KEY);
    assert_opened(LISP, "c812345600000703" IPV6_UDP, TUNNEL_LISP, 7);
    assert_opened(LISP, "88123456fffffe00" IPV4_UDP, TUNNEL_LISP, 0xfffffe);
    assert_opened(LISP, "1800100200000003" IPV4_UDP, TUNNEL_LISP, 0);
    assert_closed(LISP, "0400000000000000" IPV4_UDP); /* reserved */
    assert_closed(LISP, "0100000000000000" IPV4_UDP); /* encrypted */
    assert_closed(LISP, "9000000000000000" IPV4_UDP); /* nonce and map version */
    assert_closed(LISP, "2000000000000000" IPV4_UDP); /* asks for an echo of no nonce */
    assert_closed(LISP, "0000000000000000" IPV4_UDP "00");
    assert_closed(LISP, "00000000000000");
}

#define MPLS "19eb"

static void mpls(void **state) {
    (void)state;
    assert_opened(MPLS, "00010140" IPV4_UDP, TUNNEL_MPLS, NO_KEY);
    assert_opened(MPLS,
                  "00010040"
                  "00020140" IPV6_UDP,
                  TUNNEL_MPLS, NO_KEY);
    assert_opened(MPLS, "00000140" IPV4_UDP, TUNNEL_MPLS, NO_KEY); /* explicit nulls */
    assert_opened(MPLS, "00002140" IPV6_UDP, TUNNEL_MPLS, NO_KEY);
    assert_closed(MPLS, "00000140" IPV4_UDP "00");
    assert_closed(MPLS, "00000140"
                        "00000000" IPV4_UDP);
    assert_closed(MPLS, "00010140" IPV4_UDP "00");
    /* Pseudowires, whose card's address begins as IP does. */
    struct packet packet;
    assert_reason(decode_native(LINK_RAW,
                                outer(OUTER_4, MPLS,
                                      "00010140"
                                      "4500000000014600000000020800" IPV4_UDP),
                                &packet),
                  DECODE_METERED);
    assert_tunnel(&packet, TUNNEL_MPLS, NO_KEY);
    assert_int_equal(packet.destination_mac[0], 0x45);
    assert_closed(MPLS, "00010140"
                        "00000000");
    assert_closed(MPLS, "00010040"
                        "00020040");
    assert_closed(MPLS, "00010140");
    assert_closed(MPLS, "123481800001000100000000"
                        "03777777076578616d706c6503636f6d00"
                        "00010001"); /* DNS */
}

static struct packet decode_fou(enum outer_form form, const char *payload) {
    struct tunnel_ports ports;
    struct packet packet;
    assert_int_equal(tunnel_ports_set(&ports, (const char *const[]){"fou=5555"}, 1, NULL), 0);
    struct decoder *decoder =
        decoder_create(&(struct decode_options){.decode_tunnels = true, .tunnel_ports = &ports});
    assert_reason(decode_at(decoder, 1, LINK_RAW, outer(form, "15b3", payload), &packet), DECODE_METERED);
    decoder_destroy(decoder);
    return packet;
}

/* On no port but those that are given. */
static void fou(void **state) {
    (void)state;
    for (int form = 0; form < OUTER_FORMS; form++) {
        assert_int_equal(decode_fou((enum outer_form)form, IPV4_UDP).tunnel, TUNNEL_FOU);
        assert_int_equal(decode_fou((enum outer_form)form, IPV6_UDP).tunnel, TUNNEL_FOU);
        assert_int_equal(decode_fou((enum outer_form)form, IPV6_UDP "00").tunnel, TUNNEL_NONE);
        assert_int_equal(decode_fou((enum outer_form)form, "00000800" IPV4_UDP).tunnel, TUNNEL_NONE);
    }
    assert_closed("15b3", IPV4_UDP);
}

#define L2TP "06a5"

/* Whatever lengths cookie and sublayer have. */
static void l2tpv3(void **state) {
    (void)state;
    static const char *const gaps[] = {"", "c00c1e01", "0000000100000002", "40000007c00c1e0140000000"};
    static const char *const frames[] = {ETHERNET "0800" IPV4_UDP,
                                         ETHERNET "81000009"
                                                  "86dd" IPV6_UDP,
                                         ETHERNET "88a80005"
                                                  "81000009"
                                                  "0800" IPV4_UDP,
                                         ETHERNET "0800" IPV4_UDP "00000000"
                                                  "00000000"
                                                  "00000000"
                                                  "00000000", /* padded to 60 bytes */
                                         "ff030021" IPV4_UDP,
                                         "ff030057" IPV6_UDP,
                                         IPV4_UDP,
                                         IPV6_UDP};
    char payload[512];
    for (size_t gap = 0; gap < sizeof gaps / sizeof *gaps; gap++) {
        for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
            bool padded = i == 3;
            struct packet packet;
            snprintf(payload, sizeof payload, "%s%s%s", "fffe0001", gaps[gap], frames[i]);
            if (padded) {
                assert_reason(decode_native(LINK_RAW, outer(OUTER_4, L2TPV3, payload), &packet),
                              DECODE_METERED);
                assert_tunnel(&packet, TUNNEL_L2TP, 0xfffe0001);
                continue;
            }
            packet = assert_opened(L2TPV3, payload, TUNNEL_L2TP, 0xfffe0001);
            assert_int_equal(packet.vlan_id, i == 1 || i == 2 ? 9 : 0);
            snprintf(payload, sizeof payload, "%s%s%s%s", "00030000", "00000007", gaps[gap], frames[i]);
            assert_opened(L2TP, payload, TUNNEL_L2TP, 7);
        }
    }
    assert_closed(L2TPV3, "00000000" IPV4_UDP); /* control */
    assert_closed(L2TPV3, "00000007" ETHERNET "0806"
                          "0001080006040001" MAC_1 ADDRESSES_4 "000000000000");
    assert_closed(L2TPV3, "00000007"
                          "00" IPV4_UDP);
    assert_closed(L2TPV3, "00000007" IPV4_UDP "00");
    assert_closed(L2TPV3, "00000007" ETHERNET "0800" IPV6_UDP "00");
    assert_closed(L2TP, "00130000"
                        "00000007" IPV4_UDP); /* a reserved bit */
    assert_closed(L2TP, "00030001"
                        "00000007" IPV4_UDP);
    assert_closed(L2TPV3, "000000");
}

static void etherip(void **state) {
    (void)state;
    struct packet packet = assert_opened(ETHERIP,
                                         "3000" ETHERNET "81000009"
                                         "0800" IPV4_UDP,
                                         TUNNEL_ETHERIP, NO_KEY);
    assert_int_equal(packet.vlan_id, 9);
    assert_opened(ETHERIP, "3000" ETHERNET "86dd" IPV6_UDP, TUNNEL_ETHERIP, NO_KEY);
    assert_closed(ETHERIP, "4000" ETHERNET "0800" IPV4_UDP);
    assert_closed(ETHERIP, "3001" ETHERNET "0800" IPV4_UDP);
    assert_closed(ETHERIP, "30");
    assert_refused(ETHERIP,
                   "3000" ETHERNET "0806"
                   "00010800",
                   DECODE_not_ip);
}

/* The first fragment has the start of the inner packet alone. */
static void first_fragments(void **state) {
    (void)state;
    static const char *const payloads[][2] = {
        {GUE, "00040000"}, {LISP, "0800000000000700"}, {MPLS, "00010140"}, {L2TP, "0003000000000007"}};
    for (size_t i = 0; i < sizeof payloads / sizeof *payloads; i++) {
        char frame[8192], payload[1024];
        struct packet packet;
        snprintf(payload, sizeof payload, "%s%s%s", payloads[i][1],
                 "4500012c00010000"
                 "401165be" ADDRESSES_4,
                 UDP);
        snprintf(frame, sizeof frame, "%s", outer(OUTER_4, payloads[i][0], payload));
        memcpy(frame + 12, "2000", 4); /* more fragments */
        assert_reason(decode_native(LINK_RAW, frame, &packet), DECODE_METERED);
        assert_int_not_equal(packet.tunnel, TUNNEL_NONE);
        assert_int_equal(packet.destination_port, 53);
    }
}

#define PBB ETHERNET "88e7"

static void pbb(void **state) {
    (void)state;
    static const char inner[] = MAC_1 MAC_2;
    static const char *const tags[] = {"", "88a80005", "81000005"};
    char frame[512];
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        snprintf(frame, sizeof frame, "%s%s%s%s%s%s", ETHERNET, tags[i], "88e7", "00fffffe", inner,
                 "0800" IPV4_UDP);
        struct packet packet = assert_udp(DECODE_NATIVE, LINK_ETHERNET, frame);
        assert_tunnel(&packet, TUNNEL_PBB, 0xfffffe);
        assert_memory_equal(packet.source_mac, "\2\0\0\0\0\2", 6);
        assert_int_equal(packet.vlan_id, i == 0 ? 0 : 5);
        for (size_t kept = strlen(frame) / 2 - 7; kept > 0; kept--) {
            frame[2 * kept] = '\0';
            enum decode_reason reason = decode_native(LINK_ETHERNET, frame, &packet);
            size_t tag = strlen(tags[i]) / 2, service = 14 + tag;
            assert_reason(reason, kept < service                 ? DECODE_link_truncated
                                  : kept < service + 4           ? DECODE_tunnel_malformed
                                  : kept < service + 4 + 14      ? DECODE_link_truncated
                                  : kept < service + 4 + 14 + 20 ? DECODE_ip_truncated
                                                                 : DECODE_transport_truncated);
        }
    }
    assert_int_equal(assert_udp(DECODE_NATIVE, LINK_ETHERNET,
                                PBB "20000007" MAC_1 MAC_2 "8100e009"
                                    "86dd" IPV6_UDP)
                         .vlan_id,
                     9);
    assert_ignored(DECODE_NATIVE, LINK_ETHERNET, PBB "01000007" MAC_1 MAC_2 "0800" IPV4_UDP, DECODE_not_ip);
    assert_ignored(DECODE_NATIVE, LINK_ETHERNET,
                   PBB "00000007" MAC_1 MAC_2 "0806"
                       "00010800",
                   DECODE_not_ip);
}

/* What lies in it is another tunnel of both: the customers' difference counts further in. */
static void pbb_around_other_tunnels(void **state) {
    (void)state;
    struct packet one, other;
    char frame[9000];
    snprintf(frame, sizeof frame, "%s%s", PBB "00000007" MAC_1 MAC_2 "0800",
             outer(OUTER_4, "12b5", "0800000000000500" ETHERNET "0800" IPV4_UDP));
    one = assert_udp(DECODE_NATIVE, LINK_ETHERNET, frame);
    assert_tunnel(&one, TUNNEL_VXLAN, 5);
    frame[35] = '8';
    other = assert_udp(DECODE_NATIVE, LINK_ETHERNET, frame);
    assert_tunnel(&other, TUNNEL_VXLAN, 5);
    assert_true(one.tunnel_path != other.tunnel_path);
    /* Within GRE it is a tunnel in a tunnel; what isn't IP there is GRE's payload. */
    one = assert_opened(GRE,
                        "000088e7"
                        "00000007" MAC_1 MAC_2 "0800" IPV4_UDP,
                        TUNNEL_PBB, 7);
    other = assert_opened(GRE,
                          "2000"
                          "88e7"
                          "00000001"
                          "00000007" MAC_1 MAC_2 "0800" IPV4_UDP,
                          TUNNEL_PBB, 7);
    assert_true(one.tunnel_path != other.tunnel_path);
    assert_closed(GRE, "000088e7"
                       "00000007" MAC_1 MAC_2 "0806"
                       "00010800");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gue),     cmocka_unit_test(teredo),
        cmocka_unit_test(lisp),    cmocka_unit_test(mpls),
        cmocka_unit_test(fou),     cmocka_unit_test(l2tpv3),
        cmocka_unit_test(etherip), cmocka_unit_test(first_fragments),
        cmocka_unit_test(pbb),     cmocka_unit_test(pbb_around_other_tunnels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
