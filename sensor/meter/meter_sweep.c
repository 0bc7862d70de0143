#include "meter/meter_parts.h"

enum {
    NFSTREAM_SWEEP_FLOWS = 1000, /* at most so many flows a sweep; NFStream's figure */
    /* Natively a sweep between two packets ends flows only once a group of them is due: one by one, the code of packets and
     * the code of records would push each other out of the caches. */
    PACKET_SWEEP_FLOWS = 16,
    /* One flow is due for each flow that was opened, so that sweeps keep up with any traffic, and one for each so many
     * microseconds, which takes at most a fourth of a processor. */
    MICROSECONDS_PER_FLOW = 10,
    TICK_SWEEP_FLOWS =
        256, /* at most so many flows a tick: a packet that comes meanwhile waits for less than 1 ms */
};

/* Whether a sweep ends the flow. With an idle timeout of 0 every flow would be idle at once; natively it ends when time has
 * gone on, or with its next packet. */
static bool flow_is_over(const struct meter *meter, const struct flow *flow) {
    return meter_is_idle(meter, flow) &&
           !(meter->native && flow_last_seen(flow, BIDIRECTIONAL) == meter->time);
}

/* A flow that is over. NULL: none is. */
static struct flow *next_over(const struct meter *meter) {
    struct flow *closed = expiry_first(&meter->expiry, EVICT_CLOSED);
    if (closed != NULL && meter_is_past_grace(meter, closed))
        return closed;
    struct flow *answered = expiry_first(&meter->expiry, EVICT_ANSWERED);
    if (answered != NULL && flow_is_over(meter, answered))
        return answered;
    struct flow *oldest = expiry_oldest(&meter->expiry);
    return oldest != NULL && flow_is_over(meter, oldest) ? oldest : NULL;
}

/* Ends flows that are over, `limit` at most. True: it stopped at the limit. */
static bool sweep_flows(struct meter *meter, uint64_t limit) {
    meter->last_sweep = meter->time;
    meter->opened_at_last_sweep = meter->statistics.flows_opened;
    for (uint64_t ended = 0; ended < limit; ended++) {
        struct flow *flow = next_over(meter);
        if (flow == NULL || !meter_has_room(meter))
            return false;
        meter_end_flow(meter, flow, meter_reason(meter, flow, END_IDLE));
    }
    return true;
}

/* Natively: publishes what is due, and ends flows that are over, `limit` of each at most. */
static void sweep(struct meter *meter, uint64_t limit) {
    bool has_more_due = meter->publishes && meter_publish_sweep(meter, limit);
    meter->is_behind = sweep_flows(meter, limit) || has_more_due;
}

/* How many flows a sweep between two packets may end by now. */
static uint64_t flows_due(const struct meter *meter) {
    return (uint64_t)(meter->time - meter->last_sweep) / MICROSECONDS_PER_FLOW +
           (meter->statistics.flows_opened - meter->opened_at_last_sweep);
}

void meter_sweep_after_packet(struct meter *meter) {
    if (!meter->native) {
        if (meter_is_sweep_due(meter))
            sweep_flows(meter,
                        NFSTREAM_SWEEP_FLOWS); /* the rest waits for the next interval, as in NFStream */
    } else if (flows_due(meter) >= PACKET_SWEEP_FLOWS) {
        sweep(meter, PACKET_SWEEP_FLOWS);
    }
}

bool meter_tick(struct meter *meter, int64_t time) {
    DEBUG_CHECK(IS_VALID(meter, METER_MAGIC));
    meter->time = time;
    if (meter_may_sweep(meter))
        sweep(meter, TICK_SWEEP_FLOWS);
    return meter->is_behind;
}

/* No flow is evicted while another one is over, though the sweep may not have come to it yet, or closed. */
void meter_make_room(struct meter *meter) {
    struct flow *flow = expiry_first(&meter->expiry, EVICT_CLOSED);
    if (flow == NULL && meter->native)
        flow = next_over(meter);
    if (flow != NULL)
        meter_end_flow(meter, flow, meter_reason(meter, flow, END_IDLE));
    else
        meter_end_flow(meter, expiry_victim(&meter->expiry, meter->table.count), END_EVICTED);
}

void meter_finish(struct meter *meter, enum end_reason reason) {
    CHECK(IS_VALID(meter, METER_MAGIC));
    struct flow *flow;
    while ((flow = expiry_first(&meter->expiry, EVICT_CLOSED)) != NULL)
        meter_end_flow(meter, flow, tcp_end_reason(flow));
    while ((flow = expiry_oldest(&meter->expiry)) != NULL)
        meter_end_flow(meter, flow, meter->native ? meter_reason(meter, flow, reason) : reason);
    DEBUG_CHECK(meter->table.count == 0);
    DEBUG_CHECK(meter->statistics.flows_opened == meter_flows_exported(&meter->statistics) +
                                                      meter->statistics.flows_discarded +
                                                      meter->statistics.flows_elsewhere);
}
