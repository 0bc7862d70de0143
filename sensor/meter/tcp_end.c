#include "meter/tcp_end.h"

/* The first three are of the source; shifted by one bit, of the destination. */
enum tcp_seen {
    SEEN_SYN = 1u << 0, /* syn_sequence is set */
    SEEN_FIN = 1u << 2, /* fin_end is set */
    SEEN_FIN_ACKNOWLEDGED = 1u << 4,
    SEEN_MORE = 1u << 6,   /* a packet without SYN: the opening is over */
    SEEN_ANSWER = 1u << 7, /* the destination acknowledged the source's latest SYN with its own */
};

static bool side_has(const struct tcp_end *end, enum tcp_seen what, unsigned side) {
    return (end->seen & what << side) != 0;
}

static void side_set(struct tcp_end *end, enum tcp_seen what, unsigned side) {
    end->seen |= (uint8_t)(what << side);
}

static unsigned side_of(enum flow_direction direction) {
    return direction == SRC2DST ? 0 : 1;
}

/* Whether the packet is a SYN-ACK to the latest SYN of the other side. */
static bool answers_syn(const struct tcp_end *end, const struct packet *packet, unsigned side) {
    return (packet->tcp_flags & TCP_ACK) != 0 && side_has(end, SEEN_SYN, !side) &&
           packet->tcp_acknowledgment - end->syn_sequence[!side] - 1 <= end->syn_payload[!side];
}

bool tcp_end_begins_anew(const struct flow *flow, const struct tcp_end *end, const struct packet *packet,
                         enum flow_direction direction) {
    unsigned side = side_of(direction);
    if ((packet->tcp_flags & (TCP_SYN | TCP_RST)) != TCP_SYN || (end->seen & SEEN_MORE) == 0)
        return false;
    if (side_has(end, SEEN_SYN, side) && end->syn_sequence[side] == packet->tcp_sequence)
        return false;
    /* While it is open a SYN-ACK may have been late. */
    return (packet->tcp_flags & TCP_ACK) == 0 || (tcp_is_closed(flow) && !answers_syn(end, packet, side));
}

void tcp_end_begin(struct flow *flow, struct tcp_end *end, const struct packet *packet) {
    *end = (struct tcp_end){0};
    bool opens = (packet->tcp_flags & TCP_SYN) != 0;
    bool from_syn = opens && (packet->tcp_flags & TCP_ACK) == 0;
    flow->tcp_phase = opens ? TCP_PHASE_OPENING : TCP_PHASE_OPEN;
    end->seen = opens ? 0 : SEEN_MORE;
    flow->tcp_facts = from_syn ? TCP_FROM_SYN : 0;
}

static void tcp_close(struct flow *flow, struct tcp_end *end, enum tcp_phase phase, int64_t now) {
    flow->tcp_phase = (uint8_t)phase;
    end->closed_at = now;
}

static void note_closer(struct flow *flow, unsigned side) {
    if ((flow->tcp_facts & (TCP_SOURCE_CLOSED | TCP_DESTINATION_CLOSED)) == 0)
        flow->tcp_facts |= side == 0 ? TCP_SOURCE_CLOSED : TCP_DESTINATION_CLOSED;
}

static void follow_syn(struct tcp_end *end, const struct packet *packet, unsigned side) {
    end->syn_sequence[side] = packet->tcp_sequence;
    uint32_t payload = packet->size[ACCOUNT_PAYLOAD];
    end->syn_payload[side] = (uint16_t)(payload < UINT16_MAX ? payload : UINT16_MAX);
    side_set(end, SEEN_SYN, side);
    if (side == 0)
        end->seen &= (uint8_t)~SEEN_ANSWER;
    else if (answers_syn(end, packet, side))
        end->seen |= SEEN_ANSWER;
}

/* The source's acknowledgment of the answer completes the handshake. A flow that began with the answer has none to complete. */
static void follow_handshake(struct flow *flow, const struct tcp_end *end, const struct packet *packet,
                             unsigned side) {
    int32_t beyond = (int32_t)(packet->tcp_acknowledgment - end->syn_sequence[1]);
    if ((flow->tcp_facts & TCP_FROM_SYN) == 0) {
        flow->tcp_phase = TCP_PHASE_OPEN;
    } else if (side == 0 && (end->seen & SEEN_ANSWER) != 0 &&
               (packet->tcp_flags & (TCP_ACK | TCP_RST)) == TCP_ACK && beyond >= 1) {
        flow->tcp_facts |= TCP_COMPLETED;
        flow->tcp_phase = TCP_PHASE_OPEN;
    }
}

/* The sequence number behind a FIN: SYN and FIN take one each (RFC 9293, 3.4). */
static uint32_t sequence_after(const struct packet *packet) {
    return packet->tcp_sequence + packet->size[ACCOUNT_PAYLOAD] + ((packet->tcp_flags & TCP_SYN) != 0) + 1;
}

static void follow_fins(struct flow *flow, struct tcp_end *end, const struct packet *packet, unsigned side) {
    if ((packet->tcp_flags & TCP_FIN) != 0) {
        end->fin_end[side] = sequence_after(packet);
        side_set(end, SEEN_FIN, side);
        note_closer(flow, side);
        flow->tcp_phase = TCP_PHASE_CLOSING;
    }
    if ((packet->tcp_flags & TCP_ACK) != 0 && side_has(end, SEEN_FIN, !side) &&
        (int32_t)(packet->tcp_acknowledgment - end->fin_end[!side]) >= 0)
        side_set(end, SEEN_FIN_ACKNOWLEDGED, !side);
}

void tcp_end_follow(struct flow *flow, struct tcp_end *end, const struct packet *packet,
                    enum flow_direction direction, int64_t now) {
    unsigned side = side_of(direction);
    if (tcp_is_closed(flow))
        return;
    if ((packet->tcp_flags & TCP_SYN) != 0) {
        follow_syn(end, packet, side);
    } else {
        end->seen |= SEEN_MORE;
        if (flow->tcp_phase == TCP_PHASE_OPENING)
            follow_handshake(flow, end, packet, side);
    }
    follow_fins(flow, end, packet, side);
    if ((packet->tcp_flags & TCP_RST) != 0) {
        note_closer(flow, side);
        tcp_close(flow, end, TCP_PHASE_RESET, now);
    } else if (side_has(end, SEEN_FIN_ACKNOWLEDGED, 0) && side_has(end, SEEN_FIN_ACKNOWLEDGED, 1)) {
        tcp_close(flow, end, TCP_PHASE_FINISHED, now);
    }
}
