/* Headers that capturing programs and systems put before a frame or a packet. */
#include <stdio.h>

#include "decode/hex_frame.h"

#define WIFI                        \
    "0801"                          \
    "0000" MAC_1 MAC_2 MAC_1 "1000" \
    "aaaa03000000"                  \
    "0800" IPV4_UDP
#define SNAP       \
    "aaaa03000000" \
    "0800"

/* Every shorter frame has a reason, down to the ports; from there on it is metered. */
static void assert_cuts(int link_type, const char *frame) {
    char cut[2048];
    struct packet packet;
    size_t length = strlen(frame) / 2, ports = length - strlen(UDP) / 2 + 4;
    for (size_t kept = 0; kept < length; kept++) {
        memcpy(cut, frame, 2 * kept);
        cut[2 * kept] = '\0';
        enum decode_reason reason = decode_native(link_type, cut, &packet);
        if ((reason == DECODE_METERED) != (kept >= ports))
            fail_msg("%d: %zu of %zu bytes: %s", link_type, kept, length, decode_reason_name(reason));
    }
}

static struct packet assert_frame(int link_type, const char *frame) {
    struct packet packet = assert_udp(DECODE_NATIVE, link_type, frame);
    assert_cuts(link_type, frame);
    assert_ignored(DECODE_NFSTREAM, link_type, frame, DECODE_link_type);
    return packet;
}

static void assert_not(int link_type, const char *frame, enum decode_reason reason) {
    assert_ignored(DECODE_NATIVE, link_type, frame, reason);
}

static void assert_sender(int link_type, const char *frame, bool known) {
    struct packet packet = assert_udp(DECODE_NATIVE, link_type, frame);
    assert_int_equal(packet.flags, known ? PACKET_HAS_SOURCE_MAC : 0);
    assert_memory_equal(packet.source_mac, known ? "\2\0\0\0\0\1" : "\0\0\0\0\0\0", 6);
    assert_memory_equal(packet.destination_mac, "\0\0\0\0\0\0", 6);
}

/* The sender's address is there, the receiver's isn't. */
static void senders_of_linux_sll(void **state) {
    (void)state;
    assert_sender(LINK_LINUX_SLL,
                  "000000010006" MAC_1 "0000"
                  "0800" IPV4_UDP,
                  true);
    assert_sender(LINK_LINUX_SLL,
                  "000400010006" MAC_1 "0000"
                  "8100"
                  "0005"
                  "86dd" IPV6_UDP,
                  true);
    assert_sender(LINK_LINUX_SLL,
                  "000002000000"
                  "0000000000000000"
                  "0800" IPV4_UDP,
                  false); /* a tunnel of the host */
    assert_sender(LINK_LINUX_SLL,
                  "000000200008"
                  "0123456789abcdef"
                  "0800" IPV4_UDP,
                  false); /* InfiniBand */
    /* NFStream knows none. */
    assert_int_equal(assert_udp(DECODE_NFSTREAM, LINK_LINUX_SLL,
                                "000000010006" MAC_1 "0000"
                                "0800" IPV4_UDP)
                         .flags,
                     0);
}

static void senders_of_linux_sll2(void **state) {
    (void)state;
    assert_sender(LINK_LINUX_SLL2,
                  "0800"
                  "0000"
                  "00000002"
                  "0001"
                  "00"
                  "06" MAC_1 "0000" IPV4_UDP,
                  true);
    assert_sender(LINK_LINUX_SLL2,
                  "86dd"
                  "0000"
                  "00000002"
                  "0001"
                  "04"
                  "06" MAC_1 "0000" IPV6_UDP,
                  true);
    assert_sender(LINK_LINUX_SLL2,
                  "0800"
                  "0000"
                  "00000002"
                  "0200"
                  "00"
                  "00" MAC_1 "0000" IPV4_UDP,
                  false);
}

