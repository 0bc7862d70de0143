/* Payloads of which nothing says what they are, and headers that are not what was announced. */
#include <stdio.h>

#include "decode/tunnel_frame.h"

/* The datagram of IPV4_UDP with a right checksum. */
#define IPV4_RIGHT             \
    "4500001e00010000401166cc" \
    "0a0000010a000002" UDP
#define LABEL     "0010113f"
#define NULL_IPV4 "0000013f"
#define NULL_IPV6 "0000213f"
#define MPLS      ETHERNET "8847"
#define OTHER_MAC "02aabbccddee"

static void refused(const char *text, enum decode_reason reason) {
    assert_ignored(DECODE_NATIVE, LINK_ETHERNET, text, reason);
}

static const char *joined(const char *one, const char *two, const char *three, const char *four) {
    static char text[1024];
    snprintf(text, sizeof text, "%s%s%s%s", one, two, three, four);
    return text;
}

/* Addresses that begin like IPv4 of any length, IPv6, a control word, a channel's header, and none of them. What
 * follows makes the fourth a header of IPv4 whose length is the frame's, and the seventh one of IPv6. */
static const char *const addresses[] = {
    "4512345678aa" OTHER_MAC,
    "46005e112233" OTHER_MAC,
    "4f0000ff0000" OTHER_MAC,
    "4500002c0006"
    "400006060606",
    "60a4b7112233" OTHER_MAC,
    "6cfe00000000" OTHER_MAC,
    "600000000004"
    "060000000001",
    "00005e000101" OTHER_MAC,
    "0c1d2e3f4a5b" OTHER_MAC,
    "10bd18aabbcc" OTHER_MAC,
    "b4fbe4010203" OTHER_MAC,
    "01005e010203" OTHER_MAC,
};
enum { ADDRESSES = sizeof addresses / sizeof *addresses };

static void pseudowires_are_looked_into(void **state) {
    (void)state;
    static const char *const words[] = {"", "00000000", "00000007", "0fc0ffff"};
    static const char *const inner[] = {
        "0800" IPV4_RIGHT,
        "0800" IPV4_UDP,
        "86dd" IPV6_UDP,
        "81000005"
        "0800" IPV4_UDP,
        "88a80009"
        "81000005"
        "86dd" IPV6_UDP,
        "0026aaaa030000000800" IPV4_RIGHT,
        "8864"
        "110000010020"
        "0021" IPV4_UDP,
        "8847"
        "0005113f" IPV4_RIGHT,
    };
    for (size_t i = 0; i < ADDRESSES; i++)
        for (size_t j = 0; j < sizeof words / sizeof *words; j++)
            for (size_t k = 0; k < sizeof inner / sizeof *inner; k++) {
                const char *text = joined(MPLS LABEL, words[j], addresses[i], inner[k]);
                print_message("%zu %zu %zu %s\n", i, j, k, text);
                struct packet packet = assert_udp(DECODE_NATIVE, LINK_ETHERNET, text);
                char mac[16];
                snprintf(mac, sizeof mac, "%02x%02x%02x%02x%02x%02x", packet.destination_mac[0],
                         packet.destination_mac[1], packet.destination_mac[2], packet.destination_mac[3],
                         packet.destination_mac[4], packet.destination_mac[5]);
                assert_memory_equal(mac, addresses[i], 12);
                assert_int_equal(packet.vlan_id, k == 3 || k == 4 ? 5 : 0);
            }
    /* A short payload's length (RFC 4385): right, and what is none. */
    assert_udp(DECODE_NATIVE, LINK_ETHERNET, joined(MPLS LABEL, "00300001", addresses[0], "0800" IPV4_RIGHT));
    refused(joined(MPLS LABEL, "00310001", addresses[0], "0800" IPV4_RIGHT), DECODE_not_ip);
}

static void frames_without_ip_are_none(void **state) {
    (void)state;
    static const char *const inner[] = {
        "0806"
        "0001080006040001"
        "020000000001"
        "0a000001"
        "000000000000"
        "0a000002", /* ARP */
        "0027"
        "4242030000000000"
        "8000020000000001"
        "00000000"
        "8000020000000001"
        "8001"
        "0000"
        "1400",
        "0800"
        "550000280001000040060000"
        "0a0000010a000002",
        "9000"
        "0000010000000000000000000000000000000000",
    };
    for (size_t i = 0; i < ADDRESSES; i++)
        for (size_t j = 0; j < sizeof inner / sizeof *inner; j++)
            refused(joined(MPLS LABEL, "", addresses[i], inner[j]), DECODE_not_ip);
    refused(MPLS LABEL "10000021" IPV4_RIGHT, DECODE_not_ip); /* the channel that goes with a pseudowire */
    refused(MPLS "0000d13f" IPV4_RIGHT, DECODE_not_ip);       /* RFC 5586: no packet of a user */
    refused(MPLS LABEL "45", DECODE_not_ip);
    refused(MPLS LABEL, DECODE_link_truncated);
}

