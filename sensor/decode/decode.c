#include "decode/decode.h"

#include <limits.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/cache_line.h"
#include "base/check.h"
#include "base/own_sockets.h"
#include "decode/decoder.h"
#include "decode/native.h"
#include "decode/nfstream.h"

size_t decoder_memory(void) {
    return sizeof(struct decoder);
}

struct decoder *decoder_create(const struct decode_options *options) {
    struct decoder *decoder = cache_line_calloc(1, sizeof *decoder);
    if (decoder == NULL)
        return NULL;
    decoder->magic = DECODER_MAGIC;
    decoder->options = *options;
    if (options->tunnel_ports != NULL)
        decoder->tunnel_ports = *options->tunnel_ports;
    else
        tunnel_ports_set(&decoder->tunnel_ports, NULL, 0, NULL);
    if (fragment_table_init(&decoder->fragments) < 0) {
        free(decoder);
        return NULL;
    }
    return decoder;
}

void decoder_destroy(struct decoder *decoder) {
    if (decoder == NULL)
        return;
    CHECK(IS_VALID(decoder, DECODER_MAGIC));
    MAGIC_CLEAR(decoder);
    free(decoder);
}

/* Stands for "no time". Every time is later. */
enum { NO_TIME = -1 };

/* Both dialects divide toward zero, so a damaged negative fraction subtracts less than one tick. NO_TIME if the time is out
 * of range (pcapng has 64 bits of seconds). NFStream's times are unsigned, so it makes a time in the far future instead. */
static int64_t ticks_of(enum decode_dialect dialect, int64_t seconds, int32_t microseconds) {
    int64_t a_second = dialect == DECODE_NFSTREAM ? 1000 : 1000000;
    int64_t fraction = dialect == DECODE_NFSTREAM ? microseconds / 1000 : microseconds;
    if (seconds < 0 || seconds >= DECODE_TIME_END)
        return NO_TIME;
    int64_t time = seconds * a_second + fraction;
    return time >= 0 && time < DECODE_TIME_END * a_second ? time : NO_TIME;
}

static bool is_own_end(const struct packet *packet, const uint8_t address[16], uint16_t port) {
    return own_socket_has_port(port) && own_socket_has(packet->ip_version, address, port);
}

static bool is_own(const struct packet *packet) {
    return packet->protocol == IPPROTO_TCP &&
           (is_own_end(packet, packet->source, packet->source_port) ||
            is_own_end(packet, packet->destination, packet->destination_port));
}

/* The steady time of a frame whose recorded time is `own`. Live frames have sane times, and times from files are used as
 * they are. */
static int64_t steady_ticks(enum decode_dialect dialect, const struct frame *frame, int64_t own) {
    if (frame->to_steady == 0)
        return own;
    int64_t time = frame->seconds * 1000000 + frame->microseconds + frame->to_steady;
    return ticks_of(dialect, time / 1000000, (int32_t)(time % 1000000));
}

/* Sets the packet's time. `time` is the recorded time as steady time, in ticks. */
static enum decode_reason decoder_finish(struct decoder *decoder, enum decode_reason reason, int64_t time,
                                         struct packet *packet) {
    if (reason != DECODE_METERED)
        return reason;
    if (decoder->options.ignore_own_sockets && is_own(packet))
        return DECODE_own_traffic;
    if (time < decoder->time) {
        packet->flags |= PACKET_TIME_RAISED;
        decoder->times_raised++;
    } else {
        decoder->time = time;
    }
    packet->time = decoder->time;
    return DECODE_METERED;
}

static enum decode_reason finish_held(struct decoder *decoder, const struct held_packet *held,
                                      struct packet *packet) {
    *packet = held->packet;
    if (held->looked_into)
        return DECODE_fragment_unknown;
    if (decoder->options.ignore_own_sockets && is_own(packet))
        return DECODE_own_traffic;
    decoder->times_raised += (packet->flags & PACKET_TIME_RAISED) != 0;
    packet->held_for = (uint32_t)(decoder->time - packet->time);
    return DECODE_METERED;
}

static void packet_raise_time(struct decoder *decoder, struct packet *packet, int64_t time) {
    decoder->times_raised += (packet->flags & PACKET_TIME_RAISED) == 0;
    packet->flags |= PACKET_TIME_RAISED;
    packet->time = decoder->time = time;
}

/* A first fragment came: the fragments that waited for it go before it. */
static enum decode_reason put_last(struct decoder *decoder, enum decode_reason reason, int64_t time,
                                   struct packet *packet) {
    reason = decoder_finish(decoder, reason, time, packet);
    if (reason == DECODE_METERED && packet->time < decoder->held.newest)
        packet_raise_time(decoder, packet, decoder->held.newest);
    decoder->has_last = true;
    decoder->last_reason = reason;
    decoder->last = *packet;
    decoder_next(decoder, &reason, packet);
    return reason;
}

