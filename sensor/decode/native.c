#include "decode/native.h"

enum decode_reason native_decode(struct decoder *decoder, const struct frame *frame, int64_t time,
                                 struct packet *packet) {
    struct native_walk walk = {
        .frame = {frame->bytes, frame->captured_length},
        .wire_end = frame->wire_length > frame->captured_length ? frame->wire_length : frame->captured_length,
        .packet = packet,
    };
    bool entered = true;
    packet->size[ACCOUNT_RAW] = frame->wire_length;
    enum decode_reason reason = native_link(&walk, frame->link_type);
    while (reason == DECODE_METERED && entered) {
        entered = false;
        reason = native_network(&walk);
        if (reason == DECODE_METERED && decoder->options.decode_tunnels)
            reason = native_tunnel(decoder, &walk, &entered);
    }
    return reason == DECODE_METERED ? native_transport(decoder, &walk, time) : reason;
}
