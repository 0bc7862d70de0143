#include "frame.h"

#include <netinet/in.h>
#include <string.h>

static void put_u16(uint8_t *to, size_t value) {
    to[0] = (uint8_t)(value >> 8);
    to[1] = (uint8_t)value;
}

static void put_u32(uint8_t *to, uint32_t value) {
    put_u16(to, value >> 16);
    put_u16(to + 2, value & 0xffff);
}

static uint64_t sum_words(uint64_t sum, const uint8_t *bytes, size_t length) {
    for (size_t i = 0; i + 1 < length; i += 2)
        sum += (uint64_t)(bytes[i] << 8 | bytes[i + 1]);
    return length % 2 ? sum + ((uint64_t)bytes[length - 1] << 8) : sum;
}

static uint16_t fold_sum(uint64_t sum) {
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

static size_t put_tcp(uint8_t *to, const struct frame_spec *spec) {
    static const uint8_t syn_options[] = {2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 3, 7};
    static const uint8_t options[] = {1, 1, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0};
    bool is_syn = spec->tcp_flags & TCP_SYN;
    size_t header = 20 + (is_syn ? sizeof syn_options : sizeof options);

    put_u16(to, spec->source->port);
    put_u16(to + 2, spec->destination->port);
    put_u32(to + 4, spec->tcp_sequence);
    put_u32(to + 8, spec->tcp_acknowledged);
    to[12] = (uint8_t)(header / 4 << 4);
    to[13] = spec->tcp_flags;
    put_u16(to + 14, 64240);
    put_u32(to + 16, 0);
    memcpy(to + 20, is_syn ? syn_options : options, header - 20);
    put_u32(to + 20 + (is_syn ? 8 : 4), spec->tcp_clock_ms);
    return header;
}

static size_t put_udp(uint8_t *to, const struct frame_spec *spec) {
    put_u16(to, spec->source->port);
    put_u16(to + 2, spec->destination->port);
    put_u16(to + 4, 8 + spec->payload_length);
    put_u16(to + 6, 0);
    return 8;
}

static size_t put_icmp(uint8_t *to, const struct frame_spec *spec) {
    uint8_t request = spec->is_ipv6 ? 128 : 8;
    uint8_t reply = spec->is_ipv6 ? 129 : 0;

    put_u32(to, 0);
    to[0] = spec->is_reply ? reply : request;
    put_u16(to + 4, spec->icmp_identifier);
    put_u16(to + 6, spec->icmp_sequence);
    return 8;
}

static uint8_t ip_protocol(const struct frame_spec *spec) {
    return spec->protocol == IPPROTO_ICMP && spec->is_ipv6 ? (uint8_t)IPPROTO_ICMPV6 : spec->protocol;
}

static size_t put_transport(uint8_t *to, const struct frame_spec *spec) {
    size_t header = spec->protocol == IPPROTO_TCP   ? put_tcp(to, spec)
                    : spec->protocol == IPPROTO_UDP ? put_udp(to, spec)
                                                    : put_icmp(to, spec);
    size_t checksum_at = spec->protocol == IPPROTO_TCP ? 16 : spec->protocol == IPPROTO_UDP ? 6 : 2;
    size_t length = header + spec->payload_length;
    size_t address_length = spec->is_ipv6 ? 16 : 4;
    uint64_t sum = 0;

    if (spec->payload_length > 0)
        memcpy(to + header, spec->payload, spec->payload_length);
    if (spec->protocol != IPPROTO_ICMP || spec->is_ipv6) {
        sum = sum_words(length + ip_protocol(spec), spec->source->address, address_length);
        sum = sum_words(sum, spec->destination->address, address_length);
    }
    put_u16(to + checksum_at, fold_sum(sum_words(sum, to, length)));
    return length;
}

static size_t put_ipv4(uint8_t *to, const struct frame_spec *spec) {
    size_t length = 20 + put_transport(to + 20, spec);

    to[0] = 0x45;
    to[1] = 0;
    put_u16(to + 2, length);
    put_u16(to + 4, spec->ip_identification);
    put_u16(to + 6, 0x4000);
    to[8] = spec->is_reply ? 57 : 64;
    to[9] = ip_protocol(spec);
    put_u16(to + 10, 0);
    memcpy(to + 12, spec->source->address, 4);
    memcpy(to + 16, spec->destination->address, 4);
    put_u16(to + 10, fold_sum(sum_words(0, to, 20)));
    return length;
}

static size_t put_ipv6(uint8_t *to, const struct frame_spec *spec) {
    size_t length = put_transport(to + 40, spec);

    put_u32(to, 0x60000000);
    put_u16(to + 4, length);
    to[6] = ip_protocol(spec);
    to[7] = spec->is_reply ? 57 : 64;
    memcpy(to + 8, spec->source->address, 16);
    memcpy(to + 24, spec->destination->address, 16);
    return 40 + length;
}

size_t frame_build(uint8_t *frame, const struct frame_spec *spec) {
    memcpy(frame, spec->destination->mac, 6);
    memcpy(frame + 6, spec->source->mac, 6);
    put_u16(frame + 12, spec->is_ipv6 ? 0x86dd : 0x0800);
    size_t length = 14 + (spec->is_ipv6 ? put_ipv6(frame + 14, spec) : put_ipv4(frame + 14, spec));
    if (length >= FRAME_MINIMUM)
        return length;
    memset(frame + length, 0, FRAME_MINIMUM - length);
    return FRAME_MINIMUM;
}
