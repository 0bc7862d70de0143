#include <netinet/in.h>
#include <string.h>

#include "meter/key.h"
#include "meter/local_pods.h"
#include "meter/meter_parts.h"

void meter_release_features(struct meter *meter, struct flow *flow, struct flow *next) {
    for (size_t i = 0; i < meter->feature_count; i++)
        if (meter->features[i]->on_release != NULL)
            meter->features[i]->on_release(&meter->context, flow, next);
}

/* Of two pods of this node, the one that is the source has the flow at its interface. With a service's address there the
 * packets have the pod's here, so that the flows' keys differ. */
bool meter_is_elsewhere(const struct meter *meter, const struct flow *flow) {
    return flow->at_destination && local_pods_has(meter->options.local_pods, flow_source(flow));
}

/* Exports a flow that has ended. `next` is its next slice, or NULL. */
static void flow_export(struct meter *meter, struct flow *flow, enum end_reason reason, struct flow *next) {
    DEBUG_CHECK((unsigned)reason < END_REASON_COUNT);
    if (meter->publishes)
        meter_end_slice(meter, flow);
    flow->end_reason = (uint8_t)reason;
    meter->shared.record_time = meter_record_time(meter);
    if (meter->slices != NULL)
        open_slices_end(meter->slices, flow_first_seen(flow, BIDIRECTIONAL));
    if (meter->context.overload != 0)
        meter_mark_end(meter, flow);
    /* The packet that tells of the other pod may have been another meter's, which came to it later. */
    bool elsewhere = flow->elsewhere || meter_is_elsewhere(meter, flow);
    for (size_t i = 0; !elsewhere && i < meter->feature_count; i++)
        if (meter->features[i]->on_expire != NULL)
            meter->features[i]->on_expire(&meter->context, flow);
    if (elsewhere)
        meter->statistics.flows_elsewhere++;
    else if (meter->export_flow(meter->export_context, flow))
        meter->statistics.flows_exported[reason]++;
    else
        meter->statistics.flows_discarded++;
    /* The next slice of a flow that is metered elsewhere takes nothing over. */
    meter_release_features(meter, flow, elsewhere ? NULL : next);
    if (next != NULL)
        next->elsewhere = elsewhere;
}

/* Ends the flow; its block is the caller's then. */
static void flow_close(struct meter *meter, struct flow *flow, enum end_reason reason) {
    table_remove(&meter->table, flow);
    expiry_remove(&meter->expiry, flow);
    flow_export(meter, flow, reason, NULL);
}

void meter_end_flow(struct meter *meter, struct flow *flow, enum end_reason reason) {
    ended_remember(meter->ended, flow, meter->time);
    flow_close(meter, flow, reason);
    pool_give(meter->blocks, flow);
}

/* A block for a new flow. Where there is no room, another flow ends. NULL: not even one block could be had. */
static struct flow *block_take(struct meter *meter) {
    while (meter->table.count >= meter->options.flow_table_size || !table_reserve(&meter->table))
        meter_make_room(meter);
    struct flow *flow = pool_take(meter->blocks);
    if (flow == NULL && meter->table.count > 0) {
        meter_make_room(meter);
        flow = pool_take(meter->blocks);
    }
    return flow;
}

/* A SYN that is sent again is no answer; with more packets a flow of one way is as good as another, such as where the other
 * way doesn't come by here. */
static bool flow_is_unanswered(const struct flow *flow, uint64_t packets) {
    bool one_way = flow->ways[0].packets == 0 || flow->ways[1].packets == 0;
    return packets < 2 || (packets < EXPIRY_SHORT && flow->key.protocol == IPPROTO_TCP && one_way);
}

static inline void counters_add(struct flow_counters *counters, int64_t time, uint32_t size) {
    counters->first_seen = time < counters->first_seen ? time : counters->first_seen;
    counters->last_seen = time;
    counters->packets++;
    counters->bytes += size;
}

static inline enum flow_direction flow_direction_of(const struct flow *flow, bool reversed) {
    return reversed == (flow->source_is_b != 0) ? SRC2DST : DST2SRC;
}

