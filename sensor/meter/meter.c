#include "meter/meter.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/pool.h"
#include "meter/dissect.h"
#include "meter/ended.h"
#include "meter/expiry.h"
#include "meter/feature.h"
#include "meter/key.h"
#include "meter/process/visibility.h"
#include "meter/table.h"
#include "meter/udps.h"

enum {
    FLOW_TABLE_SIZE_MIN = 1024,
    BLOCK_ALIGNMENT = 8,
    SWEEP_MILLISECONDS = 10,
    NFSTREAM_SWEEP_FLOWS = 1000, /* most flows that one sweep ends; NFStream's figure */
    /* Natively a sweep goes on with each packet until it is through. It ends at most one flow for each that was opened, so
     * that it is never left behind, and one for each so many microseconds, which takes a fourth of a processor. */
    MICROSECONDS_PER_FLOW = 10,
    /* Between two packets. One by one, packets' code and records' would push each other out of the caches. */
    PACKET_SWEEP_FLOWS = 16,
    TICK_SWEEP_FLOWS = 256, /* most in a tick: a packet that comes meanwhile waits for less than 1 ms */
};

struct meter {
    struct meter_options options;
    bool native;
    int64_t sweep_interval; /* ticks */
    int64_t last_sweep;
    int64_t time;                  /* of the latest packet or tick */
    uint64_t opened_at_last_sweep; /* flows_opened then */
    bool is_behind;                /* the last sweep ended by its limit */

    struct table table;
    struct expiry expiry;
    struct hash_key seed;
    struct pool *blocks; /* a block is a flow and the states of its features */
    struct flow *spare;  /* for the next slice of a flow that is being exported: there is always one */
    size_t offsets[FEATURE_COUNT]; /* of a feature's state in the block; 0: off */

    const struct feature *features[FEATURE_COUNT]; /* those that are on */
    size_t feature_count;
    struct feature_context context;
    struct dissector *dissector;
    struct ended *ended;

    meter_export_call *export_flow;
    void *export_context;
    meter_room_call *has_room; /* NULL: always */
    struct meter_statistics statistics;
};

/* Where each feature's state lies in a flow's block, 0 for those that are off; returns the block's size. */
static size_t lay_out_block(const struct meter_options *options, size_t offsets[FEATURE_COUNT]) {
    size_t size = sizeof(struct flow);
    for (size_t i = 0; i < FEATURE_COUNT; i++) {
        size_t state = feature_table[i]->state_size(options);
        offsets[i] = 0;
        if (state == 0)
            continue;
        size = (size + BLOCK_ALIGNMENT - 1) / BLOCK_ALIGNMENT * BLOCK_ALIGNMENT;
        offsets[i] = size;
        size += state;
    }
    return size;
}

static void choose_features(struct meter *meter) {
    for (size_t i = 0; i < FEATURE_COUNT; i++)
        if (meter->offsets[i] != 0)
            meter->features[meter->feature_count++] = feature_table[i];
}

static uint64_t flows_of(const struct meter_options *options) {
    return options->flow_table_size > FLOW_TABLE_SIZE_MIN ? options->flow_table_size : FLOW_TABLE_SIZE_MIN;
}

/* One block more than flows: the spare one. */
static struct pool_options blocks_of(const struct meter_options *options, size_t block_size) {
    size_t blocks = flows_of(options) + 1;
    return (struct pool_options){
        .object_size = block_size,
        .max_objects = blocks,
        .preallocate = options->preallocate ? blocks : 1,
    };
}

static int no_memory(const struct meter *meter, struct error *error) {
    return error_set(error, ENOMEM, EX_OSERR,
                     "no memory for a table of %llu flows; lower meter.flow_table_size",
                     (unsigned long long)meter->options.flow_table_size);
}

static struct dissector_options dissector_of(const struct meter_options *options) {
    return (struct dissector_options){
        .n_dissections = options->n_dissections,
        .milliseconds = options->profile != PROFILE_NATIVE,
        .flow_table_size = flows_of(options),
        .preallocate = options->preallocate,
    };
}

static int create_dissector(struct meter *meter, struct error *error) {
    if (meter->options.n_dissections == 0)
        return 0;
    struct dissector_options options = dissector_of(&meter->options);
    int result = dissector_create(&options, &meter->dissector, error);
    meter->context.dissector = meter->dissector;
    return result;
}

static int create_udps(struct meter *meter, struct error *error) {
    if (meter->options.udps == NULL)
        return 0;
    return udps_instance_create(meter->options.udps, meter->native ? 1000000 : 1000, &meter->context.udps,
                                error);
}

