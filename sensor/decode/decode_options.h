/* What a decoder is told when it is made. */
#pragma once

#include <stdbool.h>

#include "decode/tunnel_ports.h"

enum decode_dialect { DECODE_NATIVE, DECODE_NFSTREAM };

struct decode_options {
    enum decode_dialect dialect;
    bool decode_tunnels;        /* natively those of tunnel/tunnels.def; nfstream: GTP-U, CAPWAP, TZSP */
    bool ignore_own_sockets;    /* TCP of base/own_sockets.h, also in tunnels */
    bool symmetric_tunnel_keys; /* natively: identifiers that differ by direction are not in the flow key */
    const struct tunnel_ports *tunnel_ports; /* natively; NULL: each tunnel's usual ones */
};
