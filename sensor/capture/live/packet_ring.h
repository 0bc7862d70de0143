/* A packet socket (packet(7)) and the ring of blocks that the kernel fills (TPACKET_V3).
 *
 * It is opened in two steps, since only the first needs CAP_NET_RAW: packet_ring_open() makes a socket that receives
 * nothing and has no memory yet, packet_ring_start() gives it a ring and binds it. A socket that was shared out
 * (fanout.c) can't be bound a second time, so who wants another interface then starts another socket.
 *
 * A ring belongs to one thread at a time. The kernel hands a block over when it is full, or within twice
 * `block_milliseconds` after its first frame (capture_held()). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "capture/capture.h"

struct sock_fprog;

struct packet_ring_options {
    uint32_t bytes;           /* of the whole ring; at least two blocks are taken */
    uint32_t interface_index; /* 0: all interfaces of the network namespace */
    uint32_t block_milliseconds;
    bool segment_sizes; /* ask for the size of the segments of super-packets (PACKET_VNET_HDR) */
};

/* What the kernel counted. */
struct packet_ring_counts {
    uint64_t stored;  /* frames that found room */
    uint64_t dropped; /* frames that passed the filter and found no room, or whose header could not be told */
    uint64_t frozen;  /* how often the ring became full */
};

struct packet_ring {
    int descriptor; /* -1: not open */
    uint8_t *blocks;
    size_t block_size, block_count;
    size_t block;           /* the one that is read or waited for */
    uint32_t left;          /* frames of it that were not read yet */
    bool holds_block;       /* it is ours until it is given back */
    bool has_segment_sizes; /* a virtio header is before each frame */
    uint8_t *position;      /* the next frame's header */
    struct packet_ring_counts counts;
    uint64_t taken;          /* frames of the blocks that were handed over */
    uint64_t without_header; /* frames whose segments the kernel couldn't tell: it drops them */
};

/* 0 or -errno: EPERM without CAP_NET_RAW.
 * @thread any: it becomes the owner, as the functions below say */
int packet_ring_open(struct packet_ring *ring);
/* The filter is set before. 0 or -errno; then packet_ring_close() is all that can be done. ENETDOWN: the interface is down. */
int packet_ring_start(struct packet_ring *ring, const struct packet_ring_options *options);
/* A ring that was not opened is fine if its descriptor is -1. */
void packet_ring_close(struct packet_ring *ring);

/* The next frame, if there is one: false if the kernel has handed none over. Bytes are borrowed until the next call.
 * What only the capture knows is not set: `to_steady`, `oversized`, `file`, `interface` and `at_pod`. A tag that the
 * kernel took off the frame is put back. Of loopback, frames on their way out are left out, since each comes in too. */
bool packet_ring_next(struct packet_ring *ring, struct frame *frame);

/* As poll(2): waits until the kernel hands over a block, `other` (-1: none) can be read, or for `milliseconds`. An
 * interface that goes down is no error: the ring goes on when it is up again. */
int packet_ring_wait(const struct packet_ring *ring, int other, int milliseconds);

/* So many blocks, beside the one that is read, may wait in a ring whose reader keeps up: one that was full just now, and one
 * whose time had come. */
enum { PACKET_RING_BLOCKS_USUAL = 2 };

/* Whether the ring can hold more than usually waits, so that blocks that wait say something of the reader. A ring of up to
 * three blocks can't: it is full at every delay of the reader, and only packets that it lost tell more. */
static inline bool packet_ring_has_fill(const struct packet_ring *ring) {
    return ring->block_count > PACKET_RING_BLOCKS_USUAL + 1;
}

/* How much of the ring waits: of the blocks that the kernel has handed over, but for the one that is read, those beyond
 * PACKET_RING_BLOCKS_USUAL, in percent of the most that there may be. 0: the reader keeps up, or packet_ring_has_fill() is
 * false. 100: the kernel has no block left to write to, or soon has none. It never falls as more blocks wait. It costs a few
 * loads, one in each of log2(blocks) pages. */
unsigned packet_ring_fill(const struct packet_ring *ring);

/* Reads the kernel's counters, which are 0 again after that, into ring->counts. */
void packet_ring_count(struct packet_ring *ring);

/* Whether the kernel still holds a block back that has frames; it counts as packet_ring_count() does. */
bool packet_ring_has_rest(struct packet_ring *ring);

/* Sets or replaces the filter: what it returns is the length that is kept of a frame. 0 or -errno: ENOMEM also where it is too
 * long for net.core.optmem_max; the old filter stays then.
 * @thread any: the kernel does it at one stroke */
int packet_ring_set_filter(int descriptor, const struct sock_fprog *filter);

/* The interface takes in what is for other hosts too, until the socket is closed. 0 or -errno.
 * @thread any */
int packet_ring_set_promiscuous(int descriptor, uint32_t interface_index);