static int create_memory(struct meter *meter, struct error *error) {
    int result = hash_key_random(&meter->seed);
    if (result < 0)
        return error_set(error, -result, EX_OSERR,
                         "the kernel gives no random numbers for the flow table: %s", strerror(-result));
    size_t flows = meter->options.flow_table_size;
    meter->ended = ended_create();
    struct pool_options pool = blocks_of(&meter->options, lay_out_block(&meter->options, meter->offsets));
    choose_features(meter);
    meter->blocks = pool_create(&pool);
    if (meter->blocks != NULL)
        meter->spare = pool_take(meter->blocks);
    if (meter->ended == NULL || meter->spare == NULL ||
        table_create(&meter->table, meter->options.preallocate ? flows : 0, pool.object_size) < 0)
        return no_memory(meter, error);
    /* One more: a slice that was cut is exported while its flow goes on. */
    if (meter->options.visibility != NULL &&
        (meter->context.visibility = visibility_join(meter->options.visibility, flows + 1)) == NULL)
        return no_memory(meter, error);
    result = create_dissector(meter, error);
    return result == 0 ? create_udps(meter, error) : result;
}

int meter_create(const struct meter_options *options, meter_export_call *export_flow, void *context,
                 struct meter **meter, struct error *error) {
    struct meter *new = calloc(1, sizeof(*new));
    if (new == NULL)
        return error_set(error, ENOMEM, EX_OSERR, "no memory for a meter; free some");
    new->options = *options;
    new->options.flow_table_size = flows_of(options);
    new->native = options->profile == PROFILE_NATIVE;
    new->sweep_interval = new->native ? SWEEP_MILLISECONDS * 1000 : SWEEP_MILLISECONDS;
    new->export_flow = export_flow;
    new->export_context = context;
    new->context.options = &new->options;
    int result = create_memory(new, error);
    if (result < 0) {
        meter_destroy(new);
        return result;
    }
    *meter = new;
    return 0;
}

void meter_ask_for_room(struct meter *meter, meter_room_call *has_room) {
    meter->has_room = has_room;
}

static void release_features(struct meter *meter, struct flow *flow, struct flow *next) {
    for (size_t i = 0; i < meter->feature_count; i++)
        if (meter->features[i]->on_release != NULL)
            meter->features[i]->on_release(&meter->context, flow, next);
}

void meter_destroy(struct meter *meter) {
    if (meter == NULL)
        return;
    struct flow *flow;
    while ((flow = expiry_victim(&meter->expiry)) != NULL) {
        expiry_remove(&meter->expiry, flow);
        release_features(meter, flow, NULL);
    }
    visibility_leave(meter->context.visibility);
    pool_destroy(meter->blocks);
    table_destroy(&meter->table);
    dissector_destroy(meter->dissector);
    udps_instance_destroy(meter->context.udps);
    ended_destroy(meter->ended);
    free(meter);
}

/* Hands out a flow that ended. `next` is its next slice, or NULL. */
static void export_flow(struct meter *meter, struct flow *flow, enum end_reason reason, struct flow *next) {
    flow->end_reason = (uint8_t)reason;
    for (size_t i = 0; i < meter->feature_count; i++)
        if (meter->features[i]->on_expire != NULL)
            meter->features[i]->on_expire(&meter->context, flow);
    if (meter->export_flow(meter->export_context, flow))
        meter->statistics.flows_exported[reason]++;
    else
        meter->statistics.flows_discarded++;
    release_features(meter, flow, next);
}

/* The block is the caller's then. */
static void close_flow(struct meter *meter, struct flow *flow, enum end_reason reason) {
    table_remove(&meter->table, flow);
    expiry_remove(&meter->expiry, flow);
    export_flow(meter, flow, reason, NULL);
}

static void end_flow(struct meter *meter, struct flow *flow, enum end_reason reason) {
    ended_remember(meter->ended, flow, meter->time);
    close_flow(meter, flow, reason);
    pool_give(meter->blocks, flow);
}

static bool is_idle(const struct meter *meter, const struct flow *flow, int64_t time) {
    return time - flow->counters[BIDIRECTIONAL].last_seen >= meter->options.idle_timeout;
}

/* Whether a sweep ends it. With an idle timeout of 0 a flow would be idle at once; natively it ends when time has gone
 * on, or by its next packet. */
static bool is_over(const struct meter *meter, const struct flow *flow, int64_t time) {
    return is_idle(meter, flow, time) && !(meter->native && flow->counters[BIDIRECTIONAL].last_seen == time);
}