static enum decode_reason decode_natively(struct decoder *decoder, const struct frame *frame, int64_t time,
                                          bool rest, struct packet *packet) {
    struct held *held = &decoder->held;
    if (held->count > 0)
        held_expire(held, decoder->time - FRAGMENT_LIFETIME_US);
    enum decode_reason reason =
        rest ? native_decode_rest(decoder, frame, time, packet) : native_decode(decoder, frame, time, packet);
    decoder->has_more = held->released > 0 || held->given_up > 0;
    return held->released > 0 ? put_last(decoder, reason, time, packet)
                              : decoder_finish(decoder, reason, time, packet);
}

static struct packet_place place_of(const struct frame *frame) {
    if (frame->interface == 0)
        return (struct packet_place){.capture_file = frame->file};
    return (struct packet_place){
        .interface = frame->interface, .outgoing = frame->outgoing, .at_pod = frame->at_pod};
}

enum decode_reason decoder_decode(struct decoder *decoder, const struct frame *frame, struct packet *packet) {
    DEBUG_CHECK(IS_VALID(decoder, DECODER_MAGIC));
    enum decode_dialect dialect = decoder->options.dialect;
    int64_t own = ticks_of(dialect, frame->seconds, frame->microseconds);
    int64_t time = steady_ticks(dialect, frame, own);
    memset(packet, 0, sizeof *packet);
    packet->to_wall = own - time;
    packet->place = place_of(frame);
    packet->tunnel_path =
        decoder->options.interfaces_apart ? (uint64_t)frame->interface << TUNNEL_PATH_BITS : 0;
    packet->flags = frame->oversized ? PACKET_OFFLOAD : 0;
    decoder->segments.rest = 0;
    if (dialect == DECODE_NATIVE) {
        enum decode_reason reason =
            own == NO_TIME ? DECODE_time_out_of_range : decode_natively(decoder, frame, time, false, packet);
        /* Where a first fragment released others, *packet is none of this frame. */
        if (frame->segment_size != 0 && reason == DECODE_METERED && !decoder->has_last)
            segments_begin(&decoder->segments, frame, packet);
        return reason;
    }
    enum decode_reason reason = nfstream_decode(frame, decoder->options.decode_tunnels, packet);
    if (reason == DECODE_not_ip)
        native_note_foreign(decoder, frame);
    return decoder_finish(decoder, reason, time, packet);
}

bool decoder_has_rest(const struct decoder *decoder) {
    return decoder->aggregate.next != 0 || decoder->segments.rest != 0;
}

enum decode_reason decoder_decode_rest(struct decoder *decoder, const struct frame *frame,
                                       struct packet *packet) {
    DEBUG_CHECK(decoder_has_rest(decoder));
    int64_t own = ticks_of(DECODE_NATIVE, frame->seconds, frame->microseconds);
    int64_t time = steady_ticks(DECODE_NATIVE, frame, own);
    if (decoder->segments.rest == 0)
        return decode_natively(decoder, frame, time, true, packet);
    segments_next(&decoder->segments, packet);
    return decoder_finish(decoder, DECODE_METERED, time, packet);
}

/* Not inlined into decoder_next(), which is called after every frame. */
static bool decoder_take_next(struct decoder *decoder, enum decode_reason *reason, struct packet *packet) {
    struct held *held = &decoder->held;
    const struct held_packet *released = held_take(held);
    if (released != NULL) {
        *reason = finish_held(decoder, released, packet);
    } else if (decoder->has_last) {
        decoder->has_last = false;
        *packet = decoder->last;
        *reason = decoder->last_reason;
    } else if (held->given_up > 0) {
        held->given_up--;
        *reason = DECODE_fragment_unknown;
    } else {
        decoder->has_more = false;
    }
    return decoder->has_more;
}

bool decoder_next(struct decoder *decoder, enum decode_reason *reason, struct packet *packet) {
    return decoder->has_more && decoder_take_next(decoder, reason, packet);
}

bool decoder_has_next(const struct decoder *decoder) {
    return decoder->has_more;
}

void decoder_give_up(struct decoder *decoder) {
    held_expire(&decoder->held, INT64_MAX);
    decoder->has_more = true;
}

const struct foreign *decoder_foreign(const struct decoder *decoder) {
    return &decoder->foreign;
}

uint64_t decoder_held(const struct decoder *decoder) {
    return decoder->held.waiting;
}

int64_t decoder_time(const struct decoder *decoder) {
    return decoder->time;
}

int64_t decoder_lateness(const struct decoder *decoder) {
    int64_t earliest;
    bool is_late = held_earliest(&decoder->held, &earliest) && earliest < decoder->time;
    return is_late ? decoder->time - earliest : 0;
}

int64_t decoder_advance(struct decoder *decoder, int64_t seconds, int32_t microseconds) {
    int64_t now = ticks_of(decoder->options.dialect, seconds, microseconds);
    if (now > decoder->time)
        decoder->time = now;
    held_expire(&decoder->held, decoder->time - FRAGMENT_LIFETIME_US);
    decoder->has_more = true;
    return decoder->time;
}

void decoder_begin_recording(struct decoder *decoder) {
    fragment_forget(&decoder->fragments);
    decoder->held.newest = 0;
    decoder->time = 0;
}

const struct segment_counts *decoder_segments(const struct decoder *decoder) {
    return &decoder->segments.counts;
}

uint64_t decoder_times_raised(const struct decoder *decoder) {
    return decoder->times_raised;
}