static void chance_makes_no_flow(void **state) {
    (void)state;
    uint8_t frame[14 + 4 + 120] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0x47, 0, 0x10, 0x11, 0x3f};
    uint64_t seed = 0x9e3779b97f4a7c15;
    struct decoder *decoder = decoder_create(&(struct decode_options){.dialect = DECODE_NATIVE});
    unsigned metered = 0;
    for (int i = 0; i < 300000; i++) {
        for (size_t at = 18; at < sizeof frame; at += 8) {
            seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
            memcpy(frame + at, &seed, 8);
        }
        frame[18] = (uint8_t)((i % 2 == 0 ? 0x40 : 0x60) | (frame[18] & 15));
        struct packet packet;
        struct frame whole = {.bytes = frame,
                              .captured_length = sizeof frame,
                              .wire_length = sizeof frame,
                              .link_type = LINK_ETHERNET};
        metered += decoder_decode(decoder, &whole, &packet) == DECODE_METERED;
    }
    decoder_destroy(decoder);
    assert_in_range(metered, 0, 2);
}

static void ip_behind_labels_is_recognised(void **state) {
    (void)state;
    assert_udp(DECODE_NATIVE, LINK_ETHERNET, MPLS LABEL IPV4_RIGHT);
    assert_udp(DECODE_NATIVE, LINK_ETHERNET,
               MPLS "0010103f" LABEL IPV4_RIGHT "00000000000000000000");      /* padded */
    assert_udp(DECODE_NATIVE, LINK_ETHERNET, MPLS LABEL IPV4_UDP);            /* the card's checksum */
    assert_udp(DECODE_NATIVE, LINK_ETHERNET, MPLS LABEL IPV4_UDP "01020304"); /* and the frame's */
    assert_udp(DECODE_NATIVE, LINK_ETHERNET, MPLS LABEL IPV6_UDP);
    assert_udp(DECODE_NATIVE, LINK_ETHERNET, MPLS LABEL IPV6_UDP "01020304");
    assert_udp(DECODE_NATIVE, LINK_ETHERNET,
               MPLS LABEL IPV6_UDP "0102030405060708090a0b0c"); /* a switch's time */
    refused(MPLS LABEL IPV4_UDP "0102030405", DECODE_not_ip);
    /* Sliced by who sent it on: 1,500 bytes with a right checksum. */
    struct packet packet;
    assert_reason(decode_native(LINK_ETHERNET,
                                MPLS LABEL "450005dc00010000"
                                           "4011610e" ADDRESSES_4 "04d2003505c80000",
                                &packet),
                  DECODE_METERED);
    assert_true(packet.flags & PACKET_TRUNCATED);
    refused(MPLS LABEL "450005dc00010000"
                       "40110000" ADDRESSES_4 "04d2003505c80000",
            DECODE_not_ip);
    /* Of an explicit null there is no doubt. */
    assert_udp(DECODE_NATIVE, LINK_ETHERNET, MPLS NULL_IPV4 IPV4_UDP "0102030405");
    assert_udp(DECODE_NATIVE, LINK_ETHERNET, MPLS "0010103f" NULL_IPV6 IPV6_UDP);
    refused(MPLS NULL_IPV4 IPV6_UDP, DECODE_ip_malformed);
    refused(MPLS NULL_IPV6 IPV4_UDP, DECODE_ip_malformed);
}

/* MPLS has many carriers; the question is the same in each. */
static void in_every_carrier(void **state) {
    (void)state;
    static const struct {
        int link;
        const char *header;
    } carriers[] = {
        {LINK_ETHERNET, ETHERNET "8100000188470010103f"},
        {LINK_ETHERNET, ETHERNET "88641100000100600281"},
        {LINK_ETHERNET, ETHERNET "0060aaaa030000008847"},
        {LINK_LINUX_SLL, "000000010006" MAC_1 "00008847"},
        {LINK_PPP, "ff030281"},
        {LINK_C_HDLC, "0f008847"},
    };
    for (size_t i = 0; i < sizeof carriers / sizeof *carriers; i++) {
        assert_udp(DECODE_NATIVE, carriers[i].link,
                   joined(carriers[i].header, LABEL, addresses[1], "0800" IPV4_RIGHT));
        assert_ignored(
            DECODE_NATIVE, carriers[i].link,
            joined(carriers[i].header, LABEL, addresses[1], "0806000108000604000102000000000100000000"),
            DECODE_not_ip);
    }
    for (size_t i = 0; i < ADDRESSES; i++) {
        assert_opened(GRE, joined("00008847", LABEL "00000000", addresses[i], "0800" IPV4_RIGHT), TUNNEL_GRE,
                      NO_KEY);
        assert_opened("17c1", joined("0000884700000500", LABEL, addresses[i], "0800" IPV4_RIGHT),
                      TUNNEL_GENEVE, 5);
    }
}

