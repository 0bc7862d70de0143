#include "record/field/address_scope.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct scope_range {
    const char *scope;
    uint8_t ip_version;
    uint8_t bits; /* of the prefix */
    uint8_t prefix[16];
};

/* The first that holds an address is its scope; what none holds is global. */
static const struct scope_range scope_ranges[] = {
    {"private", 4, 8, {10}},
    {"private", 4, 16, {192, 168}},
    {"private", 4, 12, {172, 16}},
    {"multicast", 4, 4, {224}},
    {"broadcast", 4, 32, {255, 255, 255, 255}},
    {"shared", 4, 10, {100, 64}},
    {"link_local", 4, 16, {169, 254}},
    {"loopback", 4, 8, {127}},
    {"unspecified", 4, 32, {0}},
    {"link_local", 6, 10, {0xfe, 0x80}},
    {"multicast", 6, 8, {0xff}},
    {"private", 6, 7, {0xfc}},
    {"loopback", 6, 128, {[15] = 1}},
    {"unspecified", 6, 128, {0}},
};

static bool has_prefix(const uint8_t *address, const uint8_t *prefix, unsigned bits) {
    unsigned bytes = bits / 8, rest = bits % 8;
    return memcmp(address, prefix, bytes) == 0 &&
           (rest == 0 || (address[bytes] ^ prefix[bytes]) >> (8 - rest) == 0);
}

const char *address_scope(const uint8_t address[16], uint8_t ip_version) {
    for (size_t i = 0; i < sizeof scope_ranges / sizeof *scope_ranges; i++) {
        const struct scope_range *range = &scope_ranges[i];
        if (range->ip_version == ip_version && has_prefix(address, range->prefix, range->bits))
            return range->scope;
    }
    return "global";
}
