#include "app/run/lane.h"

#include <errno.h>

#include "app/host/signals.h"
#include "app/run/load_log.h"
#include "app/run/output_change.h"
#include "base/check.h"
#include "base/clock.h"

enum { LOOK_MICROSECONDS = 1000000 };

/* The meter's export call. */
static bool lane_export(void *context, const struct flow *flow) {
    struct lane *lane = context;
    struct message message;
    DEBUG_CHECK(lane->send != NULL);
    bool is_final = flow->record_kind == RECORD_FINAL;
    if (!(is_final ? delivery_admit(lane->delivery) : delivery_is_open(lane->delivery)))
        return false;
    if (is_final)
        applications_count(&lane->applications, flow);
    for (size_t i = 0; i < lane->slots; i++) {
        struct output *output = &lane->delivery->outputs[i];
        if (output->shares[lane->number].takes && output_make(output, lane->number, flow, &message))
            lane->send(lane->send_context, i, &message);
    }
    return true;
}

/* The meter's question before a sweep ends a flow, or publishes its state. */
static bool lane_has_room(void *context) {
    struct lane *lane = context;
    return !lane->has_room || !patience_holds(&lane->patience, lane->has_room(lane->send_context));
}

int lane_open(struct lane *lane, unsigned number, const struct meter_options *options,
              struct delivery *delivery, struct error *error) {
    CHECK(number < delivery->plan->meters);
    *lane = (struct lane){.number = number, .delivery = delivery, .slots = delivery->roster.slots};
    int result = meter_create(options, lane_export, lane, &lane->meter, error);
    if (result == 0 && delivery->plan->live)
        meter_ask_for_room(lane->meter, lane_has_room);
    if (result == 0 && delivery->plan->config->monitoring.listen &&
        applications_open(&lane->applications, meter_protocol_count(lane->meter)) < 0)
        result = error_set(error, ENOMEM, EX_OSERR, "out of memory");
    return result;
}

void lane_close(struct lane *lane) {
    meter_destroy(lane->meter);
    lane->meter = NULL;
    applications_close(&lane->applications);
}

void lane_finish(struct lane *lane, bool live) {
    bool shut_down = live || shutdown_asked();
    if (shut_down)
        shutdown_begin();
    meter_finish(lane->meter, shut_down ? END_SHUTDOWN : END_OF_INPUT);
}

void lane_follow_timeouts(struct lane *lane) {
    struct delivery *delivery = lane->delivery;
    struct retiming *retiming = &delivery->retiming;
    if (!handout_is_due(&retiming->handout, &lane->turn))
        return;
    meter_set_timeouts(lane->meter, retiming->idle_timeout, retiming->active_timeout);
    for (size_t i = 0; i < lane->slots; i++)
        if (delivery->outputs[i].shares[lane->number].takes)
            output_take_contract(&delivery->outputs[i], lane->number);
    handout_took(&retiming->handout);
}

void lane_watch_loss(struct lane *lane, struct intake *intake) {
    int64_t now = clock_monotonic();
    if (now - lane->looked < LOOK_MICROSECONDS)
        return;
    lane->looked = now;
    if (!intake_has_lost(intake))
        return;
    for (size_t i = 0; i < lane->slots; i++) {
        const struct output_share *share = &lane->delivery->outputs[i].shares[lane->number];
        if (share->takes)
            recorder_loss(share->recorder, decoder_time(intake->decoder));
    }
}

void lane_watch_drops(struct lane *lane) {
    int64_t now = clock_monotonic();
    for (size_t i = 0; i < lane->slots; i++)
        if (lane->delivery->outputs[i].shares[lane->number].takes)
            output_watch_share(&lane->delivery->outputs[i], lane->number, now);
}

void lane_watch_load(struct lane *lane, struct intake *intake) {
    struct meter_load load;
    if (lane->delivery->plan->meter.overload.count > 0 &&
        meter_look_at_load(lane->meter, capture_pressure(intake->capture), clock_monotonic(), &load))
        load_log(lane->number, &load);
}

/* How much earlier than the meter's time a packet can be that is still to come. Where another thread reads, it may have handed
 * out packets that it had held: these are not known here. */
static int64_t lateness(const struct lane *lane) {
    if (lane->intake)
        return decoder_lateness(lane->intake->decoder);
    return lane->delivery->plan->meter.profile == PROFILE_NATIVE ? DECODE_LATENESS_MAX : 0;
}

static uint64_t exports_of(const struct meter_statistics *meter, unsigned kinds) {
    uint64_t exports = 0;
    for (unsigned kind = 0; kind < RECORD_KIND_COUNT; kind++)
        if ((kinds & 1u << kind) != 0)
            exports += meter_exports(meter, (enum record_kind)kind);
    return exports;
}

static void count_records(const struct output_share *share, const struct meter_statistics *meter,
                          struct record_counts *counts) {
    if (share->kinds == 0)
        return; /* not of flows: the delivering thread counts */
    *counts = share->records;
    counts->missed = share->takes ? share->absent : exports_of(meter, share->kinds) - share->due;
}

static void take_slot(struct output *output, struct output_share *share, bool takes,
                      const struct meter_statistics *meter) {
    if (takes) {
        share->kinds = output->plan->kinds;
        share->absent = exports_of(meter, share->kinds) - share->due;
    } else {
        share->due = exports_of(meter, share->kinds) - share->absent;
        share->before = share->records.sent;
    }
    share->takes = takes;
}

void lane_follow_outputs(struct lane *lane) {
    struct roster *roster = &lane->delivery->roster;
    if (!handout_is_due(&roster->meters, &lane->roster_turn))
        return;
    struct meter_statistics meter;
    meter_statistics(lane->meter, &meter);
    for (size_t i = 0; i < roster->slots; i++) {
        struct output *output = &lane->delivery->outputs[i];
        struct output_share *share = &output->shares[lane->number];
        bool takes = (roster->takes & 1u << i) != 0;
        if (takes != share->takes)
            take_slot(output, share, takes, &meter);
        if ((roster->changes & 1u << i) != 0)
            output_take_next(output, lane->number);
    }
    lane->slots = roster->slots;
    handout_took(&roster->meters);
}

void lane_count(const struct lane *lane, struct ledger *sum) {
    const struct delivery *delivery = lane->delivery;
    struct ledger part = {.meters = 1, .applications = lane->applications};
    meter_statistics(lane->meter, &part.meter);
    if (delivery->plan->meter.bounds)
        meter_bounds(lane->meter, lateness(lane), &part.bounds);
    part.balance[0] = part.meter.packets;
    part.overload[0] = part.meter.overload_level;
    part.overload_times[0] = part.meter.overload_time;
    for (size_t i = 0; i < lane->slots; i++)
        count_records(&delivery->outputs[i].shares[lane->number], &part.meter, &part.records[i]);
    ledger_add(sum, &part);
}
