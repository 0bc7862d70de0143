/* Room 2: what is in a frame. There is one decoder per capture thread, to which it belongs. It holds the clock (packet time
 * never goes back). Natively it also keeps what first fragments say of their datagrams, and later fragments that came
 * before them. It allocates nothing after decoder_create(), takes no lock, and reads no byte that was not captured.
 *
 * Two dialects: native, layer by layer as the RFCs say; and nfstream (nfstream.c), which repeats NFStream 6.6.0's
 * parser with its quirks, for `profile = "nfstream"`. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/capture.h"
#include "decode/decode_options.h"
#include "decode/fragment.h"
#include "decode/segments.h"
#include "decode/walk/foreign.h"
#include "decode/walk/packet.h"
#include "decode/walk/reason.h"

struct decoder;

/* Bytes that a decoder takes. */
size_t decoder_memory(void);
struct decoder *decoder_create(
    const struct decode_options *options); /* NULL: no memory. Copies what the options point to. */
void decoder_destroy(struct decoder *decoder);

/* DECODE_METERED and a filled packet; or the reason why not; or natively DECODE_HELD: a later fragment waits for its
 * datagram's first one. When that one comes, the waiting ones go before it, in the order and with the times of their
 * arrival: *packet then is the earliest of them. It borrows from the frame or the decoder until the next call. */
enum decode_reason decoder_decode(struct decoder *decoder, const struct frame *frame, struct packet *packet);

/* Gives the other packets that decoder_decode(), decoder_advance() or decoder_give_up() released. To be called after
 * each of them until it is false. Such a packet is one that was held, or the first fragment that the held ones waited
 * for. */
bool decoder_next(struct decoder *decoder, enum decode_reason *reason, struct packet *packet);
/* Whether decoder_next() is worth calling: after most frames it is not, and this needs no room for a packet. */
bool decoder_has_next(const struct decoder *decoder);

/* Whether the last frame holds another packet, as an A-MSDU of 802.11 or a super-packet (segments.h) may; to be called
 * natively once decoder_next() is false. decoder_decode_rest() gives that packet, as decoder_decode() gives the first. Each
 * counts as a packet of its own. Its bytes on the wire are its part of the frame's; a segment's are those of the frame that
 * it was. */
bool decoder_has_rest(const struct decoder *decoder);
enum decode_reason decoder_decode_rest(struct decoder *decoder, const struct frame *frame,
                                       struct packet *packet);

/* There will be no more frames: what is held is ignored (fragment_unknown). */
void decoder_give_up(struct decoder *decoder);

/* What the frames without IP (not_ip) carried. */
const struct foreign *decoder_foreign(const struct decoder *decoder);

/* The super-packets that were cut. Without header_bytes the frames' bytes on the wire are not those of their packets. */
const struct segment_counts *decoder_segments(const struct decoder *decoder);

/* Packets that are held: they were read, but neither metered nor ignored yet. */
uint64_t decoder_held(const struct decoder *decoder);

/* The recorded times that packets may have, in seconds since the epoch: from 1970 up to the end of 2261. That is the last
 * whole year that fits into 64 bits of nanoseconds (pandas has such dates). Natively a packet with another time is ignored;
 * with the nfstream dialect it has the time of the packet before it. */
#define DECODE_TIME_END INT64_C(9214646400)

/* The packets that follow are of another recording: forgets the time and the datagrams. Call decoder_give_up() before. */
void decoder_begin_recording(struct decoder *decoder);

/* The decoder's clock: highest packet time so far, in ticks of the dialect. When a packet is handed out, it is the packet's
 * time + held_for. */
int64_t decoder_time(const struct decoder *decoder);
/* How far before the clock the times of packets that are held lie, in ticks; 0: none is. From now on nothing is handed out
 * with an earlier time than decoder_time() - decoder_lateness(). It is DECODE_LATENESS_MAX at most. */
int64_t decoder_lateness(const struct decoder *decoder);
enum { DECODE_LATENESS_MAX = FRAGMENT_LIFETIME_US };
/* Raises the clock without a packet (a quiet live link); an earlier time changes nothing. Seconds and microseconds as
 * in struct frame. */
int64_t decoder_advance(struct decoder *decoder, int64_t seconds, int32_t microseconds);

/* Packets whose recorded time was raised since the start. */
uint64_t decoder_times_raised(const struct decoder *decoder);
