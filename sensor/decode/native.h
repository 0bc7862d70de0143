/* The native dialect's inner parts: a walk over one frame, header by header, as the RFCs say. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/capture.h"
#include "decode/decoder.h"
#include "decode/walk/walk.h"

/* All return DECODE_METERED to go on, or the reason why the frame is not metered. */

/* The rest of an A-MSDU from the subframe at walk->offset on. */
enum decode_reason native_next_subframe(struct native_walk *walk);

/* From an IP header to the transport header behind the innermost IP header in it. */
enum decode_reason native_network(struct native_walk *walk);

/* Looks into the tunnel at walk->offset, behind the IP headers. With `*entered` the walk is at the inner IP header; without
 * it, the packet that the walk has reached is the one to be metered. */
enum decode_reason native_tunnel(struct native_walk *walk, bool *entered);
/* The same where an EtherType announces it: from there to the inner IP header. */
enum decode_reason native_tunnel_ethertype(struct native_walk *walk, uint16_t type);
/* Whether this IP protocol may carry a tunnel. */
bool native_carries_tunnels(uint16_t protocol);

/* The transport header at walk->offset. A later fragment gets what its datagram's first one said, or DECODE_HELD. */
enum decode_reason native_transport(struct native_walk *walk);

struct fragment_key native_fragment_key(const struct native_walk *walk);
/* Notes what this first fragment says, and releases the fragments that waited for it. */
void native_remember(struct native_walk *walk, const struct fragment_key *key,
                     const struct fragment_datagram *datagram);

/* Fills the packet except its time; for a packet that is held, its time too. `packet` is zeroed before. */
enum decode_reason native_decode(struct decoder *decoder, const struct frame *frame, int64_t time,
                                 struct packet *packet);
/* The same for the next packet of that frame, while decoder->aggregate.next is not 0. */
enum decode_reason native_decode_rest(struct decoder *decoder, const struct frame *frame, int64_t time,
                                      struct packet *packet);

/* Counts what a frame carries that the other dialect calls not_ip. */
void native_note_foreign(struct decoder *decoder, const struct frame *frame);
