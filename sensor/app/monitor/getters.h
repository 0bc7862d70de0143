/* The getters of the metrics in app/account/counters.def, by what they tell of. Private to the table. They run
 * in the HTTP thread (`monitor`), and read only the source that they are given. */
#pragma once

#include "app/monitor/metrics.h"

#define GETTER(name) void metric_##name(struct metric_text *text, const struct metric_source *source)

#define COUNTER(place, name, ...)  GETTER(name);
#define COUNTERS(place, name, ...) GETTER(name);
#define RING_COUNTER(name, ...)    GETTER(each_ring_##name);
#define OUTPUT_COUNTER(name, ...)  GETTER(name);
#define VALUE(name, ...)           GETTER(name);
#define METRIC(getter, ...)        GETTER(getter);
#include "app/account/counters.def"
