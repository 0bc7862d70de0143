#include "record/field/field_getters.h"

static const struct sensor_heartbeat *heartbeat_of(const struct record_source *source) {
    return &source->report->heartbeat;
}

/* A bound that is known, and otherwise null. */
static void value_bound(struct value *value, bool known, int64_t bound) {
    if (known)
        value_integer(value, bound);
    else
        value_null(value);
}

/* Of each output. */
static void value_totals(const struct record_source *source, const int64_t *totals, struct value *value) {
    value->is_null = false;
    value->integers.items = totals;
    value->integers.count = heartbeat_of(source)->output_count;
}

void get_heartbeat_interval_us(const struct record_source *source, enum flow_direction direction,
                               struct value *value) {
    (void)direction;
    value_integer(value, heartbeat_of(source)->interval);
}

void get_least_record_time(const struct record_source *source, enum flow_direction direction,
                           struct value *value) {
    const struct meter_bounds *bounds = &heartbeat_of(source)->bounds;
    (void)direction;
    value_bound(value, bounds->known, bounds->record_time);
}

void get_oldest_open_first_seen(const struct record_source *source, enum flow_direction direction,
                                struct value *value) {
    const struct meter_bounds *bounds = &heartbeat_of(source)->bounds;
    (void)direction;
    value_bound(value, bounds->known && bounds->has_open, bounds->first_seen);
}

void get_least_last_seen(const struct record_source *source, enum flow_direction direction,
                         struct value *value) {
    const struct meter_bounds *bounds = &heartbeat_of(source)->bounds;
    (void)direction;
    value_bound(value, bounds->known, bounds->last_seen);
}

void get_outputs(const struct record_source *source, enum flow_direction direction, struct value *value) {
    (void)direction;
    value->is_null = false;
    value->texts.items = heartbeat_of(source)->outputs;
    value->texts.count = heartbeat_of(source)->output_count;
}

void get_last_seqs(const struct record_source *source, enum flow_direction direction, struct value *value) {
    (void)direction;
    value_totals(source, heartbeat_of(source)->last_seqs, value);
}

void get_records_made(const struct record_source *source, enum flow_direction direction,
                      struct value *value) {
    (void)direction;
    value_totals(source, heartbeat_of(source)->records_made, value);
}

void get_records_acknowledged(const struct record_source *source, enum flow_direction direction,
                              struct value *value) {
    (void)direction;
    value_totals(source, heartbeat_of(source)->records_acknowledged, value);
}

void get_records_dropped(const struct record_source *source, enum flow_direction direction,
                         struct value *value) {
    (void)direction;
    value_totals(source, heartbeat_of(source)->records_dropped, value);
}
