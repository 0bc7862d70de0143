/* One row a metric: the same row feeds /metrics and the reference page. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "app/account/snapshot.h"
#include "app/host/process_facts.h"
#include "app/monitor/monitored.h"
#include "app/monitor/text.h"
#include "app/plan/plan.h"

/* What the values are taken from. */
struct metric_source {
    const struct plan *plan;
    const struct monitored *run;     /* NULL while it is being opened */
    const struct snapshot *snapshot; /* NULL: none yet */
    struct process_facts process;
    uint64_t budget;      /* bytes; 0: none */
    int64_t now;          /* monotonic clock */
    int64_t realtime;     /* since the epoch */
    int64_t waited_since; /* monotonic clock: when the snapshot's time began, or the start */
};

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

/* What a row needs before it has samples. */
enum metric_need { NEEDS_NOTHING, NEEDS_RUN, NEEDS_SNAPSHOT };

struct metric_row {
    const char *name;
    enum metric_type type;
    const char *unit;
    const char *labels; /* their names, for people; "" */
    enum metric_need need;
    const char *help; /* one line */
    void (*write)(struct metric_text *text, const struct metric_source *source);
};
extern const struct metric_row metric_rows[];
extern const size_t metric_row_count;

/* @thread any: it doesn't change, nor do the rows */
const char *metric_type_name(enum metric_type type);

/* All metrics, each with HELP and TYPE, in the rows' order.
 * @thread monitor */
void metrics_print(const struct metric_source *source, FILE *stream);
