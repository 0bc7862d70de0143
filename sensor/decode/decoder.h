/* What a decoder holds between two frames, for the room's own files; decoder_create() makes it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decode/decode_options.h"
#include "decode/fragment.h"
#include "decode/held.h"
#include "decode/segments.h"
#include "decode/walk/foreign.h"
#include "decode/walk/reason.h"

/* What is left of a frame with several packets (an A-MSDU of 802.11), and what was known before the first one. */
struct aggregate {
    size_t next; /* offset of the next one in the frame; 0: there is no more */
    size_t captured, wire_end;
    unsigned depth, tunnels;
    bool mesh; /* mesh control may stand before each */
    struct packet packet;
};

enum { DECODER_MAGIC = 0x7dec0de1 };

struct decoder {
    uint32_t magic;
    struct decode_options options;
    int64_t time; /* highest so far, in ticks of the dialect */
    uint64_t times_raised;
    bool has_more;          /* for decoder_next() */
    struct foreign foreign; /* of frames that are not_ip */

    /* A first fragment that is handed out after those that waited for it. */
    bool has_last;
    enum decode_reason last_reason;
    struct packet last;

    struct fragment_table fragments; /* native, as what follows */
    struct held held;
    struct aggregate aggregate;
    struct tunnel_ports tunnel_ports;
    struct segments segments;
};
