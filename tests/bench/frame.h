// Builds Ethernet frames (IPv4 or IPv6; TCP, UDP, ICMP echo) with right lengths and checksums.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FRAME_MINIMUM = 60,
    FRAME_MAXIMUM = 1514,
    // What fits beside Ethernet, IPv6 and a TCP header with timestamps; every kind of packet keeps to it.
    PAYLOAD_MAXIMUM = FRAME_MAXIMUM - 14 - 40 - 32,
};

enum {
    TCP_FIN = 0x01,
    TCP_SYN = 0x02,
    TCP_RST = 0x04,
    TCP_PSH = 0x08,
    TCP_ACK = 0x10,
};

struct endpoint {
    uint8_t mac[6];
    uint8_t address[16]; // IPv4: the first four bytes.
    uint16_t port;       // ICMP: the echo identifier, in the client's endpoint.
};

struct frame_spec {
    const struct endpoint *source;
    const struct endpoint *destination;
    const uint8_t *payload; // At most PAYLOAD_MAXIMUM bytes; may be NULL if there are none.
    size_t payload_length;
    uint32_t tcp_sequence;
    uint32_t tcp_acknowledged;
    uint32_t tcp_clock_ms; // The timestamp option.
    uint16_t icmp_sequence;
    uint16_t icmp_identifier;
    uint16_t ip_identification;
    uint8_t protocol; // IPPROTO_TCP, IPPROTO_UDP, or IPPROTO_ICMP (ICMPv6 over IPv6).
    uint8_t tcp_flags;
    bool is_ipv6;
    bool is_reply;
};

// Writes the frame, padded to FRAME_MINIMUM, into a buffer of FRAME_MAXIMUM bytes and returns its length.
size_t frame_build(uint8_t *frame, const struct frame_spec *spec);
