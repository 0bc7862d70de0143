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

#include "base/error.h"
#include "capture/capture.h"
#include "decode/foreign.h"
#include "decode/packet.h"
#include "decode/tunnel_ports.h"

/* Why a packet is not metered. One row a reason: identifier and what a person reads. The names are the ledger's and,
 * later, a metric's labels: they don't change. */
#define DECODE_REASONS(X)                                                   \
    X(time_out_of_range, "recorded time before 1970 or after 2261")         \
    X(link_type, "link type that is not decoded")                           \
    X(link_damaged, "frame was received with a wrong checksum")             \
    X(link_truncated, "frame ends within the link header")                  \
    X(not_ip, "not IPv4 or IPv6 (ARP, STP, ...)")                           \
    X(too_deep, "more headers nested than the limit")                       \
    X(ip_truncated, "frame ends within the IP header or what it announces") \
    X(ip_malformed, "IP header with impossible version or lengths")         \
    X(ip_extension, "IPv6 extension header or AH cut or malformed")         \
    X(fragment_unknown, "later fragment whose first one was not seen")      \
    X(tunnel_malformed, "tunnel header cut or malformed")                   \
    X(transport_truncated, "frame ends within the transport header")        \
    X(own_traffic, "of the sensor's own connections to Kafka and the registry")

enum decode_reason {
    DECODE_METERED = 0, /* *packet is filled */
#define X(name, text) DECODE_##name,
    DECODE_REASONS(X)
#undef X
        DECODE_REASON_COUNT,
    DECODE_HELD = DECODE_REASON_COUNT, /* not decided yet: decoder_next() tells */
};

const char *decode_reason_name(enum decode_reason reason); /* "link_type" */
const char *decode_reason_text(enum decode_reason reason); /* for people */

enum decode_dialect { DECODE_NATIVE, DECODE_NFSTREAM };

struct decode_options {
    enum decode_dialect dialect;
    bool decode_tunnels;        /* natively those of tunnel/tunnels.def; nfstream: GTP-U, CAPWAP, TZSP */
    bool ignore_own_sockets;    /* TCP of base/own_sockets.h, also in tunnels */
    bool symmetric_tunnel_keys; /* natively: an identifier that differs by direction tells no packets apart */
    const struct tunnel_ports *tunnel_ports; /* natively; NULL: each tunnel's usual ones */
};

/* Most headers (link, VLAN tag, MPLS label, IP, tunnel; natively also IPv6 extensions) that are walked in one frame. */
enum { DECODE_DEPTH_MAX = 32 };

/* Most tunnels in each other, natively. Nobody nests that many but to cost us time. */
enum { DECODE_TUNNELS_MAX = 8 };

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
