#include "decode/native.h"

#include "decode/link_types.h"
#include "decode/tunnel/tunnel.h"

enum { PROTOCOL_UDP = 17, UDP_HEADER = 8 };

static const struct tunnel *const tunnels[] = {
#define TUNNEL(name) &tunnel_##name,
#include "decode/tunnel/tunnels.def"
#undef TUNNEL
};

static const struct tunnel *find_tunnel(uint16_t source_port, uint16_t destination_port) {
    for (size_t i = 0; i < sizeof tunnels / sizeof *tunnels; i++)
        if (tunnels[i]->port == source_port || tunnels[i]->port == destination_port)
            return tunnels[i];
    return NULL;
}

/* Looks behind the UDP header at walk->offset; `*entered` says that the walk is at a tunnel's inner IP header. */
static enum decode_reason enter_tunnel(struct native_walk *walk, bool *entered) {
    struct tunnel_inner inner = {0};
    const struct tunnel *tunnel =
        find_tunnel(bytes_u16(walk->frame, walk->offset), bytes_u16(walk->frame, walk->offset + 2));
    *entered = false;
    if (tunnel == NULL)
        return DECODE_METERED;
    struct bytes payload = bytes_from(walk->frame, walk->offset + UDP_HEADER);
    switch (tunnel->open(payload, &inner)) {
    case TUNNEL_CLOSED: return DECODE_METERED;
    case TUNNEL_MALFORMED: return DECODE_tunnel_malformed;
    case TUNNEL_OPEN: break;
    }
    walk->offset += UDP_HEADER + inner.offset;
    walk->packet->tunnel = (uint8_t)tunnel->kind;
    *entered = true;
    switch (inner.content) {
    case TUNNEL_ETHERNET: return native_link(walk, LINK_ETHERNET);
    case TUNNEL_WIFI:
    case TUNNEL_WIFI_SWAPPED: return native_wifi(walk, inner.content == TUNNEL_WIFI_SWAPPED);
    case TUNNEL_IP: break;
    }
    return DECODE_METERED;
}

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
        if (reason == DECODE_METERED && decoder->options.decode_tunnels && packet->protocol == PROTOCOL_UDP &&
            !walk.later_fragment && native_have(&walk, UDP_HEADER))
            reason = enter_tunnel(&walk, &entered);
    }
    return reason == DECODE_METERED ? native_transport(decoder, &walk, time) : reason;
}
