/* The header that everything over IP protocol 47 begins with: GRE (RFC 2784, RFC 2890) and what is built upon it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

enum {
    GRE_FIXED = 4, /* bytes that are always there: flags and version, and the type of the payload */
    GRE_HAS_CHECKSUM = 0x8000,
    GRE_HAS_ROUTING = 0x4000,
    GRE_HAS_KEY = 0x2000,
    GRE_HAS_SEQUENCE = 0x1000,
    GRE_RFC_1701 = 0x0c00,           /* bits 4 and 5; these and routing a receiver of RFC 2784 must refuse */
    GRE_HAS_ACKNOWLEDGMENT = 0x0080, /* version 1 */
    GRE_VERSION = 0x0007,
};

/* What the first four bytes say; they must be there. */
struct gre_start {
    uint16_t flags; /* with the version */
    uint16_t type;  /* EtherType of the payload */
};

static inline struct gre_start gre_start(struct bytes payload) {
    return (struct gre_start){bytes_u16(payload, 0), bytes_u16(payload, 2)};
}

/* Bytes in front of the sequence number. */
static inline size_t gre_key_end(uint16_t flags) {
    return GRE_FIXED + (flags & GRE_HAS_CHECKSUM ? 4 : 0) + (flags & GRE_HAS_KEY ? 4 : 0);
}

/* Bytes of the whole header of version 0. */
static inline size_t gre_length(uint16_t flags) {
    return gre_key_end(flags) + (flags & GRE_HAS_SEQUENCE ? 4 : 0);
}

/* Version 0 without what only RFC 1701 has. */
static inline bool gre_is_plain(uint16_t flags) {
    return (flags & (GRE_VERSION | GRE_HAS_ROUTING | GRE_RFC_1701)) == 0;
}
