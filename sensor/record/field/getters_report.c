#include "record/field/field_getters.h"

static void value_integers(struct value *value, const int64_t *items, size_t count) {
    value->is_null = false;
    value->integers.items = items;
    value->integers.count = count;
}

void get_report_time(const struct record_source *source, enum flow_direction direction, struct value *value) {
    (void)direction;
    value_integer(value, source->report->time);
}

void get_start_time(const struct record_source *source, enum flow_direction direction, struct value *value) {
    (void)direction;
    value_integer(value, source->report->start_time);
}

void get_interval_us(const struct record_source *source, enum flow_direction direction, struct value *value) {
    (void)direction;
    value_integer(value, source->report->interval);
}

void get_is_last(const struct record_source *source, enum flow_direction direction, struct value *value) {
    (void)direction;
    value_boolean(value, source->report->is_last);
}

void get_flows_opened(const struct record_source *source, enum flow_direction direction,
                      struct value *value) {
    (void)direction;
    value_counter(value, source->report->flows_opened);
}

void get_flows_expired(const struct record_source *source, enum flow_direction direction,
                       struct value *value) {
    (void)direction;
    value_counter(value, source->report->flows_expired);
}

void get_flows_evicted(const struct record_source *source, enum flow_direction direction,
                       struct value *value) {
    (void)direction;
    value_counter(value, source->report->flows_evicted);
}

void get_flows_open(const struct record_source *source, enum flow_direction direction, struct value *value) {
    (void)direction;
    value_counter(value, source->report->flows_open);
}

void get_packets_processed(const struct record_source *source, enum flow_direction direction,
                           struct value *value) {
    (void)direction;
    value_counter(value, source->report->packets_processed);
}

void get_packets_ignored(const struct record_source *source, enum flow_direction direction,
                         struct value *value) {
    (void)direction;
    value_counter(value, source->report->packets_ignored);
}

void get_packets_ignored_reasons(const struct record_source *source, enum flow_direction direction,
                                 struct value *value) {
    (void)direction;
    value->is_null = false;
    value->texts.items = source->report->ignored_reasons;
    value->texts.count = source->report->ignored_count;
}

void get_packets_ignored_counts(const struct record_source *source, enum flow_direction direction,
                                struct value *value) {
    (void)direction;
    value_integers(value, source->report->ignored_counts, source->report->ignored_count);
}

void get_packets_dropped_kernel(const struct record_source *source, enum flow_direction direction,
                                struct value *value) {
    (void)direction;
    value_counter(value, source->report->packets_dropped_kernel);
}

void get_packets_dropped_interface(const struct record_source *source, enum flow_direction direction,
                                   struct value *value) {
    (void)direction;
    value_counter(value, source->report->packets_dropped_interface);
}

void get_meters_packets_processing_balance(const struct record_source *source, enum flow_direction direction,
                                           struct value *value) {
    (void)direction;
    value_integers(value, source->report->meters_packets, source->report->meter_count);
}

void get_meters_memory(const struct record_source *source, enum flow_direction direction,
                       struct value *value) {
    (void)direction;
    value_counter(value, source->report->meters_memory);
}

void get_packets_truncated(const struct record_source *source, enum flow_direction direction,
                           struct value *value) {
    (void)direction;
    value_counter(value, source->report->packets_truncated);
}

void get_ring_freezes(const struct record_source *source, enum flow_direction direction,
                      struct value *value) {
    (void)direction;
    value_counter(value, source->report->ring_freezes);
}

/* get_loss_gap_bytes() is a flow's. */
void get_report_loss_gap_bytes(const struct record_source *source, enum flow_direction direction,
                               struct value *value) {
    (void)direction;
    if (source->report->has_loss_gaps)
        value_counter(value, source->report->loss_gap_bytes);
    else
        value_null(value);
}

void get_resident_memory(const struct record_source *source, enum flow_direction direction,
                         struct value *value) {
    (void)direction;
    if (source->report->resident_memory < 0)
        value_null(value);
    else
        value_integer(value, source->report->resident_memory);
}

void get_overload_step(const struct record_source *source, enum flow_direction direction,
                       struct value *value) {
    (void)direction;
    value_counter(value, source->report->overload_step);
}

void get_packets_sampled_out(const struct record_source *source, enum flow_direction direction,
                             struct value *value) {
    (void)direction;
    value_counter(value, source->report->packets_sampled_out);
}

void get_packets_shed(const struct record_source *source, enum flow_direction direction,
                      struct value *value) {
    (void)direction;
    value_counter(value, source->report->packets_shed);
}
