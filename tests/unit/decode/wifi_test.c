/* IEEE 802.11: several packets in one frame (A-MSDU), and frames of a mesh. */
#include <stdio.h>

#include "decode/hex_frame.h"

#define MAC_4 "020000000004"
#define MAC_5 "020000000005"
#define MAC_6 "020000000006"
#define QOS \
    "8801"  \
    "0000" MAC_1 MAC_2 MAC_3 "1000" /* to the distribution system, QoS control follows */
#define QOS_4 \
    "8803"    \
    "0000" MAC_1 MAC_2 MAC_3 "1000" MAC_4 /* between two of it */
#define SNAP_IPV4  \
    "aaaa03000000" \
    "0800" IPV4_UDP /* 38 bytes */
#define SNAP_IPV6  \
    "aaaa03000000" \
    "86dd" IPV6_UDP /* 58 bytes */
#define SNAP_ARP   \
    "aaaa03000000" \
    "0806"         \
    "00010800" /* 12 bytes */

struct frame_bytes {
    uint8_t bytes[4096];
    struct frame frame;
};

static void read_frame(struct frame_bytes *into, int link_type, const char *text, uint32_t hidden) {
    size_t length = strlen(text) / 2;
    assert_true(length <= sizeof into->bytes);
    for (size_t i = 0; i < length; i++)
        into->bytes[i] = (uint8_t)(hex_digit(text[2 * i]) << 4 | hex_digit(text[2 * i + 1]));
    into->frame = (struct frame){.bytes = into->bytes,
                                 .captured_length = (uint32_t)length,
                                 .wire_length = (uint32_t)length + hidden,
                                 .seconds = 1000,
                                 .link_type = link_type};
}

enum { PACKETS_MAX = 16 };

/* All packets of a frame, in memory of exactly its size; the number of them. */
static unsigned decode_all(int link_type, const char *text, uint32_t hidden, struct packet *packets,
                           enum decode_reason *reasons) {
    struct frame_bytes frame;
    struct decoder *decoder = decoder_create(&(struct decode_options){.decode_tunnels = true});
    read_frame(&frame, link_type, text, hidden);
    uint8_t *exact = malloc(frame.frame.captured_length);
    memcpy(exact, frame.bytes, frame.frame.captured_length);
    frame.frame.bytes = exact;
    unsigned count = 0;
    reasons[count] = decoder_decode(decoder, &frame.frame, &packets[count]);
    for (count++; decoder_has_rest(decoder); count++) {
        assert_true(count < PACKETS_MAX);
        reasons[count] = decoder_decode_rest(decoder, &frame.frame, &packets[count]);
    }
    decoder_destroy(decoder);
    free(exact);
    return count;
}

static void assert_packet(const struct packet *packet, enum decode_reason reason, int version, int source,
                          int destination, uint32_t raw) {
    assert_reason(reason, DECODE_METERED);
    assert_int_equal(packet->ip_version, version);
    assert_int_equal(packet->source_port, 1234);
    assert_int_equal(packet->destination_port, 53);
    assert_true(packet->flags & PACKET_HAS_MAC);
    assert_int_equal(packet->source_mac[5], source);
    assert_int_equal(packet->destination_mac[5], destination);
    assert_int_equal(packet->size[ACCOUNT_RAW], raw);
    assert_int_equal(packet->size[ACCOUNT_IP], version == 4 ? 30 : 50);
    assert_int_equal(packet->size[ACCOUNT_PAYLOAD], 2);
}

#define THREE_PACKETS \
    MAC_5 MAC_6 "0026" SNAP_IPV4 MAC_5 MAC_6 "000c" SNAP_ARP "0000" MAC_6 MAC_5 "003a" SNAP_IPV6