/* The sweep may not have come to a flow that is over; no other one is evicted for it. */
static void make_room(struct meter *meter) {
    struct flow *oldest = expiry_oldest(&meter->expiry);
    if (meter->native && is_over(meter, oldest, meter->time))
        end_flow(meter, oldest, END_IDLE);
    else
        end_flow(meter, expiry_victim(&meter->expiry), END_EVICTED);
}

/* A block for a new flow. If there is no room, room is made: the caller always gets one. */
static struct flow *take_block(struct meter *meter) {
    while (meter->table.count >= meter->options.flow_table_size || !table_reserve(&meter->table))
        make_room(meter);
    struct flow *flow = pool_take(meter->blocks);
    if (flow == NULL && meter->table.count > 0) {
        make_room(meter);
        flow = pool_take(meter->blocks);
    }
    return flow;
}

static bool is_unanswered(const struct flow *flow) {
    bool one_way = flow->counters[SRC2DST].packets == 0 || flow->counters[DST2SRC].packets == 0;
    return flow->counters[BIDIRECTIONAL].packets < 2 || (flow->protocol == IPPROTO_TCP && one_way);
}

static inline void count(struct flow_counters *counters, int64_t time, uint32_t size) {
    if (counters->packets == 0)
        counters->first_seen = time;
    counters->last_seen = time;
    counters->packets++;
    counters->bytes += size;
}

static void add_packet(struct meter *meter, struct flow *flow, const struct packet *packet, bool reversed) {
    enum flow_direction direction = reversed == (flow->source_is_b != 0) ? SRC2DST : DST2SRC;
    uint32_t size = packet->size[meter->options.accounting_mode];
    for (size_t i = 0; i < meter->feature_count; i++)
        meter->features[i]->on_update(&meter->context, flow, packet, direction, size);
    count(&flow->counters[BIDIRECTIONAL], packet->time, size);
    count(&flow->counters[direction], packet->time, size);
    flow->seen_flags |= packet->flags;
}

/* A plugin that saw the flow's packet may have asked for the flow's end (feature/udps.c). */
static inline void end_as_asked(struct meter *meter, struct flow *flow) {
    if (flow->end_reason == END_PLUGIN)
        end_flow(meter, flow, END_PLUGIN);
}

/* What is the same in all slices is set; counters and features are empty. */
static void init_flow(struct meter *meter, struct flow *flow) {
    memset(flow->counters, 0, sizeof(flow->counters));
    flow->seen_flags = 0;
    flow->end_reason = END_IDLE;
    for (size_t i = 0; i < FEATURE_COUNT; i++)
        flow->feature[i] = meter->offsets[i] != 0 ? (char *)flow + meter->offsets[i] : NULL;
    for (size_t i = 0; i < meter->feature_count; i++)
        meter->features[i]->on_init(&meter->context, flow);
    meter->statistics.flows_opened++;
}

/* `turned`: the source is whom the packet goes to. */
static void set_ends(struct flow *flow, const struct packet *packet, bool turned) {
    uint8_t *source = turned ? flow->destination : flow->source;
    uint8_t *destination = turned ? flow->source : flow->destination;
    uint8_t *source_mac = turned ? flow->destination_mac : flow->source_mac;
    uint8_t *destination_mac = turned ? flow->source_mac : flow->destination_mac;
    memcpy(source, packet->source, sizeof(flow->source));
    memcpy(destination, packet->destination, sizeof(flow->destination));
    memcpy(source_mac, packet->source_mac, sizeof(flow->source_mac));
    memcpy(destination_mac, packet->destination_mac, sizeof(flow->destination_mac));
    flow->source_port = turned ? packet->destination_port : packet->source_port;
    flow->destination_port = turned ? packet->source_port : packet->destination_port;
}

static void describe_flow(const struct meter *meter, struct flow *flow, const struct packet *packet,
                          bool reversed) {
    /* The client's packet was missed: what is seen first is the answer to it. */
    bool turned = packet->answers;
    flow->source_is_b = reversed != turned;
    flow->eviction_class = meter->native ? EVICT_UNANSWERED : EVICT_ESTABLISHED;
    set_ends(flow, packet, turned);
    flow->vlan_id = packet->vlan_id;
    flow->capture_file = packet->capture_file;
    flow->protocol = packet->protocol;
    flow->ip_version = packet->ip_version;
    flow->tunnel = packet->tunnel;
    flow->tunnel_key = packet->tunnel_key;
    flow->icmp_type = packet->icmp_type;
    flow->icmp_code = packet->icmp_code;
    flow->first_flags = packet->flags;
    if (turned) /* what a cooked header had is the destination's */
        flow->first_flags &= (uint8_t)~PACKET_HAS_SOURCE_MAC;
    flow->first_tcp_flags = packet->tcp_flags;
    flow->uid_time = packet->time + packet->held_for;
    flow->to_wall = packet->to_wall;
    flow->revision = 0;
    flow->record_kind = RECORD_FINAL;
}

