/* TCP segments that came again, and ones that came late, of each direction: told by sequence numbers alone.
 *
 * A segment takes its payload, and one number each for SYN and FIN (RFC 9293, 3.4). What lies between the highest number so
 * far and a segment beyond it is a hole. Of a segment below that number, what lies in holes fills them; the rest was seen
 * before. With any rest the segment is a retransmission, without one it was out of order: either overtaken on its way, or
 * lost before the sensor and sent again. Numbers are compared by their distance, since they wrap. */
#include "meter/feature.h"

#include <netinet/in.h>
#include <string.h>

#include "decode/walk/tcp_header.h"
#include "meter/options.h"
#include "record/field/field_getters.h"

enum { HOLES_MAX = 4 };

/* The largest window (RFC 7323, 2.3). A segment that is farther off is of something else. */
static const uint32_t window_max = UINT32_C(1) << 30;

/* Numbers that were not seen: begin, and so on up to the one before end. */
struct sequence_hole {
    uint32_t begin, end;
};

struct sequence_way {
    uint64_t bytes; /* of payload that came again */
    uint32_t next;  /* the number behind the highest one seen */
    uint32_t again; /* packets */
    uint32_t late;  /* packets */
    uint8_t hole_count;
    bool has_begun;                        /* next is set */
    struct sequence_hole holes[HOLES_MAX]; /* the lowest first */
};

/* What flow_feature(flow, FEATURE_tcp_retransmission) points to. */
struct tcp_retransmission {
    struct sequence_way ways[FLOW_WAYS];
};
_Static_assert(sizeof(struct tcp_retransmission) == 112, "every open flow costs these bytes");

/* A segment below the highest number, as distances from that: `from` its first number's, and its last number's is to + 1. */
struct sequence_span {
    uint32_t from, to;
};

static size_t tcp_retransmission_state_size(const struct meter_options *options) {
    return meter_asks_for(options, FEATURE_tcp_retransmission) ? sizeof(struct tcp_retransmission) : 0;
}

static void tcp_retransmission_on_init(const struct feature_context *context, struct flow *flow) {
    (void)context;
    memset(flow_feature(flow, FEATURE_tcp_retransmission), 0, sizeof(struct tcp_retransmission));
}

static uint32_t lower(uint32_t one, uint32_t other) {
    return one < other ? one : other;
}

static uint32_t higher(uint32_t one, uint32_t other) {
    return one > other ? one : other;
}

/* Keeps the highest holes of a list, the lowest first. */
static void keep_holes(struct sequence_way *way, const struct sequence_hole *holes, unsigned count) {
    unsigned dropped = count > HOLES_MAX ? count - HOLES_MAX : 0;
    way->hole_count = (uint8_t)(count - dropped);
    memcpy(way->holes, holes + dropped, way->hole_count * sizeof *holes);
}

static void add_hole(struct sequence_way *way, uint32_t begin, uint32_t end) {
    struct sequence_hole holes[HOLES_MAX + 1];
    memcpy(holes, way->holes, way->hole_count * sizeof *holes);
    holes[way->hole_count] = (struct sequence_hole){begin, end};
    keep_holes(way, holes, way->hole_count + 1u);
}

/* Holes so far behind that no segment can fill them any more would come into reach again once the numbers have wrapped. */
static void forget_old_holes(struct sequence_way *way) {
    unsigned old = 0;
    while (old < way->hole_count && way->next - way->holes[old].end >= window_max)
        old++;
    if (old > 0) {
        way->hole_count = (uint8_t)(way->hole_count - old);
        memmove(way->holes, way->holes + old, way->hole_count * sizeof *way->holes);
    }
}

static bool was_seen(const struct sequence_way *way, uint32_t distance) {
    for (unsigned i = 0; i < way->hole_count; i++)
        if (way->next - way->holes[i].begin >= distance && way->next - way->holes[i].end < distance)
            return false;
    return true;
}

/* Takes the segment out of the holes; it may split one. Returns how many of its numbers lay in them. */
static uint32_t fill_holes(struct sequence_way *way, struct sequence_span span) {
    struct sequence_hole kept[HOLES_MAX + 1];
    uint32_t filled = 0;
    unsigned count = 0;
    for (unsigned i = 0; i < way->hole_count; i++) {
        uint32_t begin = way->next - way->holes[i].begin, end = way->next - way->holes[i].end;
        if (begin > span.from)
            kept[count++] = (struct sequence_hole){way->next - begin, way->next - higher(end, span.from)};
        if (end < span.to)
            kept[count++] = (struct sequence_hole){way->next - lower(begin, span.to), way->next - end};
        uint32_t first = lower(begin, span.from), behind = higher(end, span.to);
        filled += first > behind ? first - behind : 0;
    }
    keep_holes(way, kept, count);
    return filled;
}

