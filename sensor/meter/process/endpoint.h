/* Addresses as the look-up of processes compares them: IPv4 in the first 4 bytes, the rest 0, also where an IPv6 socket speaks IPv4
 * (v4-mapped). Ports in host byte order. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct endpoint {
    uint8_t address[16];
    uint16_t port;
};

/* One end of a flow as a socket of this host would name it. */
struct connection {
    struct endpoint local, remote; /* of a socket: zeros are wildcards */
    uint8_t protocol;              /* IPPROTO_TCP, IPPROTO_UDP */
    uint8_t ip_version;            /* 4 or 6 */
};

static inline bool address_is_zero(const uint8_t address[16]) {
    static const uint8_t zero[16];
    return memcmp(address, zero, sizeof(zero)) == 0;
}

static inline bool address_is_loopback(const uint8_t address[16], uint8_t ip_version) {
    static const uint8_t one[16] = {[15] = 1};
    return ip_version == 4 ? address[0] == 127 : memcmp(address, one, sizeof(one)) == 0;
}
