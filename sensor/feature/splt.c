/* Sequence of packet lengths and times: direction, size and inter-arrival time of a flow's first N packets, and where a schema
 * asks for them (options->splt_more) their payload, TCP flags and whether they are duplicates. Which packets take places is
 * options->splt_packets.
 *
 * A duplicate is a TCP packet behind any with payload whose payload's size and flags are those of its direction's packet before
 * it that is none, and whose sequence and acknowledgment number are the same or lower, or beyond the wrap. It is the rule of
 * ipfixprobe's option skipdup. A slice goes on with what the one before it knew of this. */
#include "meter/feature.h"

#include <endian.h>
#include <string.h>

#include "decode/walk/tcp_header.h"
#include "feature/slice_time.h"
#include "meter/options.h"
#include "record/field/field_getters.h"

/* What flow_feature(flow, FEATURE_splt) points to. The arrays lie behind it, as narrow as the timeouts allow: 20 packets take
 * 144 bytes natively, where 64-bit intervals would take 224. */
struct splt {
    uint32_t length; /* packets recorded so far; SPLT_NOT_KEPT */
    /* Intervals (32 or 64 bits), then cells; options->splt_analysis of each: see struct splt_arrays. Behind them, where
     * splt_follows(), struct splt_more. */
    unsigned char places[];
};

/* Longer than any: no packet is recorded. */
#define SPLT_NOT_KEPT UINT32_MAX

/* A little-endian number of size and direction: the lowest bit is the direction. */
struct splt_cell {
    uint8_t low[2], high;
};

/* Of a direction: its latest packet that is no duplicate. */
struct splt_previous {
    uint32_t sequence, acknowledgment;
    uint32_t payload : 22; /* bytes; see SPLT_PAYLOAD_MAX */
    uint32_t flags : 8;
    uint32_t is_set : 1;
    uint32_t has_payload : 1; /* a packet of the direction had some */
};

struct splt_more {
    struct splt_previous previous[FLOW_WAYS];
    /* If options->splt_more: payloads, the highest bit of a duplicate's set, then flags; options->splt_analysis of each. */
    uint32_t payloads[];
};

/* Bytes. No link carries a larger packet; one that a file claims counts as this. */
static const uint32_t splt_size_max = (1u << 23) - 1;
enum { SPLT_PAYLOAD_MAX = (1 << 22) - 1 };
static const uint32_t splt_duplicate_bit = 1u << 31;

/* An interval between packets is shorter than the idle timeout, or the flow would have been cut; between recorded ones it may
 * be as long as the slice. */
static bool splt_is_wide(const struct meter_options *options) {
    return options->splt_packets == SPLT_ALL ? options->idle_timeout > (int64_t)UINT32_MAX
                                             : slice_is_wide(options);
}

/* Whether duplicates are told. */
static bool splt_follows(const struct meter_options *options) {
    return options->splt_more || options->splt_packets == SPLT_PAYLOAD_NEW;
}

static size_t splt_interval_size(const struct meter_options *options) {
    return splt_is_wide(options) ? sizeof(int64_t) : sizeof(uint32_t);
}

/* Where struct splt_more begins. */
static size_t splt_more_offset(const struct meter_options *options) {
    size_t size = sizeof(struct splt) +
                  options->splt_analysis * (splt_interval_size(options) + sizeof(struct splt_cell));
    size_t align = _Alignof(struct splt_more);
    return splt_follows(options) ? (size + align - 1) / align * align : size;
}

static size_t splt_state_size(const struct meter_options *options) {
    if (options->splt_analysis == 0)
        return 0;
    size_t places = options->splt_analysis * (sizeof(uint32_t) + sizeof(uint8_t));
    return splt_more_offset(options) + (splt_follows(options) ? sizeof(struct splt_more) : 0) +
           (options->splt_more ? places : 0);
}

/* Only where splt_follows(). */
static struct splt_more *splt_more_of(const struct flow *flow) {
    char *splt = flow_feature(flow, FEATURE_splt);
    return (struct splt_more *)(splt + splt_more_offset(flow->shared->options));
}

