/* What the shares of a live capture have in common: which interfaces are captured, how they are followed, and the sockets.
 *
 * One interface has a socket of its own in each share: packets of other interfaces then cost nothing. Where the words of
 * `capture.interfaces` may mean several, or when the one interface has gone away or another takes its place, each share has
 * one socket for all interfaces, which never has to be opened again: its filter says which are wanted. A packet of
 * an interface that isn't costs about as much there as one that is, in the kernel. Sockets for the change are opened at the
 * start, while there is the right to; they have no memory until then.
 *
 * Share 0's owner also looks after the group. Others only take their rings and read what doesn't change. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "capture/capture.h"
#include "capture/live/live_interfaces.h"
#include "capture/live/packet_ring.h"

struct live_group;

/* A ring for a share, and from when on its frames count: until all shares had theirs, each got everything. */
struct live_ring {
    struct packet_ring ring;
    int64_t begin; /* steady time, microseconds */
};

/* Chooses the interfaces, and makes a ring for each of `count` shares. Needs CAP_NET_RAW. Exit codes as capture_open().
 * @thread main */
int live_group_open(const struct capture_options *options, size_t count, struct live_group **group,
                    struct error *error);
/* Each share closes it; the last one frees it.
 * @thread main, after the owners have ended */
void live_group_close(struct live_group *group);

/* The share's first ring, or one that takes the place of the one before: from its `begin` on frames are in it. NULL: none.
 * It stays where it is until live_group_take(), which makes it the caller's.
 * @thread the share's owner */
const struct live_ring *live_group_next(const struct live_group *group, size_t share);
void live_group_take(struct live_group *group, size_t share, struct live_ring *taken);

/* Follows the interfaces: reads what has changed and changes filters and rings by it.
 * @thread the owner of share 0 */
void live_group_look(struct live_group *group);
/* To wait for together with the ring; -1: none.
 * @thread the owner of share 0 */
int live_group_descriptor(const struct live_group *group);

/* A share came upon a frame whose segments the kernel couldn't tell: it drops such frames. The next look makes rings that
 * don't ask for segments.
 * @thread any */
void live_group_do_without_segments(struct live_group *group);

/* See capture_change_filter().
 * @thread any but the owner of share 0, one at a time */
int live_group_change_filter(struct live_group *group, const char *filter, const atomic_bool *given_up,
                             struct error *error);

/* @thread any: what live_interfaces.h says */
const struct live_interfaces *live_group_interfaces(const struct live_group *group);
/* DLT_* of the one interface at the start; -1: there may be several.
 * @thread any: it doesn't change */
int live_group_link_type(const struct live_group *group);