static void aggregates(void **state) {
    (void)state;
    struct packet packets[PACKETS_MAX];
    enum decode_reason reasons[PACKETS_MAX];
    static const char *const headers[] = {QOS "8000", QOS_4 "8000",
                                          "8802"
                                          "0000" MAC_1 MAC_2 MAC_3 "1000"
                                          "8000"};
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        char text[2048];
        uint32_t header = (uint32_t)strlen(headers[i]) / 2;
        snprintf(text, sizeof text, "%s%s", headers[i], THREE_PACKETS);
        assert_int_equal(decode_all(LINK_IEEE802_11, text, 0, packets, reasons), 3);
        assert_packet(&packets[0], reasons[0], 4, 6, 5, header + 52);
        assert_reason(reasons[1], DECODE_not_ip);
        assert_packet(&packets[2], reasons[2], 6, 5, 6, 72);
        /* With the frame's checksum. */
        snprintf(text, sizeof text, "%s%s%s", headers[i], THREE_PACKETS, "01020304");
        assert_int_equal(decode_all(LINK_IEEE802_11, text, 0, packets, reasons), 3);
        assert_packet(&packets[2], reasons[2], 6, 5, 6, 76);
    }
    /* Just one. */
    assert_int_equal(
        decode_all(LINK_IEEE802_11, QOS "8000" MAC_5 MAC_6 "0026" SNAP_IPV4, 0, packets, reasons), 1);
    assert_packet(&packets[0], reasons[0], 4, 6, 5, 26 + 52);
    /* Behind radiotap, with padding before the first. */
    assert_int_equal(decode_all(LINK_IEEE802_11_RADIO,
                                "00000900"
                                "02000000"
                                "20" QOS "8000"
                                "0000" THREE_PACKETS,
                                0, packets, reasons),
                     3);
    assert_packet(&packets[0], reasons[0], 4, 6, 5, 9 + 28 + 52);
    assert_packet(&packets[2], reasons[2], 6, 5, 6, 72);
}

/* Bytes on the wire are the frame's in all, wherever it was cut; and each packet that was captured is there. */
static void cut_aggregates(void **state) {
    (void)state;
    static const char whole[] =
        QOS "8000" MAC_5 MAC_6 "0026" SNAP_IPV4 MAC_6 MAC_5 "003a" SNAP_IPV6 MAC_5 MAC_6 "0026" SNAP_IPV4;
    enum { HEADER = 26, FIRST = HEADER + 52, SECOND = FIRST + 72, THIRD = SECOND + 52, BEHIND_PORTS = 6 };
    assert_int_equal(strlen(whole) / 2, THIRD);
    for (uint32_t kept = 0; kept <= THIRD; kept++) {
        struct packet packets[PACKETS_MAX];
        enum decode_reason reasons[PACKETS_MAX];
        char text[sizeof whole];
        snprintf(text, sizeof text, "%.*s", (int)kept * 2, whole);
        unsigned count = decode_all(LINK_IEEE802_11, text, THIRD - kept, packets, reasons), metered = 0;
        static const uint32_t ends[] = {FIRST, SECOND, THIRD};
        for (unsigned i = 0; i < count; i++) {
            assert_int_equal(reasons[i] == DECODE_METERED, kept >= ends[i] - BEHIND_PORTS);
            metered += reasons[i] == DECODE_METERED;
            if (reasons[i] == DECODE_METERED)
                assert_int_equal((packets[i].flags & PACKET_TRUNCATED) != 0, kept < ends[i]);
        }
        assert_int_equal(metered, (kept >= FIRST - BEHIND_PORTS) + (kept >= SECOND - BEHIND_PORTS) +
                                      (kept >= THIRD - BEHIND_PORTS));
        if (kept == THIRD)
            assert_int_equal(packets[0].size[ACCOUNT_RAW] + packets[1].size[ACCOUNT_RAW] +
                                 packets[2].size[ACCOUNT_RAW],
                             THIRD);
    }
}

