#include "app/run/intake.h"

#include <errno.h>

#include "base/clock.h"
#include "base/log.h"

enum { PACKETS_PER_HOUSEKEEPING = 4096 }; /* a look at the clock costs as much as a packet */

int intake_open(struct intake *intake, const struct plan *plan, struct capture *capture,
                struct error *error) {
    *intake = (struct intake){.plan = plan, .capture = capture, .decoder = decoder_create(&plan->decode)};
    intake->recordings.natively = plan->meter.profile == PROFILE_NATIVE;
    return intake->decoder ? 0 : error_set(error, ENOMEM, EX_OSERR, "out of memory");
}

void intake_close(struct intake *intake) {
    decoder_destroy(intake->decoder);
    capture_close(intake->capture);
    *intake = (struct intake){0};
}

/* A capture of which nothing is decoded would otherwise look like one without flows. */
static void warn_of_link_type(const struct intake *intake, int link_type) {
    if (intake->counted.ignored[DECODE_link_type] == 1)
        log_line(
            LOG_WARNING,
            "%s: link type %d (DLT) is not decoded; its packets are counted as ignored (link_type); record Ethernet, raw IP or Linux cooked instead",
            capture_source_name(intake->capture), link_type);
}

/* Counts the packets that the decoder held and has decided on, and hands on those to be metered. */
static void take_held(struct intake *intake, const struct intake_calls *calls, void *context) {
    struct packet packet;
    enum decode_reason reason;
    while (decoder_next(intake->decoder, &reason, &packet)) {
        intake->counted.ignored[reason]++;
        if (reason == DECODE_METERED)
            calls->packet(context, &packet);
    }
}

static void take_packet(struct intake *intake, enum decode_reason reason, const struct packet *packet,
                        const struct intake_calls *calls, void *context) {
    intake->counted.packets++;
    if (reason != DECODE_HELD)
        intake->counted.ignored[reason]++;
    if (reason == DECODE_METERED)
        calls->packet(context, packet);
    /* Not take_held() each time: its room for a packet is zeroed at each call. */
    if (decoder_has_next(intake->decoder))
        take_held(intake, calls, context);
}

static void begin_recording(struct intake *intake, const struct intake_calls *calls, void *context) {
    decoder_give_up(intake->decoder);
    take_held(intake, calls, context);
    calls->begin_recording(context);
    decoder_begin_recording(intake->decoder);
}

static void watch_times(struct intake *intake, const struct frame *frame, const struct intake_calls *calls,
                        void *context) {
    uint64_t raised = decoder_times_raised(intake->decoder);
    if (recordings_take(&intake->recordings, intake->capture, frame, intake->counted.packets, raised))
        begin_recording(intake, calls, context);
}

static void take_frame(struct intake *intake, const struct frame *frame, const struct intake_calls *calls,
                       void *context) {
    struct packet packet;
    enum decode_reason reason = decoder_decode(intake->decoder, frame, &packet);
    intake->frames++;
    intake->counted.bytes += frame->wire_length;
    take_packet(intake, reason, &packet, calls, context);
    if (reason == DECODE_link_type)
        warn_of_link_type(intake, frame->link_type);
    while (decoder_has_rest(intake->decoder)) {
        reason = decoder_decode_rest(intake->decoder, frame, &packet);
        take_packet(intake, reason, &packet, calls, context);
    }
}

/* Every so many packets; on a live link too slow for that, but never quiet, ten times a second of the packets' time,
 * which is as late as a performance report may be. */
static bool housekeeping_due(struct intake *intake, const struct frame *frame) {
    bool enough = intake->frames % PACKETS_PER_HOUSEKEEPING == 0;
    if (!intake->plan->live)
        return enough;
    int64_t tenth = (frame->seconds * 1000000 + frame->microseconds + frame->to_steady) / 100000;
    bool new_tenth = tenth != intake->tenth;
    intake->tenth = tenth;
    return new_tenth || enough;
}

