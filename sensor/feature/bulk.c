/* Bulk transfers: runs of at least four packets with payload. A direction's run ends with a gap of more than 1 s between two of
 * its packets, and with payload of the other direction that comes later than the run's first packet. Both directions
 * together are one stream more, whose runs end with gaps alone. */
#include "meter/feature.h"

#include <string.h>

#include "meter/options.h"
#include "record/field/field_getters.h"

enum {
    BULK_GAP = 1000000, /* microseconds: the native profile's ticks */
    BULK_PACKETS = 4,
    RUN_SPAN_MAX = (1 << 22) - 1, /* ticks; a run of fewer than BULK_PACKETS packets is shorter */
};

/* Sums of runs that count, and the run under way. */
struct bulk_stream {
    uint64_t bytes, duration;
    int64_t last; /* time of the run's latest packet */
    uint32_t count, packets;
    uint64_t run_bytes : 39;  /* of payload, while it does not count yet */
    uint64_t run_span : 22;   /* from the first to the latest packet, or RUN_SPAN_MAX */
    uint64_t run_packets : 3; /* at most BULK_PACKETS; 0: no run is under way */
};

/* What flow_feature(flow, FEATURE_bulk) points to. */
struct bulk {
    struct bulk_stream streams[FLOW_DIRECTIONS];
};
_Static_assert(sizeof(struct bulk) == 120, "every open flow costs these bytes");

static size_t bulk_state_size(const struct meter_options *options) {
    return meter_asks_for(options, FEATURE_bulk) ? sizeof(struct bulk) : 0;
}

static void bulk_on_init(const struct feature_context *context, struct flow *flow) {
    (void)context;
    memset(flow_feature(flow, FEATURE_bulk), 0, sizeof(struct bulk));
}

/* The run counts with its fourth packet, and grows with each further one. */
static void continue_run(struct bulk_stream *stream, uint32_t payload, int64_t gap) {
    uint64_t span = stream->run_span + (uint64_t)gap;
    stream->run_span = (span < RUN_SPAN_MAX ? span : RUN_SPAN_MAX) & RUN_SPAN_MAX;
    if (stream->run_packets == BULK_PACKETS) {
        stream->packets++;
        stream->bytes += payload;
        stream->duration += (uint64_t)gap;
    } else if (++stream->run_packets == BULK_PACKETS) {
        stream->count++;
        stream->packets += BULK_PACKETS;
        stream->bytes += stream->run_bytes + payload;
        stream->duration += span;
    } else {
        stream->run_bytes += payload;
    }
}

static void add_to_run(struct bulk_stream *stream, int64_t time, uint32_t payload) {
    if (stream->run_packets > 0 && time - stream->last <= BULK_GAP) {
        continue_run(stream, payload, time - stream->last);
    } else {
        stream->run_packets = 1;
        stream->run_bytes = payload;
        stream->run_span = 0;
    }
    stream->last = time;
}

static void interrupt_run(struct bulk_stream *stream, int64_t time) {
    if (time > stream->last || stream->run_span > 0)
        stream->run_packets = 0;
}

static void bulk_on_update(const struct feature_context *context, struct flow *flow,
                           const struct packet *packet, enum flow_direction direction, uint32_t size) {
    (void)context, (void)size;
    uint32_t payload = packet->size[ACCOUNT_PAYLOAD];
    if (payload == 0)
        return;
    struct bulk *bulk = flow_feature(flow, FEATURE_bulk);
    interrupt_run(&bulk->streams[direction == SRC2DST ? DST2SRC : SRC2DST], packet->time);
    add_to_run(&bulk->streams[direction], packet->time, payload);
    add_to_run(&bulk->streams[BIDIRECTIONAL], packet->time, payload);
}

const struct feature feature_bulk = {
    .name = "bulk",
    .state_size = bulk_state_size,
    .on_init = bulk_on_init,
    .on_update = bulk_on_update,
};

#define BULK_GETTER(name, member)                                                           \
    void get_bulk_##name(const struct record_source *source, enum flow_direction direction, \
                         struct value *value) {                                             \
        const struct bulk *bulk = flow_feature(source->flow, FEATURE_bulk);                 \
        value_counter(value, bulk->streams[direction].member);                              \
    }
BULK_GETTER(count, count)
BULK_GETTER(packets, packets)
BULK_GETTER(bytes, bytes)
BULK_GETTER(duration, duration)
