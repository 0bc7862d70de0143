/* Bytes that are missing in TCP's sequence space, of each direction: no packet carried them to the sensor. So loss before the
 * sensor (a mirror port, a switch) shows too.
 *
 * A segment takes its payload, and one number each for SYN and FIN (RFC 9293, 3.4). What lies between the highest number so
 * far and a segment beyond it is a hole. A late or repeated segment fills what it has of a hole. Numbers are compared by
 * their distance, since they wrap. */
#include "meter/feature.h"

#include <netinet/in.h>
#include <string.h>

#include "meter/options.h"
#include "record/field/field_getters.h"

enum {
    TCP_HOLES_MAX = 12,
    TCP_SIDES = 2, /* 0: what the source sends, 1: the destination */
};

/* The largest window (RFC 7323, 2.3). A segment that is farther off is of something else. */
static const uint32_t tcp_window = UINT32_C(1) << 30;

/* Numbers that were not seen: begin, and so on up to the one before end. */
struct tcp_hole {
    uint32_t begin, end;
};

struct tcp_side {
    uint64_t missing : 56; /* bytes of the slice's holes that are no longer remembered */
    uint64_t hole_count : 4;
    uint64_t has_begun : 1;   /* `next` is set */
    uint64_t end_unknown : 1; /* the highest segment came as fragments: only the first one tells its number */
};

/* What flow_feature(flow, FEATURE_tcp_gaps) points to. A segment in order touches only what stands before the holes. */
struct tcp_gaps {
    struct tcp_side side[TCP_SIDES];
    uint32_t next[TCP_SIDES];                        /* the number behind the highest one seen */
    struct tcp_hole holes[TCP_SIDES][TCP_HOLES_MAX]; /* the lowest first */
};
_Static_assert(sizeof(struct tcp_gaps) == 216, "every open flow costs these bytes");

static void tcp_add_missing(struct tcp_side *side, uint32_t bytes) {
    enum { MISSING_BITS = 56 };
    side->missing = (side->missing + bytes) & ((UINT64_C(1) << MISSING_BITS) - 1);
}

static uint32_t tcp_hole_size(const struct tcp_hole *hole) {
    return hole->end - hole->begin;
}

/* The `count` lowest holes are missing for good. */
static void tcp_forget_lowest(struct tcp_gaps *gaps, unsigned side, unsigned count) {
    struct tcp_hole *holes = gaps->holes[side];
    unsigned left = gaps->side[side].hole_count - count;
    for (unsigned i = 0; i < count; i++)
        tcp_add_missing(&gaps->side[side], tcp_hole_size(&holes[i]));
    memmove(holes, holes + count, left * sizeof *holes);
    gaps->side[side].hole_count = left & 0xf;
}

static void tcp_add_hole(struct tcp_gaps *gaps, unsigned side, uint32_t begin, uint32_t end) {
    if (gaps->side[side].hole_count == TCP_HOLES_MAX)
        tcp_forget_lowest(gaps, side, 1);
    gaps->holes[side][gaps->side[side].hole_count++] = (struct tcp_hole){begin, end};
}

/* Holes so far behind that no segment can fill them any more would come into reach again once the numbers have wrapped. */
static void tcp_forget_old(struct tcp_gaps *gaps, unsigned side) {
    unsigned count = 0;
    while (count < gaps->side[side].hole_count &&
           gaps->next[side] - gaps->holes[side][count].end >= tcp_window)
        count++;
    if (count > 0)
        tcp_forget_lowest(gaps, side, count);
}

/* A segment has begin to end, of which nothing lies beyond the highest number. It may split a hole, so that there is one
 * more. All are compared by how far they lie behind that number. */
static void tcp_fill_holes(struct tcp_gaps *gaps, unsigned side, uint32_t begin, uint32_t end) {
    struct tcp_hole kept[TCP_HOLES_MAX + 1];
    uint32_t next = gaps->next[side], from = next - begin, to = next - end;
    unsigned count = 0, first = 0;
    for (unsigned i = 0; i < gaps->side[side].hole_count; i++) {
        struct tcp_hole hole = gaps->holes[side][i];
        if (next - hole.begin > from)
            kept[count++] = (struct tcp_hole){hole.begin, next - hole.end >= from ? hole.end : begin};
        if (next - hole.end < to)
            kept[count++] = (struct tcp_hole){next - hole.begin <= to ? hole.begin : end, hole.end};
    }
    if (count > TCP_HOLES_MAX)
        tcp_add_missing(&gaps->side[side], tcp_hole_size(&kept[first++]));
    gaps->side[side].hole_count = (count - first) & 0xf;
    memcpy(gaps->holes[side], kept + first, (count - first) * sizeof *kept);
}

/* The segment begins at the highest number or beyond it. A SYN there is of another connection on the same ports. */
static void tcp_take_ahead(struct tcp_gaps *gaps, unsigned side, const struct packet *packet, uint32_t end) {
    uint32_t begin = packet->tcp_sequence;
    if ((packet->tcp_flags & TCP_SYN) != 0)
        tcp_forget_lowest(gaps, side, gaps->side[side].hole_count);
    else if (begin != gaps->next[side] && !gaps->side[side].end_unknown)
        tcp_add_hole(gaps, side, gaps->next[side], begin);
    gaps->next[side] = end;
    gaps->side[side].end_unknown = false;
}