/* Packet time goes on with the steady clock, so that idle flows end; but not past frames that the kernel still holds, whose
 * times would be raised: silence is certain for the time before. */
static int64_t time_of_silence(struct intake *intake) {
    int64_t now = clock_steady() - capture_held(&intake->plan->capture);
    return decoder_advance(intake->decoder, now / 1000000, (int32_t)(now % 1000000));
}

static void pass_time(struct intake *intake, int64_t time, const struct intake_calls *calls, void *context) {
    capture_hurry(intake->capture, calls->time_passed(context, time));
}

/* Silence on a pipe doesn't mean that the packets' time went on. */
static void take_silence(struct intake *intake, const struct intake_calls *calls, void *context) {
    if (!intake->plan->live)
        return;
    int64_t time = time_of_silence(intake);
    take_held(intake, calls, context);
    pass_time(intake, time, calls, context);
}

static void keep_house(struct intake *intake, const struct intake_calls *calls, void *context) {
    heartbeat_beat(&intake->heartbeat, clock_monotonic());
    calls->housekeeping(context);
}

/* Whether house was kept. */
static bool take_event(struct intake *intake, enum capture_event event, const struct frame *frame,
                       const struct intake_calls *calls, void *context) {
    if (event == CAPTURE_END)
        return false;
    if (event == CAPTURE_IDLE) {
        take_silence(intake, calls, context);
    } else {
        if (!intake->plan->live)
            watch_times(intake, frame, calls, context);
        take_frame(intake, frame, calls, context);
        if (!housekeeping_due(intake, frame) && !intake->pauses)
            return false;
        if (intake->plan->live)
            pass_time(intake, decoder_time(intake->decoder), calls, context);
    }
    keep_house(intake, calls, context);
    return true;
}

static void intake_end(struct intake *intake, const struct intake_calls *calls, void *context) {
    decoder_give_up(intake->decoder);
    take_held(intake, calls, context);
    if (!intake->plan->live)
        recordings_end(&intake->recordings, intake->capture, intake->counted.packets,
                       decoder_times_raised(intake->decoder));
    heartbeat_end(&intake->heartbeat);
}

bool intake_read(struct intake *intake, const struct intake_calls *calls, void *context,
                 const atomic_bool *stop) {
    struct frame frame = {0};
    struct error error = {0};
    enum capture_event event = CAPTURE_FRAME;
    intake->pauses = false;
    while (event != CAPTURE_END && !atomic_load_explicit(stop, memory_order_relaxed)) {
        if (capture_next(intake->capture, &frame, &event, &error) < 0)
            calls->failed(context, &error);
        else if (take_event(intake, event, &frame, calls, context))
            return true;
    }
    intake_end(intake, calls, context);
    return false;
}

void intake_run(struct intake *intake, const struct intake_calls *calls, void *context,
                const atomic_bool *stop) {
    heartbeat_beat(&intake->heartbeat, clock_monotonic());
    while (intake_read(intake, calls, context, stop)) {
    }
}

bool intake_has_lost(struct intake *intake) {
    struct capture_statistics statistics;
    capture_statistics(intake->capture, &statistics);
    uint64_t before = intake->lost;
    intake->lost = capture_lost(&statistics);
    return intake->lost != before;
}

void intake_count(const struct intake *intake, struct ledger *sum) {
    struct ledger part = {.intake = intake->counted};
    capture_statistics(intake->capture, &part.capture);
    if (intake->plan->live)
        part.rings[part.ring_count++] = part.capture;
    part.foreign = *decoder_foreign(intake->decoder);
    const struct segment_counts *cut = decoder_segments(intake->decoder);
    part.intake.bytes += cut->header_bytes;
    part.intake.super_packets = cut->super_packets;
    part.intake.segments = cut->segments;
    part.intake.held = decoder_held(intake->decoder);
    part.intake.times_raised = decoder_times_raised(intake->decoder);
    ledger_add(sum, &part);
}