/* A subframe that is longer than its frame: what comes behind it can't be found. */
static void damaged_aggregates(void **state) {
    (void)state;
    struct packet packets[PACKETS_MAX];
    enum decode_reason reasons[PACKETS_MAX];
    assert_int_equal(
        decode_all(LINK_IEEE802_11, QOS "8000" MAC_5 MAC_6 "0027" SNAP_IPV4, 0, packets, reasons), 1);
    assert_reason(reasons[0], DECODE_link_truncated);
    assert_int_equal(decode_all(LINK_IEEE802_11,
                                QOS "8000" MAC_5 MAC_6 "0026" SNAP_IPV4 MAC_5 MAC_6 "ffff" SNAP_IPV4, 0,
                                packets, reasons),
                     2);
    assert_reason(reasons[1], DECODE_link_truncated);
    /* Empty ones come to an end. */
    assert_int_equal(decode_all(LINK_IEEE802_11,
                                QOS "8000" MAC_5 MAC_6 "0000"
                                    "0000" MAC_5 MAC_6 "0000"
                                    "0000" MAC_5 MAC_6 "0000",
                                0, packets, reasons),
                     3);
    assert_reason(reasons[0], DECODE_link_truncated);
    assert_reason(reasons[2], DECODE_link_truncated);
    /* The next frame has nothing of it. */
    struct frame_bytes aggregate, plain;
    struct packet packet;
    struct decoder *decoder = decoder_create(&(struct decode_options){.decode_tunnels = true});
    read_frame(&aggregate, LINK_IEEE802_11, QOS "8000" THREE_PACKETS, 0);
    read_frame(&plain, LINK_IEEE802_11, QOS "0000" SNAP_IPV4, 0);
    assert_reason(decoder_decode(decoder, &aggregate.frame, &packet), DECODE_METERED);
    assert_true(decoder_has_rest(decoder));
    assert_reason(decoder_decode(decoder, &plain.frame, &packet), DECODE_METERED);
    assert_false(decoder_has_rest(decoder));
    decoder_destroy(decoder);
}

/* In TZSP: each packet is of the tunnel, and of the outer frame. */
static void aggregates_in_tunnels(void **state) {
    (void)state;
    struct packet packets[PACKETS_MAX];
    enum decode_reason reasons[PACKETS_MAX];
    char text[2048];
    static const char inner[] = "01000012"
                                "01" QOS "8000" THREE_PACKETS;
    unsigned length = (unsigned)strlen(inner) / 2;
    snprintf(text, sizeof text,
             "%s4500%04x0001000040110000"
             "01010101"
             "02020202"
             "11119090%04x0000%s",
             ETHERNET "0800", length + 28, length + 8, inner);
    assert_int_equal(decode_all(LINK_ETHERNET, text, 0, packets, reasons), 3);
    assert_packet(&packets[0], reasons[0], 4, 6, 5, 14 + 28 + 5 + 26 + 52);
    assert_packet(&packets[2], reasons[2], 6, 5, 6, 72);
    assert_int_equal(packets[0].tunnel, TUNNEL_TZSP);
    assert_int_equal(packets[2].tunnel, TUNNEL_TZSP);
    assert_int_equal(packets[2].tunnel_path, packets[0].tunnel_path);
}

static void assert_mesh(const char *text, int source, int destination) {
    struct packet packet = assert_udp(DECODE_NATIVE, LINK_IEEE802_11, text);
    assert_int_equal(packet.source_mac[5], source);
    assert_int_equal(packet.destination_mac[5], destination);
}

static void meshes(void **state) {
    (void)state;
    assert_mesh(QOS_4 "0001"
                      "001f00000001" SNAP_IPV4,
                4, 3);
    assert_mesh(QOS_4 "0001"
                      "021f00000001" MAC_5 MAC_6 SNAP_IPV6,
                6, 5); /* ends outside of it */
    assert_mesh("8802"
                "0000" MAC_1 MAC_2 MAC_3 "1000"
                "0001"
                "011f00000001" MAC_6 SNAP_IPV4,
                6, 1); /* to a group */
    /* The bit means something else outside of a mesh. */
    assert_mesh(QOS_4 "0001" SNAP_IPV4, 4, 3);
    assert_mesh("8802"
                "0000" MAC_1 MAC_2 MAC_3 "1000"
                "00ff" SNAP_IPV4,
                3, 1);
    assert_mesh(QOS "0001" SNAP_IPV4, 2, 3);
    assert_ignored(DECODE_NATIVE, LINK_IEEE802_11,
                   QOS_4 "0001"
                         "031f00000001" MAC_5 MAC_6 MAC_5 SNAP_IPV4,
                   DECODE_not_ip);
    assert_every_cut_refused(LINK_IEEE802_11,
                             QOS_4 "0001"
                                   "021f00000001" MAC_5 MAC_6 SNAP_IPV4,
                             32 + 18 + 8, DECODE_link_truncated, DECODE_not_ip);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aggregates),
        cmocka_unit_test(cut_aggregates),
        cmocka_unit_test(damaged_aggregates),
        cmocka_unit_test(aggregates_in_tunnels),
        cmocka_unit_test(meshes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
