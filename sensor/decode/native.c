#include "decode/native.h"

/* The walk goes on at the inner IP header if `*entered`. */
static enum decode_reason look_into(struct native_walk *walk, bool *entered) {
    struct fragment_key key;
    bool first_fragment = walk->first_fragment;
    if (first_fragment)
        key = native_fragment_key(walk);
    enum decode_reason reason = native_tunnel(walk, entered);
    if (first_fragment && (*entered || reason != DECODE_METERED))
        native_remember(walk, &key, &(struct fragment_datagram){.looked_into = true});
    return reason;
}

/* Goes on from the IP header, if the walk has reached one. */
static enum decode_reason go_on(struct native_walk *walk, enum decode_reason reason) {
    bool entered = true;
    while (reason == DECODE_METERED && entered) {
        entered = false;
        reason = native_network(walk);
        if (reason == DECODE_METERED && walk->decoder->options.decode_tunnels)
            reason = look_into(walk, &entered);
    }
    if (reason == DECODE_not_ip)
        foreign_count(&walk->decoder->foreign, walk->foreign, 1);
    return reason == DECODE_METERED ? native_transport(walk) : reason;
}

enum decode_reason native_decode(struct decoder *decoder, const struct frame *frame, int64_t time,
                                 struct packet *packet) {
    struct native_walk walk = {
        .frame = {frame->bytes, frame->captured_length},
        .wire_end = frame->wire_length > frame->captured_length ? frame->wire_length : frame->captured_length,
        .packet = packet,
        .decoder = decoder,
        .time = time,
    };
    packet->size[ACCOUNT_RAW] = frame->wire_length;
    decoder->aggregate.next = 0;
    return go_on(&walk, native_link(&walk, frame->link_type));
}

enum decode_reason native_decode_rest(struct decoder *decoder, const struct frame *frame, int64_t time,
                                      struct packet *packet) {
    const struct aggregate *aggregate = &decoder->aggregate;
    struct native_walk walk = {
        .frame = {frame->bytes, aggregate->captured},
        .offset = aggregate->next,
        .wire_end = aggregate->wire_end,
        .depth = aggregate->depth,
        .tunnels = aggregate->tunnels,
        .packet = packet,
        .decoder = decoder,
        .time = time,
    };
    *packet = aggregate->packet;
    return go_on(&walk, native_next_subframe(&walk));
}

void native_note_foreign(struct decoder *decoder, const struct frame *frame) {
    struct packet packet = {0};
    struct native_walk walk = {
        .frame = {frame->bytes, frame->captured_length},
        .wire_end = frame->captured_length,
        .packet = &packet,
        .decoder = decoder,
    };
    native_link(&walk, frame->link_type);
    decoder->aggregate.next = 0;
    foreign_count(&decoder->foreign, walk.foreign, 1);
}
