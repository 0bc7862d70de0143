/* A tunnel over UDP that the native dialect looks into: one file and one row in tunnels.def. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "decode/packet.h"

/* What a UDP payload on a tunnel's port turned out to be. */
enum tunnel_result {
    TUNNEL_CLOSED, /* not a tunnelled packet (signalling, another protocol): the UDP packet itself is metered */
    TUNNEL_OPEN,   /* `inner` is filled */
    TUNNEL_MALFORMED, /* it is a tunnelled packet, but its tunnel header is cut or makes no sense */
};

enum tunnel_content { TUNNEL_IP, TUNNEL_ETHERNET, TUNNEL_WIFI, TUNNEL_WIFI_SWAPPED };

struct tunnel_inner {
    size_t offset; /* of the inner header, from the start of the UDP payload */
    enum tunnel_content content;
};

struct tunnel {
    enum tunnel_kind kind;
    uint16_t port; /* of either side */
    enum tunnel_result (*open)(struct bytes payload, struct tunnel_inner *inner);
};

#define TUNNEL(name) extern const struct tunnel tunnel_##name;
#include "decode/tunnel/tunnels.def"
#undef TUNNEL
