/* The first bursts of each direction: at least three packets with payload, each less than 1 s behind the one before it. */
#include "meter/feature.h"

#include <string.h>

#include "feature/slice_time.h"
#include "meter/options.h"
#include "record/field/field_getters.h"

enum {
    BURST_GAP = 1000000, /* microseconds: the native profile's ticks */
    BURST_PACKETS = 3,
    BURSTS_MAX = 15,
};

struct burst {
    uint32_t packets;
    uint32_t bytes; /* of payload; at most UINT32_MAX */
    uint32_t start; /* from the slice's first packet on */
    uint32_t duration;
};

/* The last one may be too short yet: then the next one takes its place. */
struct burst_way {
    uint32_t count; /* bursts, the last one included */
    struct burst bursts[BURSTS_MAX];
};

/* What flow_feature(flow, FEATURE_bursts) points to. */
struct bursts {
    struct burst_way ways[FLOW_WAYS];
};
_Static_assert(sizeof(struct bursts) == 488, "every open flow costs these bytes");

/* The higher halves of times; behind the rest where slice_is_wide(). */
struct burst_halves {
    uint32_t start[FLOW_WAYS][BURSTS_MAX], duration[FLOW_WAYS][BURSTS_MAX];
};

static size_t bursts_state_size(const struct meter_options *options) {
    if (!meter_asks_for(options, FEATURE_bursts))
        return 0;
    return sizeof(struct bursts) + (slice_is_wide(options) ? sizeof(struct burst_halves) : 0);
}

static void bursts_on_init(const struct feature_context *context, struct flow *flow) {
    (void)context;
    struct bursts *bursts = flow_feature(flow, FEATURE_bursts);
    for (unsigned i = 0; i < FLOW_WAYS; i++)
        bursts->ways[i].count = 0;
}

/* Of one way: where the higher halves are. NULL: there are none. */
static struct burst_halves *halves_of(const struct flow *flow) {
    struct bursts *bursts = flow_feature(flow, FEATURE_bursts);
    return slice_is_wide(flow->shared->options) ? (struct burst_halves *)(bursts + 1) : NULL;
}

static uint32_t *start_half(const struct flow *flow, unsigned way, uint32_t index) {
    struct burst_halves *halves = halves_of(flow);
    return halves != NULL ? &halves->start[way][index] : NULL;
}

static uint32_t *duration_half(const struct flow *flow, unsigned way, uint32_t index) {
    struct burst_halves *halves = halves_of(flow);
    return halves != NULL ? &halves->duration[way][index] : NULL;
}

static const struct burst_way *burst_way_of(const struct flow *flow, unsigned way) {
    return &((const struct bursts *)flow_feature(flow, FEATURE_bursts))->ways[way];
}

static int64_t burst_packets(const struct flow *flow, unsigned way, uint32_t index) {
    return burst_way_of(flow, way)->bursts[index].packets;
}

static int64_t burst_bytes(const struct flow *flow, unsigned way, uint32_t index) {
    return burst_way_of(flow, way)->bursts[index].bytes;
}

static int64_t burst_start(const struct flow *flow, unsigned way, uint32_t index) {
    return slice_time(&burst_way_of(flow, way)->bursts[index].start, start_half(flow, way, index));
}

static int64_t burst_duration(const struct flow *flow, unsigned way, uint32_t index) {
    return slice_time(&burst_way_of(flow, way)->bursts[index].duration, duration_half(flow, way, index));
}

static void burst_add_bytes(struct burst *burst, uint32_t payload) {
    burst->bytes = payload < UINT32_MAX - burst->bytes ? burst->bytes + payload : UINT32_MAX;
}

static void begin_burst(const struct flow *flow, unsigned way, struct burst_way *state, int64_t time,
                        uint32_t payload) {
    uint32_t index = state->count++;
    state->bursts[index] = (struct burst){.packets = 1, .bytes = payload};
    slice_time_set(&state->bursts[index].start, start_half(flow, way, index), time);
    slice_time_set(&state->bursts[index].duration, duration_half(flow, way, index), 0);
}

/* `time` is that of a packet with payload, from the slice's first packet on. */
static void add_to_burst(const struct flow *flow, unsigned way, struct burst_way *state, int64_t time,
                         uint32_t payload) {
    if (state->count == 0) {
        begin_burst(flow, way, state, time, payload);
        return;
    }
    uint32_t index = state->count - 1;
    struct burst *burst = &state->bursts[index];
    int64_t duration = time - burst_start(flow, way, index);
    if (duration - burst_duration(flow, way, index) < BURST_GAP) {
        burst->packets++;
        burst_add_bytes(burst, payload);
        slice_time_set(&burst->duration, duration_half(flow, way, index), duration);
        return;
    }
    if (burst->packets < BURST_PACKETS)
        state->count--;
    if (state->count < BURSTS_MAX)
        begin_burst(flow, way, state, time, payload);
}

static void bursts_on_update(const struct feature_context *context, struct flow *flow,
                             const struct packet *packet, enum flow_direction direction, uint32_t size) {
    (void)context, (void)size;
    uint32_t payload = packet->size[ACCOUNT_PAYLOAD];
    if (payload == 0)
        return;
    struct bursts *bursts = flow_feature(flow, FEATURE_bursts);
    unsigned way = flow_way(direction);
    bool is_first = flow_packets(flow, BIDIRECTIONAL) == 0;
    int64_t time = is_first ? 0 : packet->time - flow_first_seen(flow, BIDIRECTIONAL);
    add_to_burst(flow, way, &bursts->ways[way], time, payload);
}

const struct feature feature_bursts = {
    .name = "bursts",
    .state_size = bursts_state_size,
    .on_init = bursts_on_init,
    .on_update = bursts_on_update,
};

/* Without a last one that is too short. */
static uint32_t burst_count(const struct burst_way *state) {
    uint32_t count = state->count;
    return count > 0 && state->bursts[count - 1].packets < BURST_PACKETS ? count - 1 : count;
}

static void burst_values(const struct record_source *source, enum flow_direction direction,
                         int64_t (*item)(const struct flow *flow, unsigned way, uint32_t index),
                         struct value *value) {
    unsigned way = flow_way(direction);
    uint32_t count = burst_count(burst_way_of(source->flow, way));
    int64_t *items = scratch_integers(source, count);
    value->is_null = false;
    value->integers.items = items;
    value->integers.count = items != NULL ? count : 0;
    for (uint32_t i = 0; i < value->integers.count; i++)
        items[i] = item(source->flow, way, i);
}

#define BURST_GETTER(name)                                                                   \
    void get_burst_##name(const struct record_source *source, enum flow_direction direction, \
                          struct value *value) {                                             \
        burst_values(source, direction, burst_##name, value);                                \
    }
BURST_GETTER(packets)
BURST_GETTER(bytes)
BURST_GETTER(start)
BURST_GETTER(duration)