/* The segment begins before the highest number. A keep-alive (RFC 9293, 3.8.4) needs no case of its own: its one byte was
 * seen, and is in no hole. */
static void tcp_take_behind(struct tcp_gaps *gaps, unsigned side, uint32_t begin, uint32_t end) {
    bool beyond = (int32_t)(end - gaps->next[side]) > 0;
    tcp_fill_holes(gaps, side, begin, beyond ? gaps->next[side] : end);
    if (beyond) {
        gaps->next[side] = end;
        gaps->side[side].end_unknown = false;
    }
}

/* The numbers begin anew with a segment that none before it leads to. What holes there were is not known to be missing. */
static void tcp_begin_anew(struct tcp_gaps *gaps, unsigned side, uint32_t end) {
    gaps->side[side].hole_count = 0;
    gaps->side[side].has_begun = true;
    gaps->side[side].end_unknown = false;
    gaps->next[side] = end;
}

static __attribute__((noinline)) void tcp_take_segment(struct tcp_gaps *gaps, unsigned side,
                                                       const struct packet *packet, uint32_t length) {
    uint32_t begin = packet->tcp_sequence, end = begin + length;
    uint32_t ahead = begin - gaps->next[side];
    bool is_near = ahead < tcp_window || -ahead < tcp_window;
    if (!gaps->side[side].has_begun || !is_near || length >= tcp_window)
        tcp_begin_anew(gaps, side, end);
    else if (ahead < tcp_window)
        tcp_take_ahead(gaps, side, packet, end);
    else
        tcp_take_behind(gaps, side, begin, end);
    tcp_forget_old(gaps, side);
    if ((packet->flags & PACKET_FRAGMENT) != 0 && gaps->next[side] == end)
        gaps->side[side].end_unknown = true;
}

static size_t tcp_gaps_state_size(const struct meter_options *options) {
    return meter_asks_for(options, FEATURE_tcp_gaps) ? sizeof(struct tcp_gaps) : 0;
}

static void tcp_gaps_on_init(const struct feature_context *context, struct flow *flow) {
    (void)context;
    memset(flow_feature(flow, FEATURE_tcp_gaps), 0, sizeof(struct tcp_gaps));
}

static void tcp_gaps_on_update(const struct feature_context *context, struct flow *flow,
                               const struct packet *packet, enum flow_direction direction, uint32_t size) {
    (void)context, (void)size;
    uint8_t flags = packet->tcp_flags;
    uint32_t length = packet->size[ACCOUNT_PAYLOAD] + ((flags & TCP_SYN) != 0) + ((flags & TCP_FIN) != 0);
    if (flags == 0 || (flags & TCP_RST) != 0 || length == 0)
        return;
    struct tcp_gaps *gaps = flow_feature(flow, FEATURE_tcp_gaps);
    unsigned i = direction == DST2SRC;
    const struct tcp_side *side = &gaps->side[i];
    bool is_plain = side->has_begun && side->hole_count == 0 && !side->end_unknown &&
                    (packet->flags & PACKET_FRAGMENT) == 0;
    if (is_plain && packet->tcp_sequence == gaps->next[i])
        gaps->next[i] += length;
    else
        tcp_take_segment(gaps, i, packet, length);
}

static uint64_t tcp_missing(const struct tcp_gaps *gaps, unsigned side) {
    uint64_t bytes = gaps->side[side].missing;
    for (unsigned i = 0; i < gaps->side[side].hole_count; i++)
        bytes += tcp_hole_size(&gaps->holes[side][i]);
    return bytes;
}

static void tcp_gaps_on_expire(const struct feature_context *context, struct flow *flow) {
    const struct tcp_gaps *gaps = flow_feature(flow, FEATURE_tcp_gaps);
    *context->loss_gap_bytes += tcp_missing(gaps, 0) + tcp_missing(gaps, 1);
}

/* The next slice goes on behind the highest number. The holes are missing in this one, in which they were made: so no byte
 * counts twice, and no record has to wait for the next one. */
static void tcp_gaps_on_release(const struct feature_context *context, struct flow *flow, struct flow *next) {
    (void)context;
    if (next == NULL)
        return;
    const struct tcp_gaps *before = flow_feature(flow, FEATURE_tcp_gaps);
    struct tcp_gaps *gaps = flow_feature(next, FEATURE_tcp_gaps);
    for (unsigned i = 0; i < TCP_SIDES; i++) {
        gaps->next[i] = before->next[i];
        gaps->side[i].has_begun = before->side[i].has_begun;
        gaps->side[i].end_unknown = before->side[i].end_unknown;
    }
}

const struct feature feature_tcp_gaps = {
    .name = "tcp_gaps",
    .state_size = tcp_gaps_state_size,
    .on_init = tcp_gaps_on_init,
    .on_update = tcp_gaps_on_update,
    .on_expire = tcp_gaps_on_expire,
    .on_release = tcp_gaps_on_release,
};

void get_loss_gap_bytes(const struct record_source *source, enum flow_direction direction,
                        struct value *value) {
    const struct tcp_gaps *gaps = flow_feature(source->flow, FEATURE_tcp_gaps);
    if (source->flow->key.protocol != IPPROTO_TCP)
        value_null(value);
    else if (direction == BIDIRECTIONAL)
        value_counter(value, tcp_missing(gaps, 0) + tcp_missing(gaps, 1));
    else
        value_counter(value, tcp_missing(gaps, direction == DST2SRC));
}
