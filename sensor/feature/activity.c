/* When a flow was active and when it was idle. A gap of more than 5 s between two packets of the flow, of either direction, is
 * idle. An active period lasts from the slice's first packet, or the one behind an idle gap, to the last one before the next
 * idle gap; it counts once that gap has closed it, if it took any time. Gaps of more than 1 s count by themselves: they part
 * subflows. */
#include "meter/feature.h"

#include <math.h>
#include <string.h>

#include "feature/slice_time.h"
#include "meter/options.h"
#include "record/field/field_getters.h"

enum { IDLE_GAP = 5000000, SUBFLOW_GAP = 1000000 /* microseconds: the native profile's ticks */ };

enum period { PERIOD_ACTIVE, PERIOD_IDLE, PERIODS };

/* Times of the state: the extremes of each kind of period, and when the open active one began, from the slice's first packet
 * on. */
enum activity_time {
    TIME_MIN,
    TIME_MAX = TIME_MIN + PERIODS,
    TIME_BEGIN = TIME_MAX + PERIODS,
    ACTIVITY_TIMES
};

/* What flow_feature(flow, FEATURE_activity) points to. Behind it are the higher halves of `times` where slice_is_wide(). */
struct activity {
    double mean[PERIODS];
    double m2[PERIODS]; /* sums of squared differences from the mean */
    uint32_t count[PERIODS];
    uint32_t times[ACTIVITY_TIMES];
    uint32_t subflow_gaps;
};
_Static_assert(sizeof(struct activity) == 64, "every open flow costs these bytes");

static size_t activity_state_size(const struct meter_options *options) {
    if (!meter_asks_for(options, FEATURE_activity))
        return 0;
    return sizeof(struct activity) + (slice_is_wide(options) ? ACTIVITY_TIMES * sizeof(uint32_t) : 0);
}

static void activity_on_init(const struct feature_context *context, struct flow *flow) {
    memset(flow_feature(flow, FEATURE_activity), 0, activity_state_size(context->options));
}

static int64_t activity_time(const struct meter_options *options, const struct activity *activity,
                             unsigned which) {
    const uint32_t *high = (const uint32_t *)(activity + 1);
    return slice_time(&activity->times[which], slice_is_wide(options) ? &high[which] : NULL);
}

static void activity_set_time(const struct meter_options *options, struct activity *activity, unsigned which,
                              int64_t time) {
    uint32_t *high = (uint32_t *)(activity + 1);
    slice_time_set(&activity->times[which], slice_is_wide(options) ? &high[which] : NULL, time);
}

/* Adds one period, by Welford's method. */
static void add_period(const struct meter_options *options, struct activity *activity, enum period period,
                       int64_t length) {
    uint32_t count = ++activity->count[period];
    double difference = (double)length - activity->mean[period];
    activity->mean[period] += difference / count;
    activity->m2[period] += difference * ((double)length - activity->mean[period]);
    if (count == 1 || length < activity_time(options, activity, TIME_MIN + period))
        activity_set_time(options, activity, TIME_MIN + period, length);
    if (length > activity_time(options, activity, TIME_MAX + period))
        activity_set_time(options, activity, TIME_MAX + period, length);
}

/* How long the open active period is, up to the flow's latest packet. */
static int64_t open_period(const struct activity *activity, const struct flow *flow) {
    int64_t first = flow_first_seen(flow, BIDIRECTIONAL);
    return flow_last_seen(flow, BIDIRECTIONAL) - first -
           activity_time(flow->shared->options, activity, TIME_BEGIN);
}

static void activity_on_update(const struct feature_context *context, struct flow *flow,
                               const struct packet *packet, enum flow_direction direction, uint32_t size) {
    (void)direction, (void)size;
    struct activity *activity = flow_feature(flow, FEATURE_activity);
    if (flow_packets(flow, BIDIRECTIONAL) == 0)
        return;
    int64_t gap = packet->time - flow_last_seen(flow, BIDIRECTIONAL);
    if (gap <= SUBFLOW_GAP)
        return;
    activity->subflow_gaps++;
    if (gap <= IDLE_GAP)
        return;
    int64_t active = open_period(activity, flow);
    if (active > 0)
        add_period(context->options, activity, PERIOD_ACTIVE, active);
    add_period(context->options, activity, PERIOD_IDLE, gap);
    activity_set_time(context->options, activity, TIME_BEGIN,
                      packet->time - flow_first_seen(flow, BIDIRECTIONAL));
}

const struct feature feature_activity = {
    .name = "activity",
    .state_size = activity_state_size,
    .on_init = activity_on_init,
    .on_update = activity_on_update,
};

static const struct activity *activity_of(const struct record_source *source) {
    return flow_feature(source->flow, FEATURE_activity);
}

static int64_t period_time(const struct record_source *source, unsigned which) {
    return activity_time(source->flow->shared->options, activity_of(source), which);
}

/* Sample standard deviation; 0 for fewer than two. */
static double period_stddev(const struct activity *activity, enum period period) {
    uint32_t count = activity->count[period];
    return count > 1 ? sqrt(activity->m2[period] / (count - 1)) : 0.0;
}

#define ACTIVITY_GETTER(name, kind, expression)                                        \
    void get_##name(const struct record_source *source, enum flow_direction direction, \
                    struct value *value) {                                             \
        (void)direction;                                                               \
        value_##kind(value, expression);                                               \
    }
#define PERIOD_GETTERS(name, period)                                                 \
    ACTIVITY_GETTER(name##_count, counter, activity_of(source)->count[period])       \
    ACTIVITY_GETTER(name##_min, integer, period_time(source, TIME_MIN + (period)))   \
    ACTIVITY_GETTER(name##_mean, real, activity_of(source)->mean[period])            \
    ACTIVITY_GETTER(name##_stddev, real, period_stddev(activity_of(source), period)) \
    ACTIVITY_GETTER(name##_max, integer, period_time(source, TIME_MAX + (period)))
PERIOD_GETTERS(active, PERIOD_ACTIVE)
PERIOD_GETTERS(idle, PERIOD_IDLE)
ACTIVITY_GETTER(active_last, integer, open_period(activity_of(source), source->flow))
ACTIVITY_GETTER(subflow_gaps, counter, activity_of(source)->subflow_gaps)
