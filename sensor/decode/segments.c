#include "decode/segments.h"

#include <endian.h>
#include <stddef.h>
#include <string.h>

enum {
    PROTOCOL_TCP = 6,
    PROTOCOL_UDP = 17,
    TCP_HEADER = 20,
    IPV4_LENGTH = 2,
    IPV4_IDENTIFICATION = 4,
    IPV6_HEADER = 40,
    IPV6_LENGTH = 4,
    IPV6_NEXT_HEADER = 6,
    TCP_SEQUENCE = 4,
    TCP_FLAGS = 13,
    UDP_LENGTH = 4,
    HOP_BY_HOP = 0,
    JUMBO_OPTION = 0xc2,
    JUMBO_HEADER = 8,
};

static void put_u16(uint8_t *bytes, size_t number) {
    uint16_t big = htobe16((uint16_t)number);
    memcpy(bytes, &big, sizeof big);
}

static void put_u32(uint8_t *bytes, uint32_t number) {
    uint32_t big = htobe32(number);
    memcpy(bytes, &big, sizeof big);
}

static uint32_t header_of(const struct packet *packet) {
    return packet->size[ACCOUNT_IP] - packet->size[ACCOUNT_PAYLOAD];
}

/* Whether all behind the headers is segments of this transport, within the limits. */
static bool can_be_cut(const struct frame *frame, const struct packet *packet) {
    uint32_t header = header_of(packet), payload = packet->size[ACCOUNT_PAYLOAD];
    uint32_t transport_header = packet->size[ACCOUNT_TRANSPORT] - payload;
    size_t end = (size_t)(packet->ip - frame->bytes) + packet->size[ACCOUNT_IP];
    return packet->protocol == (frame->segment_udp ? PROTOCOL_UDP : PROTOCOL_TCP) &&
           (packet->protocol == PROTOCOL_UDP || transport_header >= TCP_HEADER) &&
           (packet->flags & PACKET_FRAGMENT) == 0 && end == packet->size[ACCOUNT_RAW] &&
           header <= packet->ip_captured && frame->segment_size >= SEGMENT_SIZE_MIN &&
           header + frame->segment_size <= SEGMENT_BYTES_MAX &&
           payload <= (uint64_t)SEGMENTS_MAX * frame->segment_size;
}

/* Of more than 64 KiB (BIG TCP): many kernels tell the length in a hop-by-hop header, and take that off again as they cut. */
static bool has_jumbo_header(const struct packet *packet) {
    const uint8_t *ip = packet->ip;
    return packet->ip_version == 6 && ip[IPV6_LENGTH] == 0 && ip[IPV6_LENGTH + 1] == 0 &&
           ip[IPV6_NEXT_HEADER] == HOP_BY_HOP && ip[IPV6_HEADER + 1] == 0 &&
           ip[IPV6_HEADER + 2] == JUMBO_OPTION;
}

static void copy_headers(struct segments *segments) {
    struct packet *whole = &segments->whole;
    uint32_t header = segments->header;
    if (!has_jumbo_header(whole)) {
        memcpy(segments->bytes, whole->ip, header);
        return;
    }
    memcpy(segments->bytes, whole->ip, IPV6_HEADER);
    memcpy(segments->bytes + IPV6_HEADER, whole->ip + IPV6_HEADER + JUMBO_HEADER,
           header - IPV6_HEADER - JUMBO_HEADER);
    segments->bytes[IPV6_NEXT_HEADER] = whole->ip[IPV6_HEADER];
    segments->header -= JUMBO_HEADER;
    whole->size[ACCOUNT_IP] -= JUMBO_HEADER;
    whole->size[ACCOUNT_RAW] -= JUMBO_HEADER;
}

static void count(struct segments *segments, uint32_t wire_length) {
    uint64_t payload = segments->rest;
    uint64_t segment_count = (payload + segments->size - 1) / segments->size;
    uint64_t headers = segments->whole.size[ACCOUNT_RAW] - payload;
    segments->counts.super_packets++;
    segments->counts.segments += segment_count;
    segments->counts.header_bytes += segment_count * headers + payload - wire_length;
}

