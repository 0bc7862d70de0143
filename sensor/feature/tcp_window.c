/* What single TCP segments tell of each direction: its receive windows, the options of its first SYN, and how often it had no
 * room left or acknowledged again what it had acknowledged before.
 *
 * A duplicate ACK has the flags ACK alone, no payload, and acknowledgment and window of the direction's packet before it, if
 * that had these flags and no payload either (RFC 5681, 2, without its condition on outstanding data). A slice goes on with
 * what the one before it acknowledged; all else begins anew. */
#include "meter/feature.h"

#include <netinet/in.h>
#include <string.h>

#include "decode/walk/tcp_header.h"
#include "meter/options.h"
#include "record/field/field_getters.h"

enum tcp_known {
    KNOWN_WINDOW = 1u << 0, /* first_window, last_window and max_window are set */
    KNOWN_MIN = 1u << 1,    /* min_window is set */
    KNOWN_SYN = 1u << 2,    /* options are set */
    KNOWN_MSS = 1u << 3,
    KNOWN_SCALE = 1u << 4,
    PREVIOUS_IS_ACK =
        1u << 5, /* the direction's previous packet may be repeated: acknowledgment, last_window */
};

enum tcp_option { TCP_OPTION_END = 0, TCP_OPTION_NOP = 1, TCP_OPTION_MSS = 2, TCP_OPTION_SCALE = 3 };
/* Bits of the mask: Avro's long has one more, which is the sign. */
enum { TCP_OPTION_BIT_MAX = 62 };

struct tcp_way {
    uint64_t options;
    uint32_t zero_windows, duplicate_acks; /* packets */
    uint32_t acknowledgment;
    uint16_t first_window, last_window, min_window, max_window; /* unscaled */
    uint16_t mss;
    uint8_t scale;
    uint8_t known; /* enum tcp_known */
};

/* What flow_feature(flow, FEATURE_tcp_window) points to. */
struct tcp_window {
    struct tcp_way ways[FLOW_WAYS];
};
_Static_assert(sizeof(struct tcp_window) == 64, "every open flow costs these bytes");

static size_t tcp_window_state_size(const struct meter_options *options) {
    return meter_asks_for(options, FEATURE_tcp_window) ? sizeof(struct tcp_window) : 0;
}

static void tcp_window_on_init(const struct feature_context *context, struct flow *flow) {
    (void)context;
    memset(flow_feature(flow, FEATURE_tcp_window), 0, sizeof(struct tcp_window));
}

/* One option whose `length` bytes are there; the last of several counts. */
static void take_option(struct tcp_way *way, struct bytes option, size_t length) {
    uint8_t kind = bytes_u8(option, 0);
    way->options |= UINT64_C(1) << (kind < TCP_OPTION_BIT_MAX ? kind : TCP_OPTION_BIT_MAX);
    if (kind == TCP_OPTION_MSS && length == 4) {
        way->mss = bytes_u16(option, 2);
        way->known |= KNOWN_MSS;
    } else if (kind == TCP_OPTION_SCALE && length == 3) {
        way->scale = bytes_u8(option, 2);
        way->known |= KNOWN_SCALE;
    }
}

/* The options of a SYN, as far as they were captured. One that reaches beyond, or is shorter than its own head, ends them. */
static void take_options(struct tcp_way *way, struct bytes header) {
    size_t end = (size_t)(bytes_u8(header, TCP_AT_DATA_OFFSET) >> 4) * 4;
    header.length = end < header.length ? end : header.length;
    struct bytes rest = bytes_from(header, TCP_AT_OPTIONS);
    way->known |= KNOWN_SYN;
    while (rest.length > 0) {
        uint8_t kind = bytes_u8(rest, 0);
        bool is_byte = kind == TCP_OPTION_END || kind == TCP_OPTION_NOP;
        size_t length = is_byte ? 1 : rest.length > 1 ? bytes_u8(rest, 1) : 0;
        if ((!is_byte && length < 2) || length > rest.length)
            return;
        take_option(way, rest, length);
        if (kind == TCP_OPTION_END)
            return;
        rest = bytes_from(rest, length);
    }
}

static inline void take_window(struct tcp_way *way, uint8_t flags, uint16_t window) {
    if ((way->known & KNOWN_WINDOW) == 0)
        way->first_window = way->max_window = window;
    way->max_window = window > way->max_window ? window : way->max_window;
    way->last_window = window;
    way->known |= KNOWN_WINDOW;
    if ((flags & TCP_RST) != 0)
        return;
    if ((way->known & KNOWN_MIN) == 0 || window < way->min_window)
        way->min_window = window;
    way->known |= KNOWN_MIN;
    way->zero_windows += window == 0 && (flags & (TCP_SYN | TCP_FIN)) == 0;
}

