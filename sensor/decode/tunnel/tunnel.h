/* A tunnel that the native dialect looks into: one file and one row in tunnels.def. Constant data: any thread may read
 * it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "decode/walk/packet.h"

/* What the carrier's payload turned out to be. */
enum tunnel_result {
    TUNNEL_CLOSED, /* not a tunnelled packet (signalling, another protocol): the outer packet itself is metered */
    TUNNEL_CUT,  /* too few bytes to tell: the tunnel's header was cut, or, of a whole packet, this is none */
    TUNNEL_OPEN, /* `inner` is filled */
    TUNNEL_MALFORMED, /* it is a tunnelled packet, but its tunnel header is cut or makes no sense */
};

enum tunnel_content {
    TUNNEL_IP,
    TUNNEL_ETHERNET,
    TUNNEL_WIFI,
    TUNNEL_WIFI_SWAPPED,
    TUNNEL_PPP,
    TUNNEL_LINK,      /* a frame of the link type that inner.type says */
    TUNNEL_ETHERTYPE, /* as inner.type says */
    TUNNEL_PROTOCOL,  /* another tunnel over IP, whose protocol inner.type says */
    TUNNEL_SESSION,   /* what the ends agreed on: IP, Ethernet, or something private */
};

struct tunnel_inner {
    /* Input: bytes of the carrier's payload as the carrier's header says, captured or not; and whether it is the first
     * fragment of a longer one. */
    size_t announced;
    bool is_fragment;

    /* Output. */
    size_t offset; /* of the inner header, from the start of the carrier's payload */
    enum tunnel_content content;
    uint32_t key;     /* the tunnel's own identifier */
    uint16_t type;    /* an EtherType, IP protocol or link type */
    uint16_t vlan_id; /* of the carried frame, where the tunnel's header has it; else 0 */
    bool has_key;
};

struct tunnel {
    enum tunnel_kind kind;
    /* `payload` is what was captured behind the carrier's header. The output members are zeroed before. */
    enum tunnel_result (*open)(struct bytes payload, struct tunnel_inner *inner);
    bool key_differs_by_direction; /* each end chooses the identifier of what it receives */
};

#define TUNNEL(name, over, ...) extern const struct tunnel tunnel_##name;
#include "decode/tunnel/tunnels.def"
#undef TUNNEL

/* What carries a tunnel. */
enum tunnel_carrier { TUNNEL_OVER_IP, TUNNEL_OVER_UDP, TUNNEL_OVER_ETHERTYPE };

enum { TUNNEL_NUMBERS_MAX = 2 };

struct tunnel_row {
    const char *name;
    const struct tunnel *tunnel;
    enum tunnel_carrier carrier;
    uint16_t numbers[TUNNEL_NUMBERS_MAX]; /* the carrier's that say so; of UDP the usual ports. 0: none */
};

enum {
#define TUNNEL(name, over, ...) TUNNEL_ROW_##name,
#include "decode/tunnel/tunnels.def"
#undef TUNNEL
    TUNNEL_ROWS
};

extern const struct tunnel_row tunnel_rows[TUNNEL_ROWS]; /* decode/tunnel_ports.c */