static uint8_t *splt_flags(const struct meter_options *options, const struct splt_more *more) {
    return (uint8_t *)(more->payloads + options->splt_analysis);
}

/* Where the arrays lie. */
struct splt_arrays {
    bool wide;
    const unsigned char *intervals;
    const struct splt_cell *cells;
};

static inline struct splt_arrays splt_arrays(const struct meter_options *options, const struct splt *splt) {
    return (struct splt_arrays){
        .wide = splt_is_wide(options),
        .intervals = splt->places,
        .cells =
            (const struct splt_cell *)(splt->places + options->splt_analysis * splt_interval_size(options)),
    };
}

/* Ticks since the flow's previous packet, or previous recorded one; 0 for the first of all. */
static inline int64_t splt_interval(const struct splt_arrays *arrays, uint32_t place) {
    if (arrays->wide) {
        int64_t interval;
        memcpy(&interval, arrays->intervals + (size_t)place * sizeof(interval), sizeof(interval));
        return interval;
    }
    uint32_t interval;
    memcpy(&interval, arrays->intervals + (size_t)place * sizeof(interval), sizeof(interval));
    return interval;
}

/* Bytes, by accounting mode. */
static inline int64_t splt_size(const struct splt_arrays *arrays, uint32_t place) {
    const struct splt_cell *cell = &arrays->cells[place];
    return (cell->low[0] | (uint32_t)cell->low[1] << 8 | (uint32_t)cell->high << 16) >> 1;
}

/* 0 src2dst, 1 dst2src. */
static inline int64_t splt_direction(const struct splt_arrays *arrays, uint32_t place) {
    return arrays->cells[place].low[0] & 1;
}

static void splt_on_init(const struct feature_context *context, struct flow *flow) {
    struct splt *splt = flow_feature(flow, FEATURE_splt);
    flow->no_splt = (context->overload & 1u << OVERLOAD_no_splt) != 0;
    splt->length = flow->no_splt ? SPLT_NOT_KEPT : 0;
    if (splt_follows(context->options))
        memset(splt_more_of(flow)->previous, 0, sizeof splt_more_of(flow)->previous);
}

static inline void splt_put_cell(unsigned char *cell, uint32_t size, bool is_answer) {
    uint32_t number = (size < splt_size_max ? size : splt_size_max) << 1;
    uint16_t low = htole16((uint16_t)(number | is_answer));
    memcpy(cell, &low, sizeof(low));
    cell[sizeof(low)] = (uint8_t)(number >> 16);
}

static inline void splt_put(const struct meter_options *options, struct splt *splt, int64_t interval,
                            uint32_t size, bool is_answer) {
    uint32_t place = splt->length++, narrow = (uint32_t)interval;
    unsigned char *cells = splt->places;
    if (splt_is_wide(options)) {
        memcpy(cells + place * sizeof(interval), &interval, sizeof(interval));
        cells += options->splt_analysis * sizeof(interval);
    } else {
        memcpy(cells + place * sizeof(narrow), &narrow, sizeof(narrow));
        cells += options->splt_analysis * sizeof(narrow);
    }
    splt_put_cell(cells + place * sizeof(struct splt_cell), size, is_answer);
}

/* Ticks since the flow's previous packet. */
static inline int64_t splt_since_last(const struct flow *flow, const struct packet *packet) {
    return flow_packets(flow, BIDIRECTIONAL) > 0 ? packet->time - flow_last_seen(flow, BIDIRECTIONAL) : 0;
}

/* Ticks since the previous recorded packet, or since the slice's first one. When that packet was recorded stands in the first
 * interval that is not taken yet. */
static int64_t splt_since_recorded(const struct meter_options *options, const struct flow *flow,
                                   const struct packet *packet) {
    const struct splt *splt = flow_feature(flow, FEATURE_splt);
    const struct splt_arrays arrays = splt_arrays(options, splt);
    if (flow_packets(flow, BIDIRECTIONAL) == 0)
        return 0;
    int64_t recorded = splt->length > 0 ? splt_interval(&arrays, splt->length) : 0;
    return packet->time - flow_first_seen(flow, BIDIRECTIONAL) - recorded;
}

