/* Fuzzes the whole meter with nDPI: payloads in packets whose headers the decoder and nDPI may read differently, in
 * flows that change their shape in the middle, in a table that evicts. Heap that flows took must be back when none is
 * open.
 *
 * An input is a byte of options (dialect, then whether the native meter is overloaded by some steps) and steps: shape, conversation, seconds << 4 | number of flows, two bytes of length,
 * payload. seeds.py makes such inputs from captures. The meters live as long as the process, since nDPI takes 12 ms to
 * start. */
#include <sanitizer/allocator_interface.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decode/decode.h"
#include "meter/l7.h"
#include "meter/meter.h"

enum {
    LINK_RAW_IP = 101,
    TABLE_FLOWS = 1024, /* the least that a meter takes */
    FLOOD_FLOWS = 300,
    FRAME_MAX = 4096,
    PAYLOAD_MAX = 1500,
    TEXT_BYTES_MAX = 255,
    /* Features that read payload by themselves. */
    PAYLOAD_READERS = 1 << FEATURE_dns | 1 << FEATURE_ftp | 1 << FEATURE_quic | 1 << FEATURE_entropy,
    STEP_HEADER = 5,
    STEPS_MAX = 48,
    TCP = 6,
    UDP = 17,
    /* What a flow's nDPI state, its texts and nDPI's own allocations for it may take, and what nDPI remembers across
     * flows. */
    FLOW_BYTES = 32 << 10,
    SHARED_BYTES = 16 << 20,
    REPLAYS = 4,
    IS_OVERLOADED = 2,        /* in the byte of options */
    RAISES_PRESSURE = 1 << 6, /* in a step's second byte: one of the bits that say whose the packet is */
    LOOK = 1000000, /* microseconds between two looks at the pressure, after which a step may be left */
};

/* Headers between the fixed IP header and the transport header. */
struct shape {
    uint8_t version;
    uint8_t first;     /* protocol or next header in the fixed header; 0: the transport's */
    uint8_t extension; /* kind of the one extension header; 0: none */
    uint16_t fragment; /* offset in units of 8 bytes << 3 | more */
    uint8_t next;      /* what the extension header says of the transport; 0: the truth */
    uint8_t tunnel;    /* protocol of an outer IPv4 header; 0: none */
};

enum {
    HOP_BY_HOP = 200,
    ROUTING = 43,
    FRAGMENT = 44,
    AH = 51,
    DESTINATION = 60,
    MOBILITY = 135,
    HIP = 139,
    SHIM6 = 140
};

static const struct shape shapes[] = {
    {.version = 4},
    {.version = 6},
    {.version = 4, .fragment = 1},
    {.version = 4, .fragment = 8 << 3},
    {.version = 4, .extension = AH},
    {.version = 6, .extension = HOP_BY_HOP},
    {.version = 6, .extension = ROUTING},
    {.version = 6, .extension = FRAGMENT},
    {.version = 6, .extension = FRAGMENT, .fragment = 1},
    {.version = 6, .extension = FRAGMENT, .fragment = 8 << 3},
    {.version = 6, .extension = FRAGMENT, .fragment = 8 << 3, .next = UDP},
    {.version = 6, .extension = FRAGMENT, .fragment = 8 << 3, .next = TCP},
    {.version = 6, .extension = AH},
    {.version = 6, .extension = DESTINATION},
    {.version = 6, .extension = MOBILITY},
    {.version = 6, .extension = HIP},
    {.version = 6, .extension = SHIM6},
    {.version = 4, .tunnel = 4},
    {.version = 6, .tunnel = 41},
    {.version = 6, .tunnel = 41, .extension = AH},
    {.version = 4, .first = 132},
    {.version = 6, .first = 59},
};

static const uint16_t ports[] = {443, 80,   25,   110,  143, 88,   53,    22,
                                 21,  3389, 5060, 3478, 465, 6881, 40001, 1900};

static const struct overload_options ladder = {
    .steps = {OVERLOAD_no_dissection, OVERLOAD_short_idle, OVERLOAD_sampling, OVERLOAD_shedding},
    .count = 4,
    .enter = 75,
    .leave = 25,
    .patience = LOOK,
    .idle_timeout = 2000000,
    .sampling_rate = 2,
};

struct meters {
    struct decoder *decoder[2]; /* by dialect */
    struct meter *meter[2];
    int64_t seconds; /* goes on over all inputs */
    int64_t looked;  /* microseconds */
};

