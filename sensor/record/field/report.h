/* The sensor's own state and counters, as the getters of its own records read them (schemas/sensor_stats,
 * schemas/heartbeat). app/ fills it. Memory that it borrows doesn't change while records are made of it. Counters are
 * totals since the start. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "meter/bounds.h"
#include "record/field/value.h"

/* What a heartbeat says beyond a report. Zeros in a report that is none. */
struct sensor_heartbeat {
    int64_t interval;           /* as configured, microseconds */
    struct meter_bounds bounds; /* of all meters; they hold for every record above `last_seqs` */
    const struct text *outputs; /* names of the outputs of flows */
    /* For each of these: */
    const int64_t *last_seqs; /* -1: none yet */
    const int64_t *records_made, *records_acknowledged, *records_dropped;
    size_t output_count;
};

struct sensor_report {
    int64_t time, start_time; /* microseconds since the epoch */
    int64_t interval;         /* microseconds since the previous report, of the first one since the start */
    bool is_last;             /* the run ends */
    uint64_t flows_opened, flows_expired, flows_evicted, flows_open;
    uint64_t packets_processed, packets_ignored;
    uint64_t packets_dropped_kernel, packets_dropped_interface, packets_truncated;
    uint64_t ring_freezes;
    uint64_t loss_gap_bytes;
    bool has_loss_gaps;                 /* else loss_gap_bytes is not computed */
    const struct text *ignored_reasons; /* names from a fixed vocabulary */
    const int64_t *ignored_counts;      /* packets, for each reason */
    size_t ignored_count;
    const int64_t *meters_packets; /* metered by each meter */
    size_t meter_count;
    uint64_t packets_sampled_out, packets_shed;
    uint64_t overload_step;  /* the highest one of the meters now */
    uint64_t meters_memory;  /* bytes */
    int64_t resident_memory; /* bytes; negative: not known */
    struct sensor_heartbeat heartbeat;
};
