/* The native dialect's walk over one frame: its position, and the functions for headers that a link layer, a tag or a
 * tunnel may announce. Files of link/, tag/ and tunnel/ need no other header of the walk. A walk belongs to its
 * decoder's thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "decode/walk/foreign.h"
#include "decode/walk/packet.h"
#include "decode/walk/reason.h"

struct decoder;

struct native_walk {
    struct bytes frame; /* what was captured, cut to what the IP headers so far announce */
    size_t offset;      /* of the next header */
    size_t wire_end;    /* where the frame ended on the wire, before the snapshot length cut it */
    unsigned depth;     /* headers so far */
    unsigned tunnels;   /* entered so far */
    uint8_t version;    /* of the next IP header, as announced by the header before it; 0: not announced */
    uint32_t foreign;   /* foreign_what() of what follows, if it isn't IP */
    struct packet *packet;
    struct decoder *decoder;
    int64_t time; /* the packet's own, in microseconds */

    /* Set by native_network() for what follows it. */
    size_t transport_length; /* bytes behind the IP headers, as announced */
    uint32_t identification; /* of the fragmented datagram */
    uint8_t carried;         /* its protocol as in all of its fragments, see struct fragment_key */
    bool first_fragment;     /* the first of several fragments */
    bool later_fragment;
};

/* All return DECODE_METERED to go on, or the reason why the frame is not metered. */

/* From the link header at walk->offset to the IP header. */
enum decode_reason native_link(struct native_walk *walk, int link_type);
/* An 802.11 frame. With `swapped` the two bytes of its frame control are in the wrong order; with `pad` its header is
 * padded to a multiple of 4. */
enum decode_reason native_wifi(struct native_walk *walk, bool swapped, bool pad);
/* What follows a known EtherType: walks the headers of tag/tags.def to the IP header. */
enum decode_reason native_ethertype(struct native_walk *walk, uint16_t type);
/* IEEE 802.2, with or without SNAP. */
enum decode_reason native_llc(struct native_walk *walk);
/* PPP from its protocol number on, and a PPPoE session's header with that. */
enum decode_reason native_ppp(struct native_walk *walk);
enum decode_reason native_pppoe(struct native_walk *walk);

/* What follows is IP or an Ethernet frame, but only the two ends know which; with `control_word` it may come after one (RFC
 * 4385). The bytes decide; not_ip if they leave doubt. */
enum decode_reason native_unlabelled(struct native_walk *walk, bool control_word);

static inline enum decode_reason native_foreign(struct native_walk *walk, enum foreign_kind kind,
                                                uint16_t number) {
    walk->foreign = foreign_what(kind, number);
    return DECODE_not_ip;
}

static inline bool native_have(const struct native_walk *walk, size_t count) {
    return bytes_have(walk->frame, walk->offset, count);
}

/* Counts one more header; DECODE_METERED while there may be more. */
static inline enum decode_reason native_descend(struct native_walk *walk) {
    return ++walk->depth > DECODE_DEPTH_MAX ? DECODE_too_deep : DECODE_METERED;
}