static void cooked_senders_of_tunnels(void **state) {
    (void)state;
    /* A frame in a tunnel has both. */
    struct packet packet = assert_udp(DECODE_NATIVE, LINK_LINUX_SLL,
                                      "000000010006"
                                      "02000000000a"
                                      "0000"
                                      "0800"
                                      "4500005000010000"
                                      "40110000"
                                      "01010101"
                                      "02020202"
                                      "111112b5003c0000"
                                      "0800000000000500" ETHERNET "0800" IPV4_UDP);
    assert_true(packet.flags & PACKET_HAS_MAC);
    assert_memory_equal(packet.source_mac, "\2\0\0\0\0\1", 6);
    /* A packet without a frame keeps the outer sender. */
    packet = assert_udp(DECODE_NATIVE, LINK_LINUX_SLL,
                        "000000010006"
                        "02000000000a"
                        "0000"
                        "0800"
                        "4500003600010000"
                        "402f0000"
                        "01010101"
                        "02020202"
                        "00000800" IPV4_UDP);
    assert_true((packet.flags & (PACKET_HAS_MAC | PACKET_HAS_SOURCE_MAC)) == PACKET_HAS_SOURCE_MAC);
    assert_memory_equal(packet.source_mac, "\2\0\0\0\0\x0a", 6);
}

#define ATTRIBUTES \
    "0500"         \
    "0a00"         \
    "00000000"     \
    "0800"         \
    "0500"         \
    "00000002"     \
    "1000"         \
    "0800"         \
    "0006"         \
    "0000" MAC_1 "0000"

static void nflog(void **state) {
    (void)state;
    struct packet packet = assert_frame(LINK_NFLOG, "02000001" ATTRIBUTES "2200"
                                                    "0900" IPV4_UDP);
    assert_int_equal(packet.flags, PACKET_HAS_SOURCE_MAC);
    assert_memory_equal(packet.source_mac, "\2\0\0\0\0\1", 6);
    packet = assert_frame(LINK_NFLOG, "02000001"
                                      "0014000a00000000000000000000000000000000"
                                      "00100008"
                                      "00060000" MAC_1 "0000"
                                      "0022"
                                      "0009" IPV4_UDP); /* of a big-endian host */
    assert_int_equal(packet.flags, PACKET_HAS_SOURCE_MAC);
    packet = assert_frame(LINK_NFLOG, "0a000001"
                                      "3600"
                                      "0900" IPV6_UDP);
    assert_int_equal(packet.flags, 0);
    assert_frame(LINK_NFLOG, "02000001"
                             "2200"
                             "0980" IPV4_UDP); /* a type with the bit of byte order */
    /* What follows the packet is none of it. */
    assert_reason(decode_native(LINK_NFLOG,
                                "02000001"
                                "2200"
                                "0900" IPV4_UDP "0000"
                                "0800"
                                "0500"
                                "00000002",
                                &packet),
                  DECODE_METERED);
    assert_int_equal(packet.ip_captured, 30);
    assert_not(LINK_NFLOG,
               "03000001"
               "2200"
               "0900" IPV4_UDP,
               DECODE_not_ip);
    assert_not(LINK_NFLOG,
               "02010001"
               "2200"
               "0900" IPV4_UDP,
               DECODE_not_ip);
    assert_not(LINK_NFLOG,
               "02000001"
               "0800"
               "0500"
               "00000002",
               DECODE_link_truncated);
    assert_not(LINK_NFLOG,
               "02000001"
               "0300"
               "0900" IPV4_UDP,
               DECODE_link_truncated);
    assert_not(LINK_NFLOG,
               "02000001"
               "0000"
               "0000",
               DECODE_link_truncated);
}

#define COMMON(flags) \
    "0200"            \
    "1400"            \
    "0000000000000000" flags "00000000000000000000"

