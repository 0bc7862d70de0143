/* The nfstream dialect's inner parts: a walk over one frame that stops where NFStream 6.6.0's parser stops, sees what
 * it sees, and ignores what it ignores. Each quirk is named where it is repeated. Two things differ on purpose. A byte that
 * was not captured is never read: if a header needs it, the packet is ignored, except that in a TCP or UDP header it counts
 * as 0. And the number of headers is limited. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/capture.h"
#include "decode/walk/packet.h"
#include "decode/walk/reason.h"

enum nfstream_step { NFSTREAM_LINK, NFSTREAM_NETWORK, NFSTREAM_METER };

struct nfstream_walk {
    const uint8_t *bytes; /* the frame, borrowed */
    size_t captured;      /* its captured bytes */
    int link_type;        /* the frame's; also of what TZSP carries */
    enum nfstream_step step;
    unsigned depth; /* headers so far */
    size_t link;    /* offset of the link header being read */
    size_t ip;      /* offset of the IP header being read */
    uint16_t type;  /* EtherType, or what the link layer says instead */
    uint16_t
        fragment; /* flags and offset of the last header that was read under EtherType 0x0800, whatever its version */
    uint8_t protocol; /* of the last header read under EtherType 0x0800 or of IPv6: stale under other types */
    bool is_ipv4;
    struct packet *packet;
};

/* What lies behind the extension headers of IPv6. */
struct nfstream_ipv6_payload {
    size_t offset;
    size_t length; /* as the header announces */
    uint8_t protocol;
};

static inline bool nfstream_have(const struct nfstream_walk *walk, size_t offset, size_t count) {
    return offset <= walk->captured && count <= walk->captured - offset;
}

static inline uint16_t nfstream_u16(const struct nfstream_walk *walk, size_t offset) {
    return (uint16_t)((walk->bytes[offset] << 8) | walk->bytes[offset + 1]);
}

/* Counts one more header; DECODE_METERED while there may be more. */
static inline enum decode_reason nfstream_descend(struct nfstream_walk *walk) {
    return ++walk->depth > DECODE_DEPTH_MAX ? DECODE_too_deep : DECODE_METERED;
}

/* Each fills the packet's part and the walk, and returns DECODE_METERED to go on, or the reason to ignore the frame. */
enum decode_reason nfstream_link(struct nfstream_walk *walk);
enum decode_reason nfstream_network(struct nfstream_walk *walk, bool decode_tunnels);
enum decode_reason nfstream_tunnel(struct nfstream_walk *walk, size_t header_length);
enum decode_reason nfstream_ipv6_payload(const struct nfstream_walk *walk,
                                         struct nfstream_ipv6_payload *payload);
enum decode_reason nfstream_meter(struct nfstream_walk *walk, uint32_t wire_length);

/* Fills the packet except its time. `packet` is zeroed before. */
enum decode_reason nfstream_decode(const struct frame *frame, bool decode_tunnels, struct packet *packet);