/* The segment begins below the highest number, and may reach beyond. */
static void take_behind(struct sequence_way *way, const struct packet *packet, uint32_t length) {
    uint32_t from = way->next - packet->tcp_sequence;
    struct sequence_span span = {from, length < from ? from - length : 0};
    uint32_t numbers = 0; /* of SYN and FIN that came again */
    numbers += (packet->tcp_flags & TCP_SYN) != 0 && was_seen(way, from);
    numbers += (packet->tcp_flags & TCP_FIN) != 0 && length <= from && was_seen(way, span.to + 1);
    uint32_t rest = from - span.to - fill_holes(way, span);
    if (rest > 0) {
        way->again++;
        way->bytes += rest - numbers;
    } else {
        way->late++;
    }
    if (length > from)
        way->next = packet->tcp_sequence + length;
}

/* It repeats the last byte, or none, to have that acknowledged again (RFC 9293, 3.8.4). */
static bool is_keep_alive(const struct sequence_way *way, const struct packet *packet) {
    return packet->tcp_sequence == way->next - 1 && packet->size[ACCOUNT_PAYLOAD] <= 1 &&
           (packet->tcp_flags & (TCP_SYN | TCP_FIN)) == 0;
}

static __attribute__((noinline)) void take_segment(struct sequence_way *way, const struct packet *packet,
                                                   uint32_t length) {
    uint32_t begin = packet->tcp_sequence, ahead = begin - way->next;
    bool is_near = ahead < window_max || -ahead < window_max;
    if (!way->has_begun || !is_near || length >= window_max) {
        way->has_begun = true;
        way->hole_count = 0;
        way->next = begin + length;
    } else if (ahead < window_max) {
        if (ahead > 0)
            add_hole(way, way->next, begin);
        way->next = begin + length;
    } else if (!is_keep_alive(way, packet)) {
        take_behind(way, packet, length);
    }
    forget_old_holes(way);
}

static void tcp_retransmission_on_update(const struct feature_context *context, struct flow *flow,
                                         const struct packet *packet, enum flow_direction direction,
                                         uint32_t size) {
    (void)context, (void)size;
    uint8_t flags = packet->tcp_flags;
    uint32_t length = packet->size[ACCOUNT_PAYLOAD] + ((flags & TCP_SYN) != 0) + ((flags & TCP_FIN) != 0);
    if (length == 0 || (flags & TCP_RST) != 0 || packet_tcp_header(packet).length == 0)
        return;
    struct tcp_retransmission *state = flow_feature(flow, FEATURE_tcp_retransmission);
    struct sequence_way *way = &state->ways[flow_way(direction)];
    if (way->has_begun && way->hole_count == 0 && packet->tcp_sequence == way->next && length < window_max)
        way->next += length;
    else
        take_segment(way, packet, length);
}

/* The next slice goes on behind the highest number, with the holes below it. */
static void tcp_retransmission_on_release(const struct feature_context *context, struct flow *flow,
                                          struct flow *next) {
    (void)context;
    if (next == NULL)
        return;
    const struct tcp_retransmission *before = flow_feature(flow, FEATURE_tcp_retransmission);
    struct tcp_retransmission *state = flow_feature(next, FEATURE_tcp_retransmission);
    for (unsigned i = 0; i < FLOW_WAYS; i++) {
        state->ways[i] = before->ways[i];
        state->ways[i].bytes = 0;
        state->ways[i].again = state->ways[i].late = 0;
    }
}

const struct feature feature_tcp_retransmission = {
    .name = "tcp_retransmission",
    .state_size = tcp_retransmission_state_size,
    .on_init = tcp_retransmission_on_init,
    .on_update = tcp_retransmission_on_update,
    .on_release = tcp_retransmission_on_release,
};

#define SEQUENCE_GETTER(name, member)                                                                    \
    void get_##name(const struct record_source *source, enum flow_direction direction,                   \
                    struct value *value) {                                                               \
        const struct tcp_retransmission *state = flow_feature(source->flow, FEATURE_tcp_retransmission); \
        if (source->flow->key.protocol != IPPROTO_TCP)                                                   \
            value_null(value);                                                                           \
        else if (direction != BIDIRECTIONAL)                                                             \
            value_counter(value, state->ways[flow_way(direction)].member);                               \
        else                                                                                             \
            value_counter(value, (uint64_t)state->ways[0].member + state->ways[1].member);               \
    }
SEQUENCE_GETTER(retransmitted_packets, again)
SEQUENCE_GETTER(retransmitted_bytes, bytes)
SEQUENCE_GETTER(out_of_order_packets, late)