static void ppi(void **state) {
    (void)state;
    assert_frame(LINK_PPI, "0000"
                           "0800"
                           "69000000" WIFI);
    assert_frame(LINK_PPI, "0000"
                           "2000"
                           "69000000" COMMON("0100") WIFI);
    assert_frame(LINK_PPI, "0001"
                           "3000"
                           "69000000"
                           "0700"
                           "0900"
                           "000000000000000000"
                           "000000" COMMON("0000") WIFI); /* aligned */
    assert_frame(LINK_PPI, "0000"
                           "0800"
                           "01000000" ETHERNET "86dd" IPV6_UDP);
    assert_not(LINK_PPI,
               "0000"
               "2000"
               "69000000" COMMON("0500") WIFI,
               DECODE_link_damaged);
    assert_not(LINK_PPI,
               "0000"
               "2000"
               "69000000" COMMON("0800") WIFI,
               DECODE_link_damaged);
    assert_not(LINK_PPI,
               "0100"
               "0800"
               "69000000" WIFI,
               DECODE_not_ip);
    assert_not(LINK_PPI,
               "0000"
               "0700"
               "69000000" WIFI,
               DECODE_link_truncated);
    assert_not(LINK_PPI,
               "0000"
               "0800"
               "93000000" WIFI,
               DECODE_link_type);
    char nested[2048] = "";
    for (int i = 0; i < 40; i++)
        hex_append(nested, sizeof nested, "00000800c0000000");
    assert_not(LINK_PPI, nested, DECODE_too_deep);
}

static void pktap(void **state) {
    (void)state;
    static const char rest[] = "656e3000000000000000000000000000000000000000000000000000"
                               "02000000"
                               "0e000000"
                               "00000000";
    char frame[1024];
    unsigned length = 12 + (unsigned)strlen(rest) / 2;
    snprintf(frame, sizeof frame,
             "%02x000000"
             "01000000"
             "01000000%s%s",
             length, rest, ETHERNET "0800" IPV4_UDP);
    assert_int_equal(assert_frame(LINK_PKTAP, frame).flags, PACKET_HAS_MAC);
    snprintf(frame, sizeof frame,
             "%02x000000"
             "01000000"
             "00000000%s%s",
             length, rest, "1e000000" IPV6_UDP);
    assert_frame(LINK_PKTAP, frame);
    snprintf(frame, sizeof frame,
             "%02x000000"
             "00000000"
             "01000000%s%s",
             length, rest, ETHERNET "0800" IPV4_UDP);
    assert_not(LINK_PKTAP, frame, DECODE_not_ip); /* no packet */
    assert_not(LINK_PKTAP,
               "0b000000"
               "01000000"
               "01000000" ETHERNET "0800" IPV4_UDP,
               DECODE_link_truncated);
    assert_not(LINK_PKTAP,
               "ffffffff"
               "01000000"
               "01000000" ETHERNET "0800" IPV4_UDP,
               DECODE_link_truncated);
}

static void prism_and_avs(void **state) {
    (void)state;
    static const char body[] =
        "776c616e3000000000000000000000000000000000000000"; /* the name of the interface, and more */
    char frame[1024];
    unsigned length = 8 + (unsigned)strlen(body) / 2;
    snprintf(frame, sizeof frame, "44000000%02x000000%s%s", length, body, WIFI);
    assert_frame(LINK_PRISM, frame);
    snprintf(frame, sizeof frame, "00000044000000%02x%s%s", length, body, WIFI); /* of a big-endian host */
    assert_frame(LINK_PRISM, frame);
    snprintf(frame, sizeof frame, "41000000%02x000000%s%s", length, body, WIFI);
    assert_frame(LINK_PRISM, frame);
    snprintf(frame, sizeof frame, "80211001000000%02x%s%s", length, body, WIFI);
    assert_frame(LINK_PRISM, frame);
    assert_frame(LINK_IEEE802_11_AVS, frame);
    assert_not(LINK_PRISM,
               "45000000"
               "20000000" WIFI,
               DECODE_not_ip);
    assert_not(LINK_PRISM,
               "44000000"
               "07000000" WIFI,
               DECODE_link_truncated);
    assert_not(LINK_PRISM,
               "44000000"
               "ffffffff" WIFI,
               DECODE_link_truncated);
    assert_not(LINK_IEEE802_11_AVS,
               "80211002"
               "ffffffff" WIFI,
               DECODE_link_truncated);
    assert_not(LINK_IEEE802_11_AVS,
               "80211002"
               "00000000" WIFI,
               DECODE_link_truncated);
}

