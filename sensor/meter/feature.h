/* What a feature of a flow is: a state of fixed size that lives in the flow's block, and calls at the points of a
 * flow's life: on_init, on_update for every packet, on_expire, (export), on_release. A new feature is one file in
 * the room feature/ and one row in features.def, and its values are rows in record/field/catalogue.def. Nobody includes
 * anything of feature/: rows name what the linker finds there, and what others need of a feature's state stands here,
 * beside it (l7.h, udps.h). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "decode/walk/packet.h"
#include "meter/flow.h"

struct meter_options;
struct dissector;
struct udps_instance;
struct visibility_client;

/* What every call of a feature may use. It changes between two packets alone. */
struct feature_context {
    const struct meter_options *options;
    struct dissector *dissector;          /* NULL while l7 is off */
    struct udps_instance *udps;           /* NULL without udps */
    struct visibility_client *visibility; /* NULL while process is off */
    uint64_t *loss_gap_bytes;             /* sum of flows that ended, which tcp_gaps adds to */
    unsigned overload; /* steps that are taken (overload_taken()): what new flows do without */
};

struct feature {
    const char *name;

    /* Bytes of state in each flow, 0: the feature is off under these options. Aligned to 8. */
    size_t (*state_size)(const struct meter_options *options);

    /* A flow begins: its addresses, ports and slice are set, its counters are 0, the state's bytes are undefined. */
    void (*on_init)(const struct feature_context *context, struct flow *flow);

    /* Each packet, the first included. The counters still hold what they held before the packet; `direction` is
     * SRC2DST or DST2SRC (also for the first packet of a later slice), `size` the packet's accounted bytes. */
    void (*on_update)(const struct feature_context *context, struct flow *flow, const struct packet *packet,
                      enum flow_direction direction, uint32_t size);

    /* The flow has ended and is about to be exported: make the state readable. May be NULL. */
    void (*on_expire)(const struct feature_context *context, struct flow *flow);

    /* The flow goes on, and is about to be exported as it is now (an early or update record): make the state readable, in a
     * way that leaves what later records say unchanged. May be NULL. */
    void (*on_show)(const struct feature_context *context, struct flow *flow);

    /* It was exported, and goes on: undo what on_show did. May be NULL. */
    void (*on_hide)(const struct feature_context *context, struct flow *flow);

    /* The flow was exported; give back what the state holds. `next` is NULL, or the flow's next slice, just
     * initialised, which may take something over. May be NULL. */
    void (*on_release)(const struct feature_context *context, struct flow *flow, struct flow *next);
};

#define FEATURE(name) extern const struct feature feature_##name;
#include "meter/features.def"
#undef FEATURE

/* By enum feature_index. Constant: any thread. */
extern const struct feature *const feature_table[FEATURE_COUNT];
