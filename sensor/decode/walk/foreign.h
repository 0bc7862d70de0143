/* What frames without IP carry instead, by their headers, and how many frames of each kind there were. The table has a
 * fixed size: if there are more kinds than places, a new kind takes over the place and the count of the rarest one. So
 * the most common kinds are always in it. A decoder's table belongs to its thread; a sum of several is plain data. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { FOREIGN_PLACES = 16, FOREIGN_TEXT_MAX = 64 };

enum foreign_kind {
    FOREIGN_UNKNOWN, /* not said */
    FOREIGN_ETHERTYPE,
    FOREIGN_LLC,    /* the destination's service access point */
    FOREIGN_PPP,    /* protocol */
    FOREIGN_FAMILY, /* BSD's loopback: address family */
    FOREIGN_WIFI,   /* management and control; 1: encrypted */
};

struct foreign_place {
    uint32_t what; /* foreign_what() */
    uint64_t frames;
};

struct foreign {
    struct foreign_place places[FOREIGN_PLACES]; /* those in use come first */
};

static inline uint32_t foreign_what(enum foreign_kind kind, uint16_t number) {
    return (uint32_t)kind << 16 | number;
}

void foreign_count(struct foreign *foreign, uint32_t what, uint64_t frames);

/* Adds another table's. */
void foreign_add(struct foreign *sum, const struct foreign *part);

/* Fills at most `count` places, the most common first; returns how many. */
size_t foreign_commonest(const struct foreign *foreign, struct foreign_place *commonest, size_t count);

/* "EtherType 0x0806 (ARP)" */
void foreign_text(uint32_t what, char text[FOREIGN_TEXT_MAX]);