static inline void take_acknowledgment(struct tcp_way *way, const struct packet *packet, uint16_t window) {
    bool is_ack = packet->tcp_flags == TCP_ACK && packet->size[ACCOUNT_PAYLOAD] == 0;
    if (is_ack && (way->known & PREVIOUS_IS_ACK) != 0)
        way->duplicate_acks +=
            packet->tcp_acknowledgment == way->acknowledgment && window == way->last_window;
    way->acknowledgment = packet->tcp_acknowledgment;
    way->known = (uint8_t)((way->known & ~PREVIOUS_IS_ACK) | (is_ack ? PREVIOUS_IS_ACK : 0));
}

static void tcp_window_on_update(const struct feature_context *context, struct flow *flow,
                                 const struct packet *packet, enum flow_direction direction, uint32_t size) {
    (void)context, (void)size;
    struct bytes header = packet_tcp_header(packet);
    if (!bytes_have(header, TCP_AT_WINDOW, sizeof(uint16_t)))
        return;
    struct tcp_window *state = flow_feature(flow, FEATURE_tcp_window);
    struct tcp_way *way = &state->ways[flow_way(direction)];
    uint16_t window = bytes_u16(header, TCP_AT_WINDOW);
    take_acknowledgment(way, packet, window);
    take_window(way, packet->tcp_flags, window);
    if ((packet->tcp_flags & TCP_SYN) != 0 && (way->known & KNOWN_SYN) == 0)
        take_options(way, header);
}

static void tcp_window_on_release(const struct feature_context *context, struct flow *flow,
                                  struct flow *next) {
    (void)context;
    if (next == NULL)
        return;
    const struct tcp_window *before = flow_feature(flow, FEATURE_tcp_window);
    struct tcp_window *state = flow_feature(next, FEATURE_tcp_window);
    for (unsigned i = 0; i < FLOW_WAYS; i++) {
        state->ways[i].acknowledgment = before->ways[i].acknowledgment;
        state->ways[i].last_window = before->ways[i].last_window;
        state->ways[i].known = before->ways[i].known & PREVIOUS_IS_ACK;
    }
}

const struct feature feature_tcp_window = {
    .name = "tcp_window",
    .state_size = tcp_window_state_size,
    .on_init = tcp_window_on_init,
    .on_update = tcp_window_on_update,
    .on_release = tcp_window_on_release,
};

static const struct tcp_window *tcp_window_of(const struct record_source *source) {
    return flow_feature(source->flow, FEATURE_tcp_window);
}

#define WAY_GETTER(name, member, needs)                                                \
    void get_##name(const struct record_source *source, enum flow_direction direction, \
                    struct value *value) {                                             \
        const struct tcp_way *way = &tcp_window_of(source)->ways[flow_way(direction)]; \
        if ((way->known & (needs)) != 0)                                               \
            value_integer(value, (int64_t)way->member);                                \
        else                                                                           \
            value_null(value);                                                         \
    }
WAY_GETTER(first_window, first_window, KNOWN_WINDOW)
WAY_GETTER(last_window, last_window, KNOWN_WINDOW)
WAY_GETTER(min_window, min_window, KNOWN_MIN)
WAY_GETTER(max_window, max_window, KNOWN_WINDOW)
WAY_GETTER(mss, mss, KNOWN_MSS)
WAY_GETTER(window_scale, scale, KNOWN_SCALE)
WAY_GETTER(tcp_options, options, KNOWN_SYN)

#define COUNT_GETTER(name, member)                                                     \
    void get_##name(const struct record_source *source, enum flow_direction direction, \
                    struct value *value) {                                             \
        const struct tcp_way *ways = tcp_window_of(source)->ways;                      \
        if (source->flow->key.protocol != IPPROTO_TCP)                                 \
            value_null(value);                                                         \
        else if (direction != BIDIRECTIONAL)                                           \
            value_counter(value, ways[flow_way(direction)].member);                    \
        else                                                                           \
            value_counter(value, (uint64_t)ways[0].member + ways[1].member);           \
    }
COUNT_GETTER(zero_window_packets, zero_windows)
COUNT_GETTER(duplicate_ack_packets, duplicate_acks)
