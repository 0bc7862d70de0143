/* How a TCP connection opens and closes: the round trips of its three-way handshake (RFC 9293, 3.5), as seen here, and which
 * end closed it how. A slice begins anew.
 *
 * The handshake is the source's latest SYN without ACK, the destination's SYN-ACK to it, and the source's ACK of that. Until
 * it is complete another SYN begins it anew; afterwards nothing changes it. A round trip is not known where its earlier
 * segment was sent twice, since nobody knows which of the two was answered (RFC 6298, 3). */
#include "meter/feature.h"

#include <netinet/in.h>
#include <string.h>

#include "decode/walk/tcp_header.h"
#include "meter/options.h"
#include "record/field/field_getters.h"

enum tcp_handshake_seen {
    SAW_PACKET = 1u << 0, /* first_flags is set */
    SAW_SYN = 1u << 1,
    SAW_SYN_TWICE = 1u << 2,
    SAW_ANSWER = 1u << 3, /* to the latest SYN */
    SAW_ANSWER_TWICE = 1u << 4,
    SAW_ANSWER_BEFORE = 1u << 5,  /* answer_sequence is set */
    SAW_ACKNOWLEDGMENT = 1u << 6, /* the handshake is complete */
};

enum tcp_close {
    CLOSE_SOURCE_FIN = 1u << 0,
    CLOSE_DESTINATION_FIN = 1u << 1,
    CLOSE_FINS = CLOSE_SOURCE_FIN | CLOSE_DESTINATION_FIN,
    CLOSE_RST = 1u << 2, /* before both */
};

/* What flow_feature(flow, FEATURE_tcp_handshake) points to. */
struct tcp_handshake {
    int64_t syn;    /* when the SYN came; once it is answered, how long that took; ticks */
    int64_t answer; /* when the SYN-ACK came; once it is acknowledged, how long that took */
    uint32_t syn_sequence, answer_sequence;
    uint16_t syn_payload; /* bytes (TCP Fast Open), which the answer may acknowledge or not */
    uint8_t seen;         /* enum tcp_handshake_seen */
    uint8_t first_flags;  /* of the slice's first packet */
    uint8_t close;        /* enum tcp_close */
};
_Static_assert(sizeof(struct tcp_handshake) == 32, "every open flow costs these bytes");

static size_t tcp_handshake_state_size(const struct meter_options *options) {
    return meter_asks_for(options, FEATURE_tcp_handshake) ? sizeof(struct tcp_handshake) : 0;
}

static void tcp_handshake_on_init(const struct feature_context *context, struct flow *flow) {
    (void)context;
    memset(flow_feature(flow, FEATURE_tcp_handshake), 0, sizeof(struct tcp_handshake));
}

static void take_syn(struct tcp_handshake *state, const struct packet *packet) {
    bool twice = (state->seen & SAW_SYN) != 0 && state->syn_sequence == packet->tcp_sequence;
    uint32_t payload = packet->size[ACCOUNT_PAYLOAD];
    state->syn = packet->time;
    state->syn_sequence = packet->tcp_sequence;
    state->syn_payload = (uint16_t)(payload < UINT16_MAX ? payload : UINT16_MAX);
    state->seen &= (uint8_t) ~(SAW_SYN_TWICE | SAW_ANSWER | SAW_ANSWER_TWICE);
    state->seen |= SAW_SYN | (twice ? SAW_SYN_TWICE : 0);
}

static void take_answer(struct tcp_handshake *state, const struct packet *packet) {
    uint32_t beyond = packet->tcp_acknowledgment - state->syn_sequence - 1;
    if ((state->seen & SAW_SYN) == 0 || beyond > state->syn_payload)
        return;
    bool twice = (state->seen & SAW_ANSWER_BEFORE) != 0 && state->answer_sequence == packet->tcp_sequence;
    if ((state->seen & SAW_ANSWER) == 0)
        state->syn = packet->time - state->syn;
    state->answer = packet->time;
    state->answer_sequence = packet->tcp_sequence;
    state->seen &= (uint8_t)~SAW_ANSWER_TWICE;
    state->seen |= SAW_ANSWER | SAW_ANSWER_BEFORE | (twice ? SAW_ANSWER_TWICE : 0);
}