/* Key, hash and direction are set, and what makes it unique. */
static void begin_flow(struct meter *meter, struct flow *flow, const struct packet *packet, bool reversed) {
    init_flow(meter, flow);
    add_packet(meter, flow, packet, reversed);
    table_insert(&meter->table, flow);
    expiry_append(&meter->expiry, flow);
    end_as_asked(meter, flow);
}

static void open_flow(struct meter *meter, const struct flow_key *key, uint32_t hash,
                      const struct packet *packet, bool reversed) {
    struct flow *flow = take_block(meter);
    if (flow == NULL) {
        meter->statistics.packets_without_memory++;
        return;
    }
    flow->key = *key;
    flow->hash = hash;
    describe_flow(meter, flow, packet, reversed);
    ended_number(meter->ended, flow);
    begin_flow(meter, flow, packet, reversed);
}

/* A flow ends because of the packet, which begins another one of the same key. */
static void succeed_flow(struct meter *meter, struct flow *flow, enum end_reason reason,
                         const struct packet *packet, bool reversed) {
    struct flow *next = meter->spare;
    next->key = flow->key;
    next->hash = flow->hash;
    describe_flow(meter, next, packet, reversed);
    ended_number_after(meter->ended, next, flow);
    close_flow(meter, flow, reason);
    meter->spare = flow;
    begin_flow(meter, next, packet, reversed);
}

/* The active timeout ends a slice; the flow goes on in the next one, in a block of its own until the old one is
 * exported. */
static void cut_slice(struct meter *meter, struct flow *flow, const struct packet *packet, bool reversed) {
    struct flow *next = meter->spare;
    *next = *flow;
    next->slice++;
    next->to_wall = packet->to_wall;
    next->capture_file = packet->capture_file;
    table_replace(&meter->table, flow, next);
    expiry_remove(&meter->expiry, flow);
    init_flow(meter, next);
    export_flow(meter, flow, END_ACTIVE, next);
    meter->spare = flow;
    add_packet(meter, next, packet, reversed);
    expiry_append(&meter->expiry, next);
    end_as_asked(meter, next);
}

static void use_flow(struct meter *meter, struct flow *flow, const struct packet *packet, bool reversed) {
    add_packet(meter, flow, packet, reversed);
    /* NFStream keeps the order of creation. */
    if (meter->native) {
        bool unanswered = flow->eviction_class == EVICT_UNANSWERED && is_unanswered(flow);
        expiry_touch(&meter->expiry, flow, unanswered ? EVICT_UNANSWERED : EVICT_ESTABLISHED);
    }
    end_as_asked(meter, flow);
}

/* Whether it ended by its limit. */
static bool sweep(struct meter *meter, int64_t time, uint64_t limit) {
    meter->last_sweep = time;
    meter->opened_at_last_sweep = meter->statistics.flows_opened;
    for (uint64_t ended = 0; ended < limit; ended++) {
        struct flow *flow = expiry_oldest(&meter->expiry);
        if (flow == NULL || !is_over(meter, flow, time) ||
            (meter->has_room != NULL && !meter->has_room(meter->export_context)))
            return false;
        end_flow(meter, flow, END_IDLE);
    }
    return true;
}

static bool is_sweep_due(const struct meter *meter, int64_t time) {
    return time - meter->last_sweep >= meter->sweep_interval;
}

/* Packets wait behind this one: a group of flows once so many are due, and more behind the next packets. */
static void sweep_a_few(struct meter *meter, int64_t time) {
    uint64_t due = (uint64_t)(time - meter->last_sweep) / MICROSECONDS_PER_FLOW +
                   (meter->statistics.flows_opened - meter->opened_at_last_sweep);
    if (due >= PACKET_SWEEP_FLOWS)
        meter->is_behind = sweep(meter, time, PACKET_SWEEP_FLOWS);
}

/* A packet that was held keeps its own time, but not one before its flow's. */
static const struct packet *not_before_flow(const struct flow *flow, const struct packet *packet,
                                            struct packet *raised) {
    if (flow == NULL || packet->time >= flow->counters[BIDIRECTIONAL].last_seen)
        return packet;
    int64_t by = flow->counters[BIDIRECTIONAL].last_seen - packet->time;
    *raised = *packet;
    raised->time += by;
    raised->held_for -= (uint32_t)by;
    raised->flags |= PACKET_TIME_RAISED;
    return raised;
}