static struct meters all;

static void require(bool condition) {
    if (!condition)
        abort();
}

/* A record reads the label, also of a flow that goes on. */
static bool drop(void *context, const struct flow *flow) {
    (void)context;
    require(l7_label(flow) != NULL && l7_label(flow)->name[0] != '\0');
    const struct l7 *l7 = flow_feature(flow, FEATURE_l7);
    for (int text = 0; text < L7_TEXTS; text++)
        require(strlen(l7_text(l7, (enum l7_text)text)) <= TEXT_BYTES_MAX);
    require(l7_tls(l7).version == 0 || !l7->unseen);
    return true;
}

static void open_meters(void) {
    for (int dialect = 0; dialect < 2; dialect++) {
        struct decode_options decode = {.dialect = (enum decode_dialect)dialect, .decode_tunnels = true};
        int64_t second = dialect == DECODE_NATIVE ? 1000000 : 1000;
        struct meter_options options = {
            .profile = dialect == DECODE_NATIVE ? PROFILE_NATIVE : PROFILE_NFSTREAM,
            .idle_timeout = 30 * second,
            .active_timeout = 60 * second,
            .tcp_end = dialect == DECODE_NATIVE,
            .n_dissections = 20,
            .flow_table_size = TABLE_FLOWS,
            .l7_parts = L7_PART_RISKS | L7_PART_TLS | L7_PART_HTTP,
        };
        if (dialect == DECODE_NATIVE) {
            options.features_asked = PAYLOAD_READERS;
            options.overload = ladder;
            options.publish = (struct publish_options){.early_packets = {1, 3, 8},
                                                       .early_packet_count = 3,
                                                       .early_after = 2 * second,
                                                       .update_interval = 5 * second};
        }
        struct error error;
        all.decoder[dialect] = decoder_create(&decode);
        require(all.decoder[dialect] != NULL);
        require(meter_create(&options, drop, NULL, &all.meter[dialect], &error) == 0);
    }
    all.seconds = 1700000000;
}

static size_t put(uint8_t *at, const uint8_t *bytes, size_t length) {
    memcpy(at, bytes, length);
    return length;
}

