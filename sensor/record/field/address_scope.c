#include "record/field/address_scope.h"

#include <endian.h>
#include <stddef.h>
#include <string.h>

/* Addresses that begin with the bits of `prefix` under `mask`. What is in none is global. */
struct scope_range {
    uint32_t prefix, mask;
    const char *scope;
};

static const struct scope_range ipv4_ranges[] = {
    {0x0a000000, 0xff000000, "private"},     /* 10.0.0.0/8 */
    {0xc0a80000, 0xffff0000, "private"},     /* 192.168.0.0/16 */
    {0xac100000, 0xfff00000, "private"},     /* 172.16.0.0/12 */
    {0xe0000000, 0xf0000000, "multicast"},   /* 224.0.0.0/4 */
    {0xffffffff, 0xffffffff, "broadcast"},   /* 255.255.255.255 */
    {0x64400000, 0xffc00000, "shared"},      /* 100.64.0.0/10 */
    {0xa9fe0000, 0xffff0000, "link_local"},  /* 169.254.0.0/16 */
    {0x7f000000, 0xff000000, "loopback"},    /* 127.0.0.0/8 */
    {0x00000000, 0xffffffff, "unspecified"}, /* 0.0.0.0 */
};

static const struct scope_range ipv6_ranges[] = {
    {0xfe800000, 0xffc00000, "link_local"}, /* fe80::/10 */
    {0xff000000, 0xff000000, "multicast"},  /* ff00::/8 */
    {0xfc000000, 0xfe000000, "private"},    /* fc00::/7 */
};

static const char *find_scope(const struct scope_range *ranges, size_t count, uint32_t address) {
    for (size_t i = 0; i < count; i++)
        if ((address & ranges[i].mask) == ranges[i].prefix)
            return ranges[i].scope;
    return "global";
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
const char *address_scope(const uint8_t address[16], uint8_t ip_version) {
    static const uint8_t unspecified[16], loopback[16] = {[15] = 1};
    uint32_t first;
    memcpy(&first, address, sizeof first);
    first = be32toh(first);
    if (ip_version == 4)
        return find_scope(ipv4_ranges, COUNT(ipv4_ranges), first);
    if (memcmp(address, loopback, sizeof loopback) == 0)
        return "loopback";
    if (memcmp(address, unspecified, sizeof unspecified) == 0)
        return "unspecified";
    return find_scope(ipv6_ranges, COUNT(ipv6_ranges), first);
}
