/* What a decoder holds between two frames, for the room's own files; decoder_create() makes it. */
#pragma once

#include <stdint.h>

#include "decode/decode.h"
#include "decode/fragment.h"
#include "decode/tunnel_ports.h"

struct decoder {
    struct decode_options options;
    int64_t time; /* highest so far, in ticks of the dialect */
    uint64_t times_raised;
    struct fragment_table fragments; /* native, as what follows */
    struct tunnel_ports tunnel_ports;
};