static void flow_add_packet(struct meter *meter, struct flow *flow, const struct packet *packet,
                            bool reversed) {
    enum flow_direction direction = flow_direction_of(flow, reversed);
    uint32_t size = packet->size[meter->options.accounting_mode];
    for (size_t i = 0; !flow->elsewhere && i < meter->feature_count; i++)
        meter->features[i]->on_update(&meter->context, flow, packet, direction, size);
    counters_add(&flow->ways[flow_way(direction)], packet->time, size);
    flow->seen_flags |= packet->flags;
    if (meter->offsets.tcp_end != 0 && tcp_end_concerns(flow, packet))
        tcp_end_follow(flow, meter_tcp_end(meter, flow), packet, direction, meter->time);
}

/* A packet was counted. A plugin may have asked for the flow's end with it (feature/udps.c), or it is one after which the
 * flow's state is published. */
static inline void flow_follow_up(struct meter *meter, struct flow *flow) {
    if (flow->end_reason == END_PLUGIN)
        meter_end_flow(meter, flow, END_PLUGIN);
    else if (meter->publishes)
        meter_publish_after_packet(meter, flow);
}

/* Begins a flow or a slice: empties what is its own. What is the same in all slices is set by flow_describe(). */
static void flow_init(struct meter *meter, struct flow *flow) {
    if (flow->to_wall != meter->to_wall)
        meter_turn_clock(meter, flow->to_wall);
    flow->ways[0] = flow->ways[1] = FLOW_NO_COUNTERS;
    flow->seen_flags = 0;
    flow->end_reason = END_IDLE;
    flow->short_idle = 0;
    flow->no_splt = 0;
    for (size_t i = 0; i < meter->feature_count; i++)
        meter->features[i]->on_init(&meter->context, flow);
    meter->statistics.flows_without_splt += flow->no_splt;
    meter->statistics.flows_opened++;
    if (meter->publishes)
        meter_begin_slice(meter, flow);
}

/* The link's addresses. `turned`: the packet goes to the flow's source. */
static void flow_set_macs(struct flow *flow, const struct packet *packet, bool turned) {
    uint8_t *source_mac = turned ? flow->destination_mac : flow->source_mac;
    uint8_t *destination_mac = turned ? flow->source_mac : flow->destination_mac;
    memcpy(source_mac, packet->source_mac, sizeof(flow->source_mac));
    memcpy(destination_mac, packet->destination_mac, sizeof(flow->destination_mac));
}

static void look_at_pods(const struct meter *meter, struct flow *flow, const struct packet *packet) {
    bool at_pod = meter->options.local_pods != NULL && packet->place.at_pod;
    flow->at_destination = at_pod && (packet->place.outgoing != 0) != packet->answers;
    flow->elsewhere = meter_is_elsewhere(meter, flow);
    if (at_pod && !packet->place.outgoing)
        local_pods_learn(meter->options.local_pods, packet->source, packet->place.interface);
}

static void flow_describe(const struct meter *meter, struct flow *flow, const struct packet *packet,
                          bool reversed) {
    /* The first packet seen is an answer: the client's packet was missed. */
    bool turned = packet->answers;
    flow->shared = &meter->shared;
    flow->source_is_b = reversed != turned;
    flow->sampled = 0;
    flow->partial_start = 0;
    if (meter->chooses)
        meter_mark_start(meter, flow);
    flow->eviction_class = meter->native ? EVICT_UNANSWERED : EVICT_LONG;
    flow_set_macs(flow, packet, turned);
    flow->place = packet->place;
    look_at_pods(meter, flow, packet);
    flow->ip_version = packet->ip_version;
    flow->tunnel_key = packet->tunnel_key;
    flow->icmp_type = packet->icmp_type;
    flow->icmp_code = packet->icmp_code;
    flow->first_flags = packet->flags;
    if (turned) /* a cooked header has the sender's address: the destination's */
        flow->first_flags &= (uint8_t)~PACKET_HAS_SOURCE_MAC;
    flow->first_tcp_flags = packet->tcp_flags;
    flow->uid_time = packet->time + packet->held_for;
    flow->to_wall = packet->to_wall;
    flow->revision = 0;
    flow->record_kind = RECORD_FINAL;
    flow->tcp_phase = TCP_PHASE_OPEN;
    flow->tcp_facts = 0;
    if (meter->offsets.tcp_end != 0)
        tcp_end_begin(flow, meter_tcp_end(meter, flow), packet);
}

