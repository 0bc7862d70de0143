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

enum decode_reason native_decode(struct decoder *decoder, const struct frame *frame, int64_t time,
                                 struct packet *packet) {
    struct native_walk walk = {
        .frame = {frame->bytes, frame->captured_length},
        .wire_end = frame->wire_length > frame->captured_length ? frame->wire_length : frame->captured_length,
        .packet = packet,
        .decoder = decoder,
        .time = time,
    };
    bool entered = true;
    packet->size[ACCOUNT_RAW] = frame->wire_length;
    enum decode_reason reason = native_link(&walk, frame->link_type);
    while (reason == DECODE_METERED && entered) {
        entered = false;
        reason = native_network(&walk);
        if (reason == DECODE_METERED && decoder->options.decode_tunnels)
            reason = look_into(&walk, &entered);
    }
    return reason == DECODE_METERED ? native_transport(&walk) : reason;
}
