#include <errno.h>

#include "meter/meter_parts.h"

enum {
    SECOND = 1000000,
    /* A slice is open for the two timeouts at most, and a little longer while there is no room for its record. */
    STRETCHES = OPEN_SLICES_REACH / 2,
};

/* Whole seconds, as many as it takes for the stretches to reach as far back as slices are open. */
static int64_t stretch_of(const struct meter_options *options) {
    int64_t second = options->profile == PROFILE_NATIVE ? SECOND : SECOND / 1000;
    int64_t open = options->active_timeout / STRETCHES + options->idle_timeout / STRETCHES;
    return (open / second + 1) * second;
}

int meter_begin_bounds(struct meter *meter) {
    if (!meter->options.bounds)
        return 0;
    meter->slices = open_slices_create(stretch_of(&meter->options));
    return meter->slices != NULL ? 0 : -ENOMEM;
}

void meter_turn_clock(struct meter *meter, int64_t to_wall) {
    meter->to_wall_least = to_wall < meter->to_wall_least ? to_wall : meter->to_wall_least;
    meter->to_wall = to_wall;
    meter->turned = meter->time;
}

void meter_note_held(struct meter *meter, const struct packet *packet) {
    meter->held_last = meter->time;
    if (packet->held_for > meter->held_most)
        meter->held_most = packet->held_for;
}

/* What no flow of this list has its last packet before. Lists are in the order in which flows were used, or closed; in the
 * nfstream profile in that in which they began. */
static int64_t least_of(const struct meter *meter, struct flow *head) {
    if (!meter->native)
        return flow_first_seen(head, BIDIRECTIONAL);
    if (!tcp_is_closed(head))
        return flow_last_seen(head, BIDIRECTIONAL);
    return meter_tcp_end(meter, head)->closed_at;
}

/* The same of all open flows, and `clock`. */
static int64_t least_last_seen(struct meter *meter, int64_t clock) {
    int64_t least = INT64_MAX;
    for (int i = 0; i < EVICTION_CLASSES; i++) {
        struct flow *head = expiry_first(&meter->expiry, (enum eviction_class)i);
        int64_t time = head != NULL ? least_of(meter, head) : INT64_MAX;
        least = time < least ? time : least;
    }
    /* Held packets came with earlier times than the packets before them, and so do their flows stand in the lists. Once all
     * flows were used after the last such packet, none is out of order any more. */
    if (least > meter->held_last)
        meter->held_most = 0;
    else
        least -= meter->held_most;
    return least < clock ? least : clock;
}

/* Sets where the oldest open slice began, if one is open. All of them, and packets that are held, have the present position
 * of the wall clock once those are gone which came before it changed. */
static void look_at_oldest(struct meter *meter, int64_t clock, struct meter_bounds *bounds) {
    int64_t oldest;
    bounds->has_open = open_slices_oldest(meter->slices, &oldest);
    if (bounds->has_open && oldest < bounds->first_seen)
        bounds->first_seen = oldest;
    if ((!bounds->has_open || oldest > meter->turned) && clock > meter->turned)
        meter->to_wall_least = meter->to_wall;
}

void meter_bounds(struct meter *meter, int64_t lateness, struct meter_bounds *bounds) {
    CHECK(IS_VALID(meter, METER_MAGIC) && meter->slices != NULL);
    int64_t tick = meter->native ? 1 : 1000, clock = meter->time - lateness;
    *bounds = (struct meter_bounds){.known = meter->time != 0, .first_seen = clock};
    look_at_oldest(meter, clock, bounds);
    /* A promise holds as a record does, also where the host's clock is set back after it. */
    meter->shared.record_time = meter_record_time(meter);
    bounds->record_time = meter->shared.record_time * tick;
    bounds->first_seen = (bounds->first_seen + meter->to_wall_least) * tick;
    bounds->last_seen = (least_last_seen(meter, clock) + meter->to_wall_least) * tick;
}