/* The packet was recorded, at `time` from the slice's first one on. */
static void splt_note_recorded(const struct meter_options *options, struct splt *splt, int64_t time) {
    uint32_t narrow = (uint32_t)time;
    if (splt->length >= options->splt_analysis)
        return;
    if (splt_is_wide(options))
        memcpy(splt->places + splt->length * sizeof(time), &time, sizeof(time));
    else
        memcpy(splt->places + splt->length * sizeof(narrow), &narrow, sizeof(narrow));
}

/* As plain integers: what is higher by more has wrapped. */
static bool splt_not_beyond(uint32_t number, uint32_t previous) {
    const int64_t wrap = INT64_C(4252017623);
    int64_t difference = (int64_t)number - (int64_t)previous;
    return -wrap <= difference && difference <= 0;
}

/* Whether the packet is a duplicate; if not, the next ones are compared with it. */
static bool splt_take_duplicate(struct splt_more *more, const struct packet *packet,
                                enum flow_direction direction) {
    struct splt_previous *previous = &more->previous[flow_way(direction)];
    bool after_payload = more->previous[0].has_payload || more->previous[1].has_payload;
    uint32_t payload = packet->size[ACCOUNT_PAYLOAD];
    uint32_t kept = payload < SPLT_PAYLOAD_MAX ? payload : SPLT_PAYLOAD_MAX;
    previous->has_payload |= payload > 0;
    if (packet_tcp_header(packet).length == 0)
        return false;
    if (after_payload && previous->is_set && previous->payload == kept &&
        previous->flags == packet->tcp_flags && splt_not_beyond(packet->tcp_sequence, previous->sequence) &&
        splt_not_beyond(packet->tcp_acknowledgment, previous->acknowledgment))
        return true;
    previous->sequence = packet->tcp_sequence;
    previous->acknowledgment = packet->tcp_acknowledgment;
    previous->payload = kept & SPLT_PAYLOAD_MAX;
    previous->flags = packet->tcp_flags;
    previous->is_set = true;
    return false;
}

static void splt_put_more(const struct meter_options *options, struct splt_more *more, uint32_t place,
                          const struct packet *packet, bool is_duplicate) {
    uint32_t payload = packet->size[ACCOUNT_PAYLOAD];
    more->payloads[place] =
        (payload < INT32_MAX ? payload : INT32_MAX) | (is_duplicate ? splt_duplicate_bit : 0);
    splt_flags(options, more)[place] = packet->tcp_flags;
}

/* Where there are fields more, or not all packets take places. */
static void splt_update_more(const struct meter_options *options, struct flow *flow,
                             const struct packet *packet, enum flow_direction direction, uint32_t size) {
    struct splt *splt = flow_feature(flow, FEATURE_splt);
    uint32_t place = splt->length;
    bool is_duplicate = splt_follows(options) && splt_take_duplicate(splt_more_of(flow), packet, direction);
    bool is_all = options->splt_packets == SPLT_ALL;
    if (place >= options->splt_analysis || (!is_all && packet->size[ACCOUNT_PAYLOAD] == 0) ||
        (options->splt_packets == SPLT_PAYLOAD_NEW && is_duplicate))
        return;
    bool is_first = flow_packets(flow, BIDIRECTIONAL) == 0;
    int64_t interval = is_all ? splt_since_last(flow, packet) : splt_since_recorded(options, flow, packet);
    splt_put(options, splt, interval, size, direction == DST2SRC);
    if (!is_all)
        splt_note_recorded(options, splt, is_first ? 0 : packet->time - flow_first_seen(flow, BIDIRECTIONAL));
    if (options->splt_more)
        splt_put_more(options, splt_more_of(flow), place, packet, is_duplicate);
}

