/* The inside of the meter, for its own files: meter.c creates and destroys it, and has its statistics; meter_flow.c takes
 * packets; meter_sweep.c ends idle flows and evicts. Other files include meter.h. All of it runs in the meter's thread. */
#pragma once

#include "base/check.h"
#include "base/hash.h"
#include "base/pool.h"
#include "meter/ended.h"
#include "meter/expiry.h"
#include "meter/feature.h"
#include "meter/meter.h"
#include "meter/table.h"
#include "meter/tcp_end.h"

enum { METER_MAGIC = 0x4d657465 };

/* After so many ticks without a packet a flow is idle. */
struct idle_timeouts {
    int64_t any, answered; /* of UDP flows of one packet each way */
};

struct meter {
    uint32_t magic;
    bool native;
    bool is_behind; /* the last sweep stopped at its limit: idle flows are left */
    struct meter_options options;
    int64_t sweep_interval; /* ticks */
    int64_t last_sweep;
    int64_t time;                  /* of the latest packet or tick */
    int64_t to_wall;               /* of the latest slice, as in struct flow */
    uint64_t opened_at_last_sweep; /* flows_opened then */

    struct table table;
    struct expiry expiry;
    struct hash_key seed;
    struct pool *blocks; /* a block is a flow and the states of its features */
    struct flow *spare; /* a block for the next slice of a flow that is being exported: there is always one */
    struct flow_shared shared;
    uint32_t tcp_end_offset; /* of struct tcp_end in the block; 0: meter.tcp_end is off */

    const struct feature *features[FEATURE_COUNT]; /* those that are on */
    size_t feature_count;
    struct feature_context context;
    struct dissector *dissector; /* NULL: no labels */
    struct ended *ended;

    /* Overload. The steps that are taken are in `context`. */
    struct overload overload;
    struct idle_timeouts timeouts;   /* in force: shorter than the options' while flows end early */
    bool chooses;                    /* a new flow is looked at: is it taken, and is its start whole? */
    int64_t sampled_out_at, shed_at; /* the latest packets that belong to no flow */

    meter_export_call *export_flow;
    void *export_context;
    meter_room_call *has_room; /* NULL: there always is */
    struct meter_statistics statistics;
};

/* Ends the flow: it is exported, its features' states are released, and its block goes back to the pool. */
void meter_end_flow(struct meter *meter, struct flow *flow, enum end_reason reason);

/* Gives back what the features' states hold. `next` is the flow's next slice, which may take it over, or NULL. */
void meter_release_features(struct meter *meter, struct flow *flow, struct flow *next);

/* Ends a flow to make room for another one: one that is idle, or else evicts one. At least one flow must be open. */
void meter_make_room(struct meter *meter);

/* Ends idle flows behind a packet. Call it where meter_may_sweep() says so. */
void meter_sweep_after_packet(struct meter *meter);

/* Whether the packet, of no open flow, may begin one. Call it where `chooses` is set. It counts those that may not. */
bool meter_admits(struct meter *meter, const struct flow_key *key, const struct packet *packet);
/* Sets what overload does to a new flow that is admitted. */
void meter_mark_start(const struct meter *meter, struct flow *flow);
/* Sets what overload did to a flow that ends. */
void meter_mark_end(const struct meter *meter, struct flow *flow);
/* The ladder's start, as part of meter_create(). */
void meter_begin_overload(struct meter *meter);

static inline bool meter_is_sweep_due(const struct meter *meter) {
    return meter->time - meter->last_sweep >= meter->sweep_interval;
}

static inline bool meter_may_sweep(const struct meter *meter) {
    return meter->is_behind || meter_is_sweep_due(meter);
}

/* The meter's time by the wall clock, as far as the latest slice knows that clock; never below the one of an export. */
static inline int64_t meter_record_time(const struct meter *meter) {
    int64_t time = meter->time + meter->to_wall;
    return time > meter->shared.record_time ? time : meter->shared.record_time;
}

static inline struct tcp_end *meter_tcp_end(const struct meter *meter, struct flow *flow) {
    return (struct tcp_end *)((char *)flow + meter->tcp_end_offset);
}

/* Whether the flow is closed and its grace is over. */
static inline bool meter_is_past_grace(const struct meter *meter, struct flow *flow) {
    return tcp_is_closed(flow) && tcp_end_is_due(meter_tcp_end(meter, flow), meter->time);
}

/* Without a packet for as long as a flow of its class may be. */
static inline bool meter_is_idle_by(const struct meter *meter, const struct flow *flow,
                                    const struct idle_timeouts *timeouts) {
    int64_t timeout = flow->eviction_class == EVICT_ANSWERED ? timeouts->answered : timeouts->any;
    return meter->time - flow_last_seen(flow, BIDIRECTIONAL) >= timeout;
}

static inline bool meter_is_idle(const struct meter *meter, const struct flow *flow) {
    return meter_is_idle_by(meter, flow, &meter->timeouts);
}

/* Why the flow ends: because its connection is over, or because nothing more came, or else as the caller says. */
static inline enum end_reason meter_reason(const struct meter *meter, const struct flow *flow,
                                           enum end_reason otherwise) {
    if (tcp_is_closed(flow))
        return tcp_end_reason(flow);
    if (!meter_is_idle(meter, flow))
        return otherwise;
    return flow->eviction_class == EVICT_ANSWERED ? END_ANSWERED : END_IDLE;
}