void meter_packet(struct meter *meter, const struct packet *packet) {
    struct packet raised;
    struct flow_key key;
    bool reversed = key_from_packet(&key, packet, meter->native);
    uint32_t hash = key_hash(&meter->seed, &key);
    struct flow *flow = table_find(&meter->table, hash, &key);
    meter->statistics.packets++;
    meter->time = packet->time + packet->held_for;
    if (packet->held_for != 0)
        packet = not_before_flow(flow, packet, &raised);
    if (flow == NULL) {
        open_flow(meter, &key, hash, packet, reversed);
    } else if (is_idle(meter, flow, meter->time)) {
        succeed_flow(meter, flow, END_IDLE, packet, reversed);
    } else if (packet->time - flow->counters[BIDIRECTIONAL].first_seen < meter->options.active_timeout) {
        use_flow(meter, flow, packet, reversed);
    } else if (meter->native) {
        cut_slice(meter, flow, packet, reversed);
    } else {
        succeed_flow(meter, flow, END_ACTIVE, packet, reversed);
    }
    if (meter->native && (meter->is_behind || is_sweep_due(meter, meter->time)))
        sweep_a_few(meter, meter->time);
    else if (is_sweep_due(meter,
                          meter->time)) /* what is left then waits for the next interval, as in NFStream */
        sweep(meter, meter->time, NFSTREAM_SWEEP_FLOWS);
}

bool meter_tick(struct meter *meter, int64_t time) {
    meter->time = time;
    if (meter->is_behind || is_sweep_due(meter, time))
        meter->is_behind = sweep(meter, time, TICK_SWEEP_FLOWS);
    return meter->is_behind;
}

void meter_finish(struct meter *meter, enum end_reason reason) {
    struct flow *flow;
    while ((flow = expiry_oldest(&meter->expiry)) != NULL)
        end_flow(meter, flow, meter->native && is_idle(meter, flow, meter->time) ? END_IDLE : reason);
}

void meter_begin_recording(struct meter *meter) {
    meter_finish(meter, END_OF_INPUT);
    meter->time = meter->last_sweep = 0;
    meter->is_behind = false;
    ended_begin_recording(meter->ended);
}

size_t meter_protocol_count(const struct meter *meter) {
    return meter->dissector != NULL ? dissector_protocol_count(meter->dissector) : 0;
}

const char *meter_protocol_name(const struct meter *meter, size_t number) {
    return dissector_protocol_name(meter->dissector, number);
}

void meter_statistics(const struct meter *meter, struct meter_statistics *statistics) {
    *statistics = meter->statistics;
    statistics->flows_open = meter->table.count;
    statistics->memory =
        sizeof(*meter) + ended_memory_for() + table_memory(&meter->table) + pool_memory(meter->blocks);
    if (meter->dissector != NULL)
        statistics->memory += dissector_memory(meter->dissector);
}

void meter_back_memory(const struct meter *meter, const atomic_bool *stop) {
    pool_back(meter->blocks, stop);
    if (meter->dissector != NULL)
        dissector_back_memory(meter->dissector, stop);
}

void meter_budget(const struct meter_options *options, struct meter_budget *budget) {
    size_t offsets[FEATURE_COUNT];
    struct pool_options blocks = blocks_of(options, lay_out_block(options, offsets));
    struct dissector_options labels = dissector_of(options);
    *budget = (struct meter_budget){0};
    budget->flows = sizeof(struct meter) + ended_memory_for() + table_memory_for(flows_of(options)) +
                    pool_memory_for(&blocks, blocks.max_objects);
    if (options->system_visibility)
        budget->flows += visibility_memory_for(flows_of(options) + 1);
    if (options->n_dissections > 0)
        dissector_budget(&labels, &budget->dissector);
}

uint64_t meter_flows_exported(const struct meter_statistics *statistics) {
    uint64_t exported = 0;
    for (int i = 0; i < END_REASON_COUNT; i++)
        exported += statistics->flows_exported[i];
    return exported;
}

void meter_statistics_add(struct meter_statistics *sum, const struct meter_statistics *part) {
    sum->packets += part->packets;
    sum->packets_without_memory += part->packets_without_memory;
    sum->flows_opened += part->flows_opened;
    for (int i = 0; i < END_REASON_COUNT; i++)
        sum->flows_exported[i] += part->flows_exported[i];
    sum->flows_discarded += part->flows_discarded;
    sum->flows_open += part->flows_open;
    sum->memory += part->memory;
}
