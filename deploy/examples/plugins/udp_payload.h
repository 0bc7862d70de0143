/* The payload of an IPv4 packet with UDP, as far as it was captured. */
#pragma once

#include <flowsensor/plugin.h>

enum { IPV4_HEADER = 20, UDP_HEADER = 8, PROTOCOL_UDP = 17 };

/* Its bytes and *length; NULL if the packet is none, or not even its UDP header was captured. */
static inline const uint8_t *udp_payload(const struct flowsensor_packet *packet, size_t *length) {
    size_t end = packet->ip_captured < packet->ip_size ? packet->ip_captured : packet->ip_size;
    if (packet->ip_version != 4 || packet->protocol != PROTOCOL_UDP || end < IPV4_HEADER)
        return NULL;
    size_t header = (size_t)(packet->ip[0] & 15) * 4 + UDP_HEADER;
    if (header > end)
        return NULL;
    *length = end - header;
    return packet->ip + header;
}
