/* Room 2: what is in a frame. One decoder per capture thread: it holds the clock (packet time never goes back) and,
 * natively, what first fragments say of their datagrams, and later ones that came before them. It allocates nothing
 * after decoder_create(), takes no lock, and reads no byte that was not captured.
 *
 * Two dialects: native, layer by layer as the RFCs say; and nfstream (nfstream.c), which repeats NFStream 6.6.0's
 * parser with its quirks, for `profile = "nfstream"`. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/capture.h"
#include "decode/decode_options.h"
#include "decode/walk/foreign.h"
#include "decode/walk/packet.h"
#include "decode/walk/reason.h"

struct decoder;

/* Bytes that a decoder takes. */
size_t decoder_memory(void);
struct decoder *decoder_create(
    const struct decode_options *options); /* NULL: no memory. Copies what the options point to. */
void decoder_destroy(struct decoder *decoder);

/* DECODE_METERED and a filled packet, the reason why not, or DECODE_HELD: natively a later fragment waits for its
 * datagram's first one. When that comes, what waited for it goes before it, in the order and with the times of its
 * arrival: the packet then is the earliest of them. It borrows from the frame or the decoder, until the next call. */
enum decode_reason decoder_decode(struct decoder *decoder, const struct frame *frame, struct packet *packet);

/* To be called after decoder_decode(), decoder_advance() and decoder_give_up() until it is false: what else they
 * brought about. Each of these packets is one that was held, or was read as the first fragment that the others waited
 * for. */
bool decoder_next(struct decoder *decoder, enum decode_reason *reason, struct packet *packet);

/* Natively, once decoder_next() is false: whether the frame that was decoded last holds another packet, as an A-MSDU of
 * 802.11 may; and that one, as decoder_decode() gives the first. Each counts as a packet of its own, whose bytes on the
 * wire are its part of the frame's. */
bool decoder_has_rest(const struct decoder *decoder);
enum decode_reason decoder_decode_rest(struct decoder *decoder, const struct frame *frame,
                                       struct packet *packet);

/* There will be no more frames: what is held is ignored (fragment_unknown). */
void decoder_give_up(struct decoder *decoder);

/* What the frames carried that were not_ip. */
const struct foreign *decoder_foreign(const struct decoder *decoder);

/* Packets that are held: read, and neither metered nor ignored yet. */
uint64_t decoder_held(const struct decoder *decoder);

/* The recorded times that packets may have, in seconds since the epoch: from 1970 up to the end of 2261, the last year
 * that 64 bits of nanoseconds count to its end (pandas has such dates). Natively a packet with another time is ignored;
 * with the nfstream dialect it has the time of the packet before it. */
#define DECODE_TIME_END INT64_C(9214646400)

/* Packets that follow are of a recording of their own: forgets the time, and what fragments belong together. What is
 * held is to be given up before. */
void decoder_begin_recording(struct decoder *decoder);

/* The decoder's clock: highest packet time so far, in ticks of the dialect. Of each packet that is handed out it is
 * time + held_for. */
int64_t decoder_time(const struct decoder *decoder);
/* Raises the clock without a packet (a quiet live link); an earlier time changes nothing. Seconds and microseconds as
 * in struct frame. */
int64_t decoder_advance(struct decoder *decoder, int64_t seconds, int32_t microseconds);

/* Packets whose recorded time was raised since the start. */
uint64_t decoder_times_raised(const struct decoder *decoder);
