/* The native dialect's inner parts: a walk over one frame, header by header, as the RFCs say. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "decode/decoder.h"
#include "decode/packet.h"

struct native_walk {
    struct bytes frame; /* what was captured, cut to what the IP headers so far announce */
    size_t offset;      /* of the next header */
    size_t wire_end;    /* where the frame ended before it was cut to the snapshot length */
    unsigned depth;     /* headers so far */
    unsigned tunnels;   /* entered so far */
    uint8_t version;    /* of the IP header to come, as what carries it says; 0: it doesn't */
    uint32_t foreign;   /* foreign_what() of what follows, if it isn't IP */
    struct packet *packet;
    struct decoder *decoder;
    int64_t time; /* the packet's own, in microseconds */

    /* Set by native_network() for what follows it. */
    size_t transport_length; /* bytes behind the IP headers, as announced */
    uint32_t identification; /* of the fragmented datagram */
    uint8_t carried;         /* its protocol as all of its fragments tell it, see struct fragment_key */
    bool first_fragment;     /* ... and it is one in fact */
    bool later_fragment;
};

/* All return DECODE_METERED to go on, or the reason why the frame is not metered. */

/* From the link header at walk->offset to the IP header. */
enum decode_reason native_link(struct native_walk *walk, int link_type);
/* An 802.11 frame; with `swapped`, the two bytes of its frame control are in the wrong order, with `pad`, its header is
 * padded to a multiple of 4. */
enum decode_reason native_wifi(struct native_walk *walk, bool swapped, bool pad);
/* The rest of an A-MSDU from the subframe at walk->offset on. */
enum decode_reason native_next_subframe(struct native_walk *walk);
/* What follows a known EtherType; the headers of tag/tags.def are walked to the IP header. */
enum decode_reason native_ethertype(struct native_walk *walk, uint16_t type);
/* IEEE 802.2, with or without SNAP. */
enum decode_reason native_llc(struct native_walk *walk);
/* PPP from its protocol number on, and a PPPoE session's header with that. */
enum decode_reason native_ppp(struct native_walk *walk);
enum decode_reason native_pppoe(struct native_walk *walk);

/* What only the two ends know: IP, or an Ethernet frame, and with `control_word` perhaps behind one (RFC 4385). Bytes
 * decide; not_ip where they leave doubt. */
enum decode_reason native_unlabelled(struct native_walk *walk, bool control_word);

/* From an IP header to the transport header behind the innermost IP header in it. */
enum decode_reason native_network(struct native_walk *walk);

/* Looks into the tunnel at walk->offset, behind the IP headers. `*entered` says that the walk is at the inner IP header;
 * if it isn't, the packet that the walk has reached is the one to be metered. */
enum decode_reason native_tunnel(struct native_walk *walk, bool *entered);
/* The same where an EtherType announces it: from there to the inner IP header. */
enum decode_reason native_tunnel_ethertype(struct native_walk *walk, uint16_t type);
/* Whether this IP protocol may carry a tunnel. */
bool native_carries_tunnels(uint8_t protocol);

/* The transport header at walk->offset; of a later fragment what its datagram's first one said, or DECODE_HELD. */
enum decode_reason native_transport(struct native_walk *walk);

/* Gives a later fragment its protocol and ports; its sizes are those of held_put(). */
void native_describe_fragment(const struct fragment_datagram *datagram, struct packet *packet);

struct fragment_key native_fragment_key(const struct native_walk *walk);
/* Notes what the walk's first fragment says, and releases what waited for it. */
void native_remember(struct native_walk *walk, const struct fragment_key *key,
                     const struct fragment_datagram *datagram);

/* All of a frame but its time; of a packet that is held its time too. `packet` is zeroed. */
enum decode_reason native_decode(struct decoder *decoder, const struct frame *frame, int64_t time,
                                 struct packet *packet);
/* The same for the next packet of that frame, while decoder->aggregate.next tells of one. */
enum decode_reason native_decode_rest(struct decoder *decoder, const struct frame *frame, int64_t time,
                                      struct packet *packet);

/* Counts what a frame carries that another dialect calls not_ip. */
void native_note_foreign(struct decoder *decoder, const struct frame *frame);

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