static void put_u16(uint8_t *at, size_t value) {
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

/* One packet of conversation `who`: its low 4 bits are the server's port, then TCP, then the direction, then whose. */
static size_t transport(uint8_t *at, uint8_t who, uint16_t flow, const uint8_t *payload, size_t length) {
    uint16_t server = ports[who & 15], client = (uint16_t)(30000 + (who >> 6) * 10000 + flow);
    bool back = who & 32;
    put_u16(at, back ? server : client);
    put_u16(at + 2, back ? client : server);
    if ((who & 16) == 0) {
        put_u16(at + 4, 8 + length);
        put_u16(at + 6, 0);
        return 8 + put(at + 8, payload, length);
    }
    memset(at + 4, 0, 16);
    at[12] = 0x50;
    at[13] = length == 0 ? (back ? 0x12 : 0x02) : 0x18;
    return 20 + put(at + 20, payload, length);
}

/* Writes the extension header; returns its length. */
static size_t extension(uint8_t *at, const struct shape *shape, uint8_t protocol) {
    if (shape->extension == 0)
        return 0;
    size_t length = shape->extension == AH ? 24 : 8;
    memset(at, 0, length);
    at[0] = shape->next != 0 ? shape->next : protocol;
    at[1] = shape->extension == AH ? 4 : 0;
    if (shape->extension == FRAGMENT)
        put_u16(at + 2, shape->fragment);
    return length;
}

static size_t ip_header(uint8_t *at, const struct shape *shape, uint8_t who, uint8_t protocol,
                        size_t payload) {
    bool back = who & 32;
    uint8_t first = shape->first != 0 ? shape->first : shape->extension != 0 ? shape->extension : protocol;
    if (first == HOP_BY_HOP)
        first = 0;
    if (shape->version == 4) {
        uint8_t header[20] = {0x45, 0, 0, 0, 0, 7, 0, 0, 64, first, 0, 0, 10, 0, 0, back, 10, 0, 0, !back};
        put_u16(header + 2, sizeof header + payload);
        put_u16(header + 6, (size_t)(shape->fragment >> 3 | (shape->fragment & 1) << 13));
        return put(at, header, sizeof header);
    }
    uint8_t header[40] = {0x60, [6] = first, [7] = 64, [8] = 0xfd, [23] = back, [24] = 0xfd, [39] = !back};
    put_u16(header + 4, payload);
    return put(at, header, sizeof header);
}

static size_t build(uint8_t *frame, const uint8_t *step, uint16_t flow, const uint8_t *payload,
                    size_t length) {
    const struct shape *shape = &shapes[step[0] % (sizeof shapes / sizeof *shapes)];
    uint8_t inner[FRAME_MAX / 2], protocol = step[1] & 16 ? TCP : UDP;
    size_t size = extension(inner, shape, protocol);
    size += transport(inner + size, step[1], flow, payload, length);
    size_t header = 0;
    if (shape->tunnel != 0) {
        const struct shape outer = {.version = 4, .first = shape->tunnel};
        header = ip_header(frame, &outer, step[1], 0, size + (shape->version == 4 ? 20 : 40));
    }
    header += ip_header(frame + header, shape, step[1], protocol, size);
    return header + put(frame + header, inner, size);
}

static void meter_frame(int dialect, const uint8_t *bytes, size_t length) {
    uint8_t *copy = malloc(length);
    require(copy != NULL);
    memcpy(copy, bytes, length);
    struct frame frame = {
        .bytes = copy,
        .captured_length = (uint32_t)length,
        .wire_length = (uint32_t)length,
        .seconds = all.seconds,
        .link_type = LINK_RAW_IP,
    };
    struct packet packet;
    enum decode_reason reason = decoder_decode(all.decoder[dialect], &frame, &packet);
    do {
        if (reason == DECODE_METERED)
            meter_packet(all.meter[dialect], &packet);
    } while (decoder_next(all.decoder[dialect], &reason, &packet));
    free(copy);
}

static uint64_t open_flows(int dialect) {
    struct meter_statistics statistics;
    meter_statistics(all.meter[dialect], &statistics);
    return statistics.flows_open;
}

/* Takes or leaves a step of the ladder. The table's pressure may hold one. */
static void look(int dialect, bool is_high) {
    struct meter_load load;
    all.looked += LOOK;
    meter_look_at_load(all.meter[dialect], is_high ? 100 : 0, all.looked, &load);
}

/* So that an input doesn't depend on the one before it. */
static void recover(int dialect) {
    for (int i = 0; i < 2 * OVERLOAD_STEP_COUNT; i++)
        look(dialect, false);
    struct meter_statistics statistics;
    meter_statistics(all.meter[dialect], &statistics);
    require(statistics.overload_level == 0);
}

/* All steps, and the flows' ends. `before`: bytes of heap when no flow was open. */
static void run(int dialect, bool is_overloaded, const uint8_t *data, size_t size, size_t before) {
    uint8_t frame[FRAME_MAX];
    size_t offset = 0;
    for (int i = 0; i < STEPS_MAX && offset + STEP_HEADER <= size; i++) {
        const uint8_t *step = data + offset;
        size_t length = (size_t)(step[3] << 8 | step[4]) % PAYLOAD_MAX;
        offset += STEP_HEADER;
        if (length > size - offset)
            length = size - offset;
        uint16_t flows = (step[2] & 15) == 15 ? FLOOD_FLOWS : 1;
        all.seconds += step[2] >> 4;
        for (uint16_t flow = 0; flow < flows; flow++)
            meter_frame(dialect, frame, build(frame, step, flow, data + offset, length));
        offset += length;
        if (is_overloaded)
            look(dialect, (step[1] & RAISES_PRESSURE) != 0);
        size_t now = __sanitizer_get_current_allocated_bytes();
        require(now < before + SHARED_BYTES + open_flows(dialect) * FLOW_BYTES);
    }
    meter_finish(all.meter[dialect], END_OF_INPUT);
    require(open_flows(dialect) == 0);
    recover(dialect);
    all.seconds += 100;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What nDPI remembers across flows may grow, at first; what a flow leaves behind grows each time. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1)
        return 0;
    if (all.meter[0] == NULL)
        open_meters();
    int dialect = data[0] & 1;
    size_t before = __sanitizer_get_current_allocated_bytes(), after = before;
    int grown = 0;
    do {
        before = after;
        run(dialect, (data[0] & IS_OVERLOADED) != 0, data + 1, size - 1, before);
        after = __sanitizer_get_current_allocated_bytes();
    } while (after > before && ++grown < REPLAYS);
    if (grown == REPLAYS)
        fprintf(stderr, "%zu bytes are left behind by each run\n", after - before);
    require(grown < REPLAYS);
    return 0;
}