static bool flow_is_answered(const struct flow *flow) {
    return flow->key.protocol == IPPROTO_UDP && flow->ways[0].packets == 1 && flow->ways[1].packets == 1;
}

static enum eviction_class class_of_packets(uint64_t packets) {
    if (packets >= EXPIRY_LONG)
        return EVICT_LONG;
    if (packets >= EXPIRY_MEDIUM)
        return EVICT_MEDIUM;
    return packets >= EXPIRY_SHORT ? EVICT_SHORT : EVICT_BRIEF;
}

/* Natively the class of a flow that had a packet. It keeps what earlier slices brought it, unless this one is an answer. */
static enum eviction_class flow_class(const struct meter *meter, const struct flow *flow) {
    enum eviction_class before = (enum eviction_class)flow->eviction_class;
    uint64_t packets = flow_packets(flow, BIDIRECTIONAL);
    if (tcp_is_closed(flow))
        return EVICT_CLOSED;
    if (before == EVICT_UNANSWERED && flow_is_unanswered(flow, packets))
        return EVICT_UNANSWERED;
    if (meter->options.udp_answered_timeout > 0 && flow_is_answered(flow))
        return EVICT_ANSWERED;
    enum eviction_class now = class_of_packets(packets);
    return now > before ? now : before;
}

/* Puts a new flow or slice where it expires. It has its first packet. */
static void flow_await_end(struct meter *meter, struct flow *flow) {
    if (meter->slices != NULL)
        open_slices_begin(meter->slices, flow_first_seen(flow, BIDIRECTIONAL));
    if (meter->native)
        flow->eviction_class = (uint8_t)flow_class(meter, flow);
    expiry_append(&meter->expiry, flow);
}

/* The flow had a packet. In the nfstream profile flows stay in order of creation, as in NFStream, and closed ones in the order
 * in which they closed. */
static void flow_touch(struct meter *meter, struct flow *flow) {
    if (!meter->native || flow->eviction_class == EVICT_CLOSED)
        return;
    expiry_touch(&meter->expiry, flow, flow_class(meter, flow));
}

/* From here on the flow is open. Its key and hash, its description and its slice are set. */
static void flow_begin(struct meter *meter, struct flow *flow, const struct packet *packet, bool reversed) {
    flow_init(meter, flow);
    flow_add_packet(meter, flow, packet, reversed);
    table_insert(&meter->table, flow);
    flow_await_end(meter, flow);
    flow_follow_up(meter, flow);
}

static void flow_open(struct meter *meter, const struct flow_key *key, uint32_t hash,
                      const struct packet *packet, bool reversed) {
    struct flow *flow = block_take(meter);
    if (flow == NULL) {
        meter->statistics.packets_without_memory++;
        return;
    }
    flow->key = *key;
    flow->hash = hash;
    flow_describe(meter, flow, packet, reversed);
    ended_number(meter->ended, flow);
    flow_begin(meter, flow, packet, reversed);
}

/* Ends the flow; the packet begins another flow of the same key. */
static void flow_succeed(struct meter *meter, struct flow *flow, enum end_reason reason,
                         const struct packet *packet, bool reversed) {
    struct flow *next = meter->spare;
    next->key = flow->key;
    next->hash = flow->hash;
    flow_describe(meter, next, packet, reversed);
    ended_number_after(meter->ended, next, flow);
    flow_close(meter, flow, reason);
    meter->spare = flow;
    flow_begin(meter, next, packet, reversed);
}

/* The active timeout ends the slice; the packet begins the next one. Both have a block of their own while the old slice is
 * exported. */
static void flow_cut(struct meter *meter, struct flow *flow, const struct packet *packet, bool reversed) {
    struct flow *next = meter->spare;
    *next = *flow;
    if (meter->offsets.tcp_end != 0)
        *meter_tcp_end(meter, next) = *meter_tcp_end(meter, flow);
    next->slice++;
    next->to_wall = packet->to_wall;
    next->place = packet->place;
    table_replace(&meter->table, flow, next);
    expiry_remove(&meter->expiry, flow);
    flow_init(meter, next);
    flow_export(meter, flow, END_ACTIVE, next);
    meter->spare = flow;
    flow_add_packet(meter, next, packet, reversed);
    flow_await_end(meter, next);
    flow_follow_up(meter, next);
}

