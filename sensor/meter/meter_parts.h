/* The inside of the meter, for its own files: meter.c creates and destroys it, and has its statistics; meter_flow.c
 * takes packets; meter_sweep.c ends idle flows and evicts; meter_publish.c publishes open ones; meter_bounds.c says
 * what can still come. Other files include meter.h. All of it runs in the meter's thread. */
#pragma once

#include "base/check.h"
#include "base/hash.h"
#include "base/pool.h"
#include "meter/due.h"
#include "meter/ended.h"
#include "meter/expiry.h"
#include "meter/feature.h"
#include "meter/meter.h"
#include "meter/open_slices.h"
#include "meter/table.h"
#include "meter/tcp_end.h"

enum { METER_MAGIC = 0x4d657465 };

/* After so many ticks without a packet a flow is idle. */
struct idle_timeouts {
    int64_t any, answered; /* of UDP flows of one packet each way */
};

/* When the state of an open flow is published next, where that is a matter of time. It lies in a flow's block, and is the
 * slice's own. */
struct publication {
    struct due_node early, update;
    int64_t began;    /* the meter's time at the slice's first packet */
    uint64_t packets; /* of the slice's latest record; 0: there is none */
};

/* Where the meter's own states lie in a block, in bytes from its start; 0: there is none. */
struct block_offsets {
    uint32_t tcp_end;     /* struct tcp_end: meter.tcp_end is on */
    uint32_t publication; /* struct publication: states are published by time */
};

struct meter {
    uint32_t magic;
    bool native;
    bool is_behind; /* the last sweep stopped at its limit: something is left */
    bool publishes; /* states of open flows */
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
    struct block_offsets offsets;

    uint32_t
        early_packets_last; /* the highest number of a packet after which a state is published; 0: none */

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

    /* What bounds need; `slices` is NULL while nobody asks for them. */
    struct open_slices *slices;
    int64_t to_wall_least; /* or lower than that of all open slices */
    int64_t turned;        /* when to_wall became what it is */
    int64_t held_last;     /* when the last packet came that had been held */
    uint32_t held_most;    /* ticks, of those that open flows may have had */

    meter_export_call *export_flow;
    void *export_context;
    meter_room_call *has_room; /* NULL: there always is */
    struct meter_statistics statistics;

    struct due_queue earlies,
        updates; /* nodes of struct publication; each is empty while its option is off */
};

/* Ends the flow: it is exported, its features' states are released, and its block goes back to the pool. */
void meter_end_flow(struct meter *meter, struct flow *flow, enum end_reason reason);

/* Gives back what the features' states hold. `next` is the flow's next slice, which may take it over, or NULL. */
void meter_release_features(struct meter *meter, struct flow *flow, struct flow *next);

/* Ends a flow to make room for another one: one that is idle, or else evicts one. At least one flow must be open. */
void meter_make_room(struct meter *meter);

/* Ends idle flows behind a packet. Call it where meter_may_sweep() says so. */
void meter_sweep_after_packet(struct meter *meter);

/* Publishing (meter_publish.c): where `publishes` is set, but for the first. As part of meter_create(). */
void meter_begin_publishing(struct meter *meter);
/* A slice begins; its first packet is yet to be counted. */
void meter_begin_slice(struct meter *meter, struct flow *flow);
/* Publishes what of the flow is due by now. Call it before a packet of the flow is counted. */
void meter_publish_due(struct meter *meter, struct flow *flow);
/* A packet was counted, and the flow goes on: publishes if it is of a number for that. */
void meter_publish_after_packet(struct meter *meter, struct flow *flow);
/* A slice has ended: publishes what was due before. */
void meter_end_slice(struct meter *meter, struct flow *flow);
/* Publishes states that are due, of `limit` flows at most. True: it stopped at the limit. */
bool meter_publish_sweep(struct meter *meter, uint64_t limit);

/* Whether the flow is metered where the other pod of its conversation is (local_pods.h), by what is known now. */
bool meter_is_elsewhere(const struct meter *meter, const struct flow *flow);

/* Whether the packet, of no open flow, may begin one. Call it where `chooses` is set. It counts those that may not. */
bool meter_admits(struct meter *meter, const struct flow_key *key, const struct packet *packet);
/* Sets what overload does to a new flow that is admitted. */
void meter_mark_start(const struct meter *meter, struct flow *flow);
/* Sets what overload did to a flow that ends. */
void meter_mark_end(const struct meter *meter, struct flow *flow);
/* The ladder's start, as part of meter_create(). */
void meter_begin_overload(struct meter *meter);

/* Other timeouts are in the options. */
void meter_obey_timeouts(struct meter *meter);

/* The bounds' start, as part of meter_create(); -ENOMEM. */
int meter_begin_bounds(struct meter *meter);
/* A slice begins whose to_wall is another one than that of the slice before it. */
void meter_turn_clock(struct meter *meter, int64_t to_wall);
/* A packet came that had been held. */
void meter_note_held(struct meter *meter, const struct packet *packet);

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
    return (struct tcp_end *)((char *)flow + meter->offsets.tcp_end);
}

/* Whether the flow is closed and its grace is over. */
static inline bool meter_is_past_grace(const struct meter *meter, struct flow *flow) {
    return tcp_is_closed(flow) && tcp_end_is_due(meter_tcp_end(meter, flow), meter->time);
}

/* At that time without a packet for as long as a flow of its class may be. */
static inline bool meter_was_idle_at(const struct flow *flow, int64_t time,
                                     const struct idle_timeouts *timeouts) {
    int64_t timeout = flow->eviction_class == EVICT_ANSWERED ? timeouts->answered : timeouts->any;
    return time - flow_last_seen(flow, BIDIRECTIONAL) >= timeout;
}

static inline bool meter_is_idle_by(const struct meter *meter, const struct flow *flow,
                                    const struct idle_timeouts *timeouts) {
    return meter_was_idle_at(flow, meter->time, timeouts);
}

static inline bool meter_is_idle(const struct meter *meter, const struct flow *flow) {
    return meter_is_idle_by(meter, flow, &meter->timeouts);
}

/* Whether who takes the records has room for one that may wait. */
static inline bool meter_has_room(const struct meter *meter) {
    return meter->has_room == NULL || meter->has_room(meter->export_context);
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