static void take_acknowledgment(struct tcp_handshake *state, const struct packet *packet) {
    if ((state->seen & SAW_ANSWER) == 0 || (int32_t)(packet->tcp_acknowledgment - state->answer_sequence) < 1)
        return;
    state->answer = packet->time - state->answer;
    state->seen |= SAW_ACKNOWLEDGMENT;
}

static void follow_handshake(struct tcp_handshake *state, const struct packet *packet,
                             enum flow_direction direction) {
    uint8_t flags = packet->tcp_flags;
    if (direction == SRC2DST && (flags & (TCP_SYN | TCP_ACK)) == TCP_SYN)
        take_syn(state, packet);
    else if (direction == DST2SRC && (flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK))
        take_answer(state, packet);
    else if (direction == SRC2DST && (flags & (TCP_SYN | TCP_RST | TCP_ACK)) == TCP_ACK)
        take_acknowledgment(state, packet);
}

static void follow_close(struct tcp_handshake *state, uint8_t flags, enum flow_direction direction) {
    if ((flags & TCP_RST) != 0 && (state->close & CLOSE_FINS) != CLOSE_FINS)
        state->close |= CLOSE_RST;
    if ((flags & TCP_FIN) != 0)
        state->close |= direction == SRC2DST ? CLOSE_SOURCE_FIN : CLOSE_DESTINATION_FIN;
}

static void tcp_handshake_on_update(const struct feature_context *context, struct flow *flow,
                                    const struct packet *packet, enum flow_direction direction,
                                    uint32_t size) {
    (void)context, (void)size;
    struct tcp_handshake *state = flow_feature(flow, FEATURE_tcp_handshake);
    uint8_t flags = packet->tcp_flags;
    bool is_first = flow_packets(flow, BIDIRECTIONAL) == 0;
    if (!is_first && (flags & (TCP_FIN | TCP_RST)) == 0 && (state->seen & SAW_ACKNOWLEDGMENT) != 0)
        return;
    if (packet_tcp_header(packet).length == 0)
        return;
    if (is_first) {
        state->first_flags = flags;
        state->seen |= SAW_PACKET;
    }
    if ((state->seen & SAW_ACKNOWLEDGMENT) == 0)
        follow_handshake(state, packet, direction);
    follow_close(state, flags, direction);
}

const struct feature feature_tcp_handshake = {
    .name = "tcp_handshake",
    .state_size = tcp_handshake_state_size,
    .on_init = tcp_handshake_on_init,
    .on_update = tcp_handshake_on_update,
};

static const struct tcp_handshake *tcp_handshake_of(const struct record_source *source) {
    return flow_feature(source->flow, FEATURE_tcp_handshake);
}

void get_first_tcp_flags(const struct record_source *source, enum flow_direction direction,
                         struct value *value) {
    (void)direction;
    const struct tcp_handshake *state = tcp_handshake_of(source);
    if ((state->seen & SAW_PACKET) != 0)
        value_integer(value, state->first_flags);
    else
        value_null(value);
}

/* A time that is known once `needed` was seen, unless `twice` was. */
static void round_trip(const struct tcp_handshake *state, int64_t time, unsigned needed, unsigned twice,
                       struct value *value) {
    if ((state->seen & (needed | twice)) == needed)
        value_integer(value, time);
    else
        value_null(value);
}

void get_tcp_syn_rtt(const struct record_source *source, enum flow_direction direction, struct value *value) {
    (void)direction;
    const struct tcp_handshake *state = tcp_handshake_of(source);
    round_trip(state, state->syn, SAW_ANSWER, SAW_SYN_TWICE, value);
}

void get_tcp_ack_rtt(const struct record_source *source, enum flow_direction direction, struct value *value) {
    (void)direction;
    const struct tcp_handshake *state = tcp_handshake_of(source);
    round_trip(state, state->answer, SAW_ACKNOWLEDGMENT, SAW_ANSWER_TWICE, value);
}

static const char *close_style(uint8_t close) {
    if ((close & CLOSE_RST) != 0)
        return "rst";
    if ((close & CLOSE_FINS) == CLOSE_FINS)
        return "fin";
    return (close & CLOSE_FINS) != 0 ? "half_fin" : "none";
}

void get_tcp_close_style(const struct record_source *source, enum flow_direction direction,
                         struct value *value) {
    (void)direction;
    const char *style = close_style(tcp_handshake_of(source)->close);
    if (source->flow->key.protocol == IPPROTO_TCP)
        value_text(value, style, strlen(style));
    else
        value_null(value);
}
