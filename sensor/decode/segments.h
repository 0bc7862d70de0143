/* A super-packet is segments of TCP or UDP in one frame: offloads of the sender have yet to cut it (TSO, GSO), or those of
 * the receiver put it together (GRO). Here it is cut into the packets of the wire, as the kernel does it (RFC 3168 for CWR).
 * Each has the headers with its own lengths, IPv4 identification, sequence number and TCP flags, and what was captured of
 * its payload. Checksums are not made anew.
 *
 * It allocates nothing, and belongs to its decoder. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "capture/capture.h"
#include "decode/walk/packet.h"

enum {
    SEGMENT_SIZE_MIN = 8, /* Linux's own limit for TCP (TCP_MIN_GSO_SIZE) */
    SEGMENTS_MAX =
        65536 / 8, /* of one super-packet: 64 KiB in the smallest ones; BIG TCP has a few hundred */
    SEGMENT_BYTES_MAX = 65535 + 40, /* from the IP header on: nothing larger is on a wire */
};

/* Super-packets that were cut, since the start. */
struct segment_counts {
    uint64_t super_packets;
    uint64_t segments;     /* packets that came of them */
    uint64_t header_bytes; /* of these packets on the wire, more than the frames had */
};

/* The super-packet that is being given out. */
struct segments {
    uint32_t rest;          /* bytes of payload that are in no segment yet; 0: there is no more */
    uint32_t size;          /* of a segment's payload */
    uint32_t header;        /* bytes of each segment from its IP header to the payload */
    uint32_t captured;      /* of the payload */
    const uint8_t *payload; /* borrowed from the frame */
    struct packet whole;
    struct segment_counts counts;
    uint8_t bytes[SEGMENT_BYTES_MAX]; /* of the segment that was given last */
};

/* `packet` is the metered one of a frame with a segment_size. Of a super-packet it becomes the first segment. A super-packet
 * that can't be cut is marked PACKET_OFFLOAD: fragments, a tunnel that was not looked into and has the segments inside,
 * headers that were not captured, sizes out of the limits above. */
void segments_begin(struct segments *segments, const struct frame *frame, struct packet *packet);

/* The next segment, while segments->rest is not 0. It borrows from *segments until the next call. */
void segments_next(struct segments *segments, struct packet *packet);
