#include "app/monitor/getters.h"

const struct metric_row metric_rows[] = {
#define COUNTER(place, name, how, type, unit, metric, help, ...) \
    {metric, METRIC_##type, unit, "", NEEDS_SNAPSHOT, help, metric_##name},
#define COUNTERS(place, name, first, end, name_of, type, unit, label, metric, help) \
    {metric, METRIC_##type, unit, label, NEEDS_SNAPSHOT, help, metric_##name},
#define RING_COUNTER(name, unit, metric, help) \
    {metric, METRIC_COUNTER, unit, "meter", NEEDS_SNAPSHOT, help, metric_each_ring_##name},
#define OUTPUT_COUNTER(name, path, which, type, unit, metric, help) \
    {metric, METRIC_##type, unit, "output", NEEDS_SNAPSHOT, help, metric_##name},
#define VALUE(name, value, need, type, unit, metric, help) \
    {metric, METRIC_##type, unit, "", need, help, metric_##name},
#define METRIC(getter, need, type, unit, labels, metric, help) \
    {metric, METRIC_##type, unit, labels, need, help, metric_##getter},
#include "app/account/counters.def"
};
const size_t metric_row_count = sizeof metric_rows / sizeof *metric_rows;