static void flow_use(struct meter *meter, struct flow *flow, const struct packet *packet, bool reversed) {
    if (meter->publishes)
        meter_publish_due(meter, flow);
    flow_add_packet(meter, flow, packet, reversed);
    flow_touch(meter, flow);
    flow_follow_up(meter, flow);
}

/* Whether the packet begins another flow of the key, and why this one ends. */
static bool flow_is_over(const struct meter *meter, struct flow *flow, const struct packet *packet,
                         bool reversed, enum end_reason *reason) {
    if (meter_is_idle(meter, flow)) {
        *reason = meter_reason(meter, flow, END_IDLE);
        return true;
    }
    if (meter->offsets.tcp_end == 0 || !tcp_end_concerns(flow, packet))
        return false;
    *reason = meter_reason(meter, flow, END_TCP_REUSE);
    return meter_is_past_grace(meter, flow) ||
           tcp_end_begins_anew(flow, meter_tcp_end(meter, flow), packet, flow_direction_of(flow, reversed));
}

/* Whether the active timeout cuts the flow; one that is closed ends soon anyway. */
static bool flow_is_long(const struct meter *meter, const struct flow *flow, const struct packet *packet) {
    return packet->time - flow_first_seen(flow, BIDIRECTIONAL) >= meter->options.active_timeout &&
           !tcp_is_closed(flow);
}

/* A held packet (decode/held.h) keeps its own time, unless its flow has had a later one: then it takes that. */
static const struct packet *packet_not_before_flow(const struct flow *flow, const struct packet *packet,
                                                   struct packet *raised) {
    if (flow == NULL || packet->time >= flow_last_seen(flow, BIDIRECTIONAL))
        return packet;
    int64_t by = flow_last_seen(flow, BIDIRECTIONAL) - packet->time;
    *raised = *packet;
    raised->time += by;
    raised->held_for -= (uint32_t)by;
    raised->flags |= PACKET_TIME_RAISED;
    return raised;
}

/* A packet of no open flow may begin one, unless the meter can't keep up. */
static inline bool may_begin(struct meter *meter, const struct flow_key *key, const struct packet *packet) {
    return !meter->chooses || meter_admits(meter, key, packet);
}

static void take_packet(struct meter *meter, const struct packet *packet, const struct flow_key *key,
                        bool reversed, uint32_t hash) {
    DEBUG_CHECK(IS_VALID(meter, METER_MAGIC));
    struct packet raised;
    enum end_reason reason;
    struct flow *flow = table_find(&meter->table, hash, key);
    meter->statistics.packets++;
    meter->statistics.packets_truncated += (packet->flags & PACKET_TRUNCATED) != 0;
    meter->time = packet->time + packet->held_for;
    if (packet->held_for != 0) {
        meter_note_held(meter, packet);
        packet = packet_not_before_flow(flow, packet, &raised);
    }
    if (flow == NULL) {
        if (may_begin(meter, key, packet))
            flow_open(meter, key, hash, packet, reversed);
    } else if (flow_is_over(meter, flow, packet, reversed, &reason)) {
        if (may_begin(meter, key, packet))
            flow_succeed(meter, flow, reason, packet, reversed);
        else
            meter_end_flow(meter, flow, reason);
    } else if (!flow_is_long(meter, flow, packet)) {
        flow_use(meter, flow, packet, reversed);
    } else if (meter->native) {
        flow_cut(meter, flow, packet, reversed);
    } else {
        flow_succeed(meter, flow, END_ACTIVE, packet, reversed);
    }
    if (meter_may_sweep(meter))
        meter_sweep_after_packet(meter);
}

void meter_packet(struct meter *meter, const struct packet *packet) {
    struct flow_key key;
    bool reversed = key_from_packet(&key, packet, meter->native);
    take_packet(meter, packet, &key, reversed, key_hash(&meter->seed, &key));
}

void meter_hashed_packet(struct meter *meter, const struct packet *packet, uint32_t hash) {
    struct flow_key key;
    bool reversed = key_from_packet(&key, packet, meter->native);
    take_packet(meter, packet, &key, reversed, hash);
}
