/* TCP's own end (native profile, meter.tcp_end): a flow is one connection of TCP (RFC 9293), and its record comes when the
 * connection is over, not when the flow was idle.
 *
 * - Both FINs acknowledged, or a RST, close the flow. It stays open for TCP_GRACE more, so that stray ACKs and
 *   retransmissions still belong to it, and then ends as "tcp_fin" or "tcp_reset".
 * - A SYN with a new sequence number is a new connection, once the flow is closed or the opening of its connection is over.
 *   A flow that wasn't closed then ends as "tcp_reuse".
 *
 * All depends on packets and their times alone, so that records don't depend on when flows are swept. Only packets with
 * SYN, FIN or RST are looked at, and those of a flow that is opening or closing.
 * @thread meter */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "decode/walk/packet.h"
#include "meter/flow.h"

enum { TCP_GRACE = 1000000 /* microseconds */ };

/* In flow->tcp_phase. */
enum tcp_phase {
    TCP_PHASE_OPEN,     /* nothing to look at: established, begun before we looked, or no TCP */
    TCP_PHASE_OPENING,  /* the handshake is not complete */
    TCP_PHASE_CLOSING,  /* a FIN was seen */
    TCP_PHASE_FINISHED, /* closed by FINs */
    TCP_PHASE_RESET,    /* closed by a RST */
};

/* What is known of a flow's connection at its export, in flow->tcp_facts. */
enum tcp_fact {
    TCP_FROM_SYN = 1u << 0,  /* its first packet was a SYN alone */
    TCP_COMPLETED = 1u << 1, /* SYN, SYN-ACK and the ACK of that were seen in this order (RFC 9293, 3.5) */
    TCP_SOURCE_CLOSED = 1u << 2, /* the first FIN, or the RST where there was none, came from the source */
    TCP_DESTINATION_CLOSED = 1u << 3,
};

/* What a flow's end is told by; it lies in a flow's block. Of each side: 0 the source's, 1 the
 * destination's. The next slice of a flow takes it over. */
struct tcp_end {
    union {
        uint32_t fin_end[2]; /* the sequence number behind the FIN, which its acknowledgment has */
        int64_t closed_at;   /* ticks, once the flow is closed */
    };
    uint32_t syn_sequence[2]; /* of the latest SYN, where `seen` says so */
    uint16_t syn_payload[2];  /* its bytes (TCP Fast Open), which its acknowledgment may have or not */
    uint8_t seen;             /* enum tcp_seen */
};

static inline bool tcp_is_closed(const struct flow *flow) {
    return flow->tcp_phase >= TCP_PHASE_FINISHED;
}

/* Whether the packet may open or close anything: else the calls below need not be made. */
static inline bool tcp_end_concerns(const struct flow *flow, const struct packet *packet) {
    return flow->tcp_phase != TCP_PHASE_OPEN || (packet->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST)) != 0;
}

/* A flow begins with the packet; tcp_end_follow() comes after it. Sets flow->tcp_phase, flow->tcp_facts and all of *end. */
void tcp_end_begin(struct flow *flow, struct tcp_end *end, const struct packet *packet);

/* Whether the packet begins another connection than the one of the flow, which it was not added to yet. */
bool tcp_end_begins_anew(const struct flow *flow, const struct tcp_end *end, const struct packet *packet,
                         enum flow_direction direction);

/* Follows the connection with a packet of the flow; `now` is the meter's time. Sets flow->tcp_phase and flow->tcp_facts. */
void tcp_end_follow(struct flow *flow, struct tcp_end *end, const struct packet *packet,
                    enum flow_direction direction, int64_t now);

/* Why a closed flow ends. */
static inline enum end_reason tcp_end_reason(const struct flow *flow) {
    return flow->tcp_phase == TCP_PHASE_FINISHED ? END_TCP_FIN : END_TCP_RESET;
}

/* Whether the grace of a closed flow is over. */
static inline bool tcp_end_is_due(const struct tcp_end *end, int64_t now) {
    return now - end->closed_at >= TCP_GRACE;
}