void segments_begin(struct segments *segments, const struct frame *frame, struct packet *packet) {
    uint32_t header = header_of(packet);
    if ((size_t)(packet->ip - frame->bytes) + header + frame->segment_size >= packet->size[ACCOUNT_RAW])
        return;
    packet->flags |= PACKET_OFFLOAD;
    if (!can_be_cut(frame, packet))
        return;
    segments->whole = *packet;
    segments->whole.flags = packet->flags & (uint8_t) ~(PACKET_OFFLOAD | PACKET_TRUNCATED);
    segments->rest = packet->size[ACCOUNT_PAYLOAD];
    segments->size = frame->segment_size;
    segments->header = header;
    segments->payload = packet->ip + header;
    segments->captured = packet->ip_captured - header;
    copy_headers(segments);
    count(segments, packet->size[ACCOUNT_RAW]);
    segments_next(segments, packet);
}

/* As the kernel sets them: the end of the data is in the last segment, and the window was reduced before the first. */
static uint8_t tcp_flags_of(uint8_t flags, bool first, bool last) {
    unsigned absent = (first ? 0 : TCP_CWR) | (last ? 0 : TCP_FIN | TCP_PSH);
    return (uint8_t)(flags & ~absent);
}

static void write_transport(struct segments *segments, struct packet *packet, uint32_t offset) {
    uint8_t *transport = segments->bytes + packet->size[ACCOUNT_IP] - packet->size[ACCOUNT_TRANSPORT];
    if (packet->protocol == PROTOCOL_UDP) {
        put_u16(transport + UDP_LENGTH, packet->size[ACCOUNT_TRANSPORT]);
        return;
    }
    bool last = offset + packet->size[ACCOUNT_PAYLOAD] == segments->whole.size[ACCOUNT_PAYLOAD];
    packet->tcp_sequence += offset;
    packet->tcp_flags = tcp_flags_of(packet->tcp_flags, offset == 0, last);
    put_u32(transport + TCP_SEQUENCE, packet->tcp_sequence);
    transport[TCP_FLAGS] = packet->tcp_flags;
}

static void write_network(struct segments *segments, const struct packet *packet, uint32_t offset) {
    uint8_t *ip = segments->bytes;
    if (packet->ip_version == 6) {
        put_u16(ip + IPV6_LENGTH, packet->size[ACCOUNT_IP] - IPV6_HEADER);
        return;
    }
    put_u16(ip + IPV4_LENGTH, packet->size[ACCOUNT_IP]);
    if (offset > 0)
        put_u16(ip + IPV4_IDENTIFICATION,
                (size_t)(ip[IPV4_IDENTIFICATION] << 8 | ip[IPV4_IDENTIFICATION + 1]) + 1);
}

static void copy_payload(struct segments *segments, struct packet *packet, uint32_t offset) {
    uint32_t length = packet->size[ACCOUNT_PAYLOAD], captured = 0;
    if (segments->captured > offset)
        captured = segments->captured - offset;
    if (captured < length)
        packet->flags |= PACKET_TRUNCATED;
    else
        captured = length;
    if (captured > 0)
        memcpy(segments->bytes + segments->header, segments->payload + offset, captured);
    packet->ip = segments->bytes;
    packet->ip_captured = segments->header + captured;
}

void segments_next(struct segments *segments, struct packet *packet) {
    uint32_t offset = segments->whole.size[ACCOUNT_PAYLOAD] - segments->rest;
    uint32_t length = segments->rest < segments->size ? segments->rest : segments->size;
    *packet = segments->whole;
    for (int mode = 0; mode < ACCOUNT_MODES; mode++)
        packet->size[mode] -= segments->whole.size[ACCOUNT_PAYLOAD] - length;
    write_transport(segments, packet, offset);
    write_network(segments, packet, offset);
    copy_payload(segments, packet, offset);
    segments->rest -= length;
}
