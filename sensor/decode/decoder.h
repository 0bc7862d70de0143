/* What a decoder holds between two frames, for the room's own files; decoder_create() makes it. */
#pragma once

#include <stdint.h>

#include "decode/decode.h"
#include "decode/fragment.h"
#include "decode/held.h"
#include "decode/tunnel_ports.h"

struct decoder {
    struct decode_options options;
    int64_t time; /* highest so far, in ticks of the dialect */
    uint64_t times_raised;
    bool has_more; /* for decoder_next() */

    /* A first fragment, while those that waited for it go before it. */
    bool has_last;
    enum decode_reason last_reason;
    struct packet last;

    struct fragment_table fragments; /* native, as what follows */
    struct held held;
    struct tunnel_ports tunnel_ports;
};
