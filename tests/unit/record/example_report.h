/* A report of the sensor's with values that can be told apart. */
#pragma once

#include "record/field/report.h"

static const struct text example_reasons[] = {{"link_type", 9}, {"not_ip", 6}};
static const int64_t example_counts[] = {7, 5000000000};
static const int64_t example_meters[] = {60, 40};

static const struct text example_outputs[] = {{"flows", 5}, {"more", 4}};
static const int64_t example_last_seqs[] = {20, -1}, example_made[] = {21, 0},
                     example_acknowledged[] = {17, 0}, example_dropped[] = {3, 0};

static const struct sensor_report example_report = {
    .time = 1700000060000001,
    .start_time = 1700000000000000,
    .interval = 60000001,
    .flows_opened = 31,
    .flows_expired = 21,
    .flows_evicted = 4,
    .flows_open = 10,
    .packets_processed = 100,
    .packets_ignored = 5000000007,
    .packets_dropped_kernel = 3,
    .packets_dropped_interface = 2,
    .ignored_reasons = example_reasons,
    .ignored_counts = example_counts,
    .ignored_count = 2,
    .meters_packets = example_meters,
    .meter_count = 2,
    .packets_sampled_out = 90,
    .packets_shed = 91,
    .overload_step = 4,
    .meters_memory = 81920,
    .resident_memory = 4096000,
    .packets_truncated = 5,
    .ring_freezes = 6,
    .loss_gap_bytes = 1460,
    .has_loss_gaps = true,
    .heartbeat = {.interval = 1000000,
                  .bounds = {.known = true,
                             .has_open = true,
                             .record_time = 1700000059000003,
                             .last_seen = 1700000050000002,
                             .first_seen = 1700000040000001},
                  .outputs = example_outputs,
                  .last_seqs = example_last_seqs,
                  .records_made = example_made,
                  .records_acknowledged = example_acknowledged,
                  .records_dropped = example_dropped,
                  .output_count = 2},
};