/* 3GPP TS 29.281: the type of a session is the ends' affair. */
static void sessions_of_mobile_networks(void **state) {
    (void)state;
    for (size_t i = 0; i < ADDRESSES; i++)
        assert_opened("0868", joined("30ff003000000009", addresses[i], "0800" IPV4_RIGHT, ""), TUNNEL_GTP_U,
                      9);
    assert_closed("0868", "30ff002800000009"
                          "45020000000102030405060708090a0b0c0d0e0f1011121314151617");
    assert_closed("0868", "30ff002800000009"
                          "60112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
                          "0011223344556677");
    assert_closed("0868", "30ff002800000009"
                          "00000000" OTHER_MAC MAC_1 "0800" IPV4_RIGHT); /* no control words here */
}

static void versions_are_as_announced(void **state) {
    (void)state;
    static const struct {
        int link;
        const char *four, *six; /* announce IPv4, IPv6 */
    } carriers[] = {
        {LINK_ETHERNET, ETHERNET "0800", ETHERNET "86dd"},
        {LINK_ETHERNET, ETHERNET "810000010800", ETHERNET "8100000186dd"},
        {LINK_ETHERNET, ETHERNET "0060aaaa030000000800", ETHERNET "0060aaaa0300000086dd"},
        {LINK_ETHERNET, ETHERNET "88641100000100600021", ETHERNET "88641100000100600057"},
        {LINK_ETHERNET, MPLS NULL_IPV4, MPLS NULL_IPV6},
        {LINK_LINUX_SLL, "000000010006" MAC_1 "00000800", "000000010006" MAC_1 "000086dd"},
        {LINK_LINUX_SLL2, "0800000000000001000100060200000000010000",
         "86dd000000000001000100060200000000010000"},
        {LINK_NULL, "02000000", "1e000000"},
        {LINK_LOOP, "00000002", "00000018"},
        {LINK_PPP, "ff030021", "ff030057"},
        {LINK_PPP, "21", "57"},
        {LINK_C_HDLC, "0f000800", "0f0086dd"},
        {LINK_PPP_WITH_DIRECTION, "00ff030021", "01ff030057"},
        {LINK_PPP_WITH_DIRECTION, "010021", "0057"},
        {LINK_C_HDLC_WITH_DIRECTION, "000f000800", "018f0086dd"},
        {LINK_FRAME_RELAY_WITH_DIRECTION, "01184103cc", "001841038e"},
        {LINK_IPV4, "", NULL},
        {LINK_IPV6, NULL, ""},
        {LINK_RAW,
         "4500003c00010000"
         "40040000"
         "0101010102020202",
         "4500005000010000"
         "40290000"
         "0101010102020202"},
    };
    for (size_t i = 0; i < sizeof carriers / sizeof *carriers; i++) {
        if (carriers[i].four != NULL) {
            struct packet packet;
            assert_reason(
                decode_native(carriers[i].link, joined(carriers[i].four, IPV4_UDP, "", ""), &packet),
                DECODE_METERED);
            assert_ignored(DECODE_NATIVE, carriers[i].link, joined(carriers[i].four, IPV6_UDP, "", ""),
                           DECODE_ip_malformed);
        }
        if (carriers[i].six != NULL) {
            struct packet packet;
            assert_reason(decode_native(carriers[i].link, joined(carriers[i].six, IPV6_UDP, "", ""), &packet),
                          DECODE_METERED);
            assert_ignored(DECODE_NATIVE, carriers[i].link, joined(carriers[i].six, IPV4_UDP, "", ""),
                           DECODE_ip_malformed);
        }
    }
    assert_refused(GRE, "00000800" IPV6_UDP, DECODE_ip_malformed);
    assert_refused(GRE, "000086dd" IPV4_UDP, DECODE_ip_malformed);
    assert_refused("12b6", "0c00000100000500" IPV6_UDP, DECODE_ip_malformed);
    assert_refused("17c1", "0000080000000500" IPV6_UDP, DECODE_ip_malformed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pseudowires_are_looked_into),
        cmocka_unit_test(frames_without_ip_are_none),
        cmocka_unit_test(chance_makes_no_flow),
        cmocka_unit_test(ip_behind_labels_is_recognised),
        cmocka_unit_test(in_every_carrier),
        cmocka_unit_test(sessions_of_mobile_networks),
        cmocka_unit_test(versions_are_as_announced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