static void splt_on_update(const struct feature_context *context, struct flow *flow,
                           const struct packet *packet, enum flow_direction direction, uint32_t size) {
    const struct meter_options *options = context->options;
    struct splt *splt = flow_feature(flow, FEATURE_splt);
    if (options->splt_more || options->splt_packets != SPLT_ALL)
        splt_update_more(options, flow, packet, direction, size);
    else if (splt->length < options->splt_analysis)
        splt_put(options, splt, splt_since_last(flow, packet), size, direction == DST2SRC);
}

static void splt_on_release(const struct feature_context *context, struct flow *flow, struct flow *next) {
    if (next != NULL && splt_follows(context->options))
        memcpy(splt_more_of(next)->previous, splt_more_of(flow)->previous,
               sizeof splt_more_of(next)->previous);
}

const struct feature feature_splt = {
    .name = "splt",
    .state_size = splt_state_size,
    .on_init = splt_on_init,
    .on_update = splt_on_update,
    .on_release = splt_on_release,
};

static const struct splt *splt_of(const struct record_source *source) {
    return flow_feature(source->flow, FEATURE_splt);
}

static uint32_t length_of(const struct splt *splt) {
    return splt->length != SPLT_NOT_KEPT ? splt->length : 0;
}

/* An array of `places` items of which the last ones are -1; NULL items (which can't be: the recorder made room for
 * all arrays of splt_analysis) give an empty array. */
static int64_t *array_value(const struct record_source *source, uint32_t length, uint32_t places,
                            struct value *value) {
    int64_t *items = scratch_integers(source, places);
    value->is_null = false;
    value->integers.items = items;
    value->integers.count = items != NULL ? places : 0;
    for (uint32_t i = length; i < value->integers.count; i++)
        items[i] = -1;
    return items;
}

/* The three arrays differ in what stands at each place. Natively they have their real length, for NFStream they are
 * filled up to what was asked for. */
#define SPLT_GETTERS(name, item)                                                                         \
    static void name##_value(const struct record_source *source, uint32_t places, struct value *value) { \
        const struct splt *splt = splt_of(source);                                                       \
        const struct splt_arrays arrays = splt_arrays(source->flow->shared->options, splt);              \
        int64_t *items = array_value(source, length_of(splt), places, value);                            \
        for (uint32_t place = 0; items != NULL && place < length_of(splt); place++)                      \
            items[place] = item(&arrays, place);                                                         \
    }                                                                                                    \
    void get_##name(const struct record_source *source, enum flow_direction direction,                   \
                    struct value *value) {                                                               \
        (void)direction;                                                                                 \
        name##_value(source, length_of(splt_of(source)), value);                                         \
    }                                                                                                    \
    void get_##name##_padded(const struct record_source *source, enum flow_direction direction,          \
                             struct value *value) {                                                      \
        (void)direction;                                                                                 \
        name##_value(source, source->flow->shared->options->splt_analysis, value);                       \
    }

SPLT_GETTERS(splt_direction, splt_direction)
SPLT_GETTERS(splt_ps, splt_size)
SPLT_GETTERS(splt_piat, splt_interval)

void get_splt(const struct record_source *source, enum flow_direction direction, struct value *values) {
    get_splt_direction(source, direction, &values[0]);
    get_splt_ps(source, direction, &values[1]);
    get_splt_piat(source, direction, &values[2]);
}

#define SPLT_MORE_GETTER(name, item)                                                   \
    void get_##name(const struct record_source *source, enum flow_direction direction, \
                    struct value *value) {                                             \
        (void)direction;                                                               \
        const struct splt_more *more = splt_more_of(source->flow);                     \
        uint32_t length = length_of(splt_of(source));                                  \
        int64_t *items = array_value(source, length, length, value);                   \
        for (uint32_t place = 0; items != NULL && place < length; place++)             \
            items[place] = item;                                                       \
    }
SPLT_MORE_GETTER(splt_payload_ps, more->payloads[place] & ~splt_duplicate_bit)
SPLT_MORE_GETTER(splt_tcp_flags, splt_flags(source->flow->shared->options, more)[place])
SPLT_MORE_GETTER(splt_duplicate, (more->payloads[place] & splt_duplicate_bit) != 0)
