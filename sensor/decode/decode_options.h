/* What a decoder is told when it is made. */
#pragma once

#include <stdbool.h>

#include "decode/tunnel_ports.h"

/* Which identifiers in tunnel headers are in the flow key. */
enum tunnel_keys {
    TUNNEL_KEYS_ALL,
    TUNNEL_KEYS_SYMMETRIC, /* those that are the same in both directions */
    TUNNEL_KEYS_NONE,
};

enum decode_dialect { DECODE_NATIVE, DECODE_NFSTREAM };

struct decode_options {
    enum decode_dialect dialect;
    bool decode_tunnels;          /* natively those of tunnel/tunnels.def; nfstream: GTP-U, CAPWAP, TZSP */
    bool ignore_own_sockets;      /* TCP of base/own_sockets.h, also in tunnels */
    enum tunnel_keys tunnel_keys; /* natively */
    bool interfaces_apart;        /* natively: each interface has flows of its own */
    const struct tunnel_ports *tunnel_ports; /* natively; NULL: each tunnel's usual ones */
};