static void pflog(void **state) {
    (void)state;
    char rest[256] = "";
    for (int i = 0; i < 59; i++)
        hex_append(rest, sizeof rest, "41");
    char frame[1024];
    snprintf(frame, sizeof frame, "3d02%s000000%s", rest, IPV4_UDP); /* 61 bytes, padded to 64 */
    assert_frame(LINK_PFLOG, frame);
    snprintf(frame, sizeof frame, "3c18%.116s%s", rest, IPV6_UDP); /* 60 bytes; OpenBSD's number of IPv6 */
    assert_frame(LINK_PFLOG, frame);
    snprintf(frame, sizeof frame, "3c1c%.116s%s", rest, IPV6_UDP); /* FreeBSD's */
    assert_frame(LINK_PFLOG, frame);
    snprintf(frame, sizeof frame, "3c05%.116s%s", rest, IPV6_UDP);
    assert_not(LINK_PFLOG, frame, DECODE_not_ip);
    snprintf(frame, sizeof frame, "2c02%.116s%s", rest, IPV4_UDP);
    assert_not(LINK_PFLOG, frame, DECODE_link_truncated);
}

static void frame_relay(void **state) {
    (void)state;
    assert_frame(LINK_FRAME_RELAY, "1841"
                                   "03"
                                   "cc" IPV4_UDP);
    assert_frame(LINK_FRAME_RELAY, "1841"
                                   "03"
                                   "00"
                                   "8e" IPV6_UDP);
    assert_frame(LINK_FRAME_RELAY, "1801"
                                   "03"
                                   "00"
                                   "80"
                                   "000000"
                                   "86dd" IPV6_UDP);
    assert_int_equal(assert_frame(LINK_FRAME_RELAY, "1841"
                                                    "03"
                                                    "00"
                                                    "80"
                                                    "0080c2"
                                                    "0007" ETHERNET "0800" IPV4_UDP)
                         .flags,
                     PACKET_HAS_MAC);
    assert_frame(LINK_FRAME_RELAY, "1841"
                                   "03"
                                   "cf"
                                   "0021" IPV4_UDP);
    assert_frame(LINK_FRAME_RELAY, "18400041"
                                   "03"
                                   "cc" IPV4_UDP); /* an address of four bytes */
    assert_frame(LINK_FRAME_RELAY, "1841"
                                   "0800" IPV4_UDP); /* Cisco's */
}

static void frame_relay_without_ip(void **state) {
    (void)state;
    assert_not(LINK_FRAME_RELAY,
               "1841"
               "03"
               "09"
               "00",
               DECODE_not_ip);
    assert_not(LINK_FRAME_RELAY,
               "1841"
               "2000"
               "02b4",
               DECODE_not_ip);
    assert_not(LINK_FRAME_RELAY,
               "1841"
               "03"
               "80"
               "0080c2"
               "000e"
               "0000",
               DECODE_not_ip);
    assert_not(LINK_FRAME_RELAY,
               "19"
               "03"
               "cc" IPV4_UDP,
               DECODE_link_truncated);
    assert_not(LINK_FRAME_RELAY,
               "18404040"
               "40"
               "03"
               "cc" IPV4_UDP,
               DECODE_link_truncated);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(senders_of_linux_sll),
        cmocka_unit_test(senders_of_linux_sll2),
        cmocka_unit_test(cooked_senders_of_tunnels),
        cmocka_unit_test(nflog),
        cmocka_unit_test(ppi),
        cmocka_unit_test(pktap),
        cmocka_unit_test(prism_and_avs),
        cmocka_unit_test(pflog),
        cmocka_unit_test(frame_relay),
        cmocka_unit_test(frame_relay_without_ip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
