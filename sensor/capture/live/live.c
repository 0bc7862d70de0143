/* Captures from live interfaces: one share of them, by a ring that the shares' group gave it (live_group.h). */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "capture/capture.h"
#include "capture/live/live_group.h"
#include "capture/live/packet_ring.h"
#include "capture/source.h"
#include "capture/live/steady.h"

/* The kernel holds frames back until a block of its ring is full or this time has passed. It is short compared with any
 * timeout of a flow, and long enough to hand over thousands of frames at once. */
enum {
    REST_MICROSECONDS = 5000000,       /* at most, for what a break leaves in the ring */
    STEP_LINE_MICROSECONDS = 10000000, /* between two lines about steps of the clock, of all shares */
    LOOK_MICROSECONDS = 100000,        /* between two looks after the group and the ring's counters */
    LINK_HEADER_MAX = 22,              /* Ethernet with two tags: what a frame has beyond the MTU */
};

struct live_capture {
    struct capture base;
    struct live_group *group;
    size_t share;
    struct packet_ring ring;
    int poll_milliseconds;
    struct steady steady;
    int64_t begin;         /* steady time: earlier frames belong to no share, see live_group.h */
    int64_t until;         /* later ones are in the next ring; INT64_MAX: there is none */
    int64_t given;         /* latest time of a frame that was given out; INT64_MIN: none */
    bool begun;            /* a frame of this ring was given out */
    int64_t handover;      /* monotonic: when that one is taken */
    int64_t end, deadline; /* of what is read after a break: steady and monotonic clock; 0: no break yet */
    bool ended;            /* nothing more comes */
    int64_t looked;        /* steady time */
    struct packet_ring_counts earlier; /* of rings before this one */
    uint64_t pressed;                  /* losses of the ring at the last look at its pressure */
    /* The interface of the frame before, which is that of the next one more often than not. */
    uint32_t interface_index;
    uint16_t interface;
    bool at_pod;
    uint32_t largest; /* bytes of a frame of the wire, by the interface's MTU */
};

/* Logs a step of the clock, but not too often: all shares see the same step, and a clock that is stepped all the time must
 * not fill the log. */
static void tell_step(int64_t now, int64_t by) {
    static atomic_llong told;
    long long last = atomic_load_explicit(&told, memory_order_relaxed);
    if ((last != 0 && now - last < STEP_LINE_MICROSECONDS) ||
        !atomic_compare_exchange_strong(&told, &last, now))
        return;
    log_line(
        LOG_WARNING,
        "the host's clock was set %s by %.3f s; open flows go on, and the times of new ones are the new clock's",
        by < 0 ? "back" : "forward", (double)llabs(by) / 1e6);
}

static void look_at_counts(struct live_capture *capture) {
    packet_ring_count(&capture->ring);
    if (capture->ring.without_header > 0)
        live_group_do_without_segments(capture->group);
}

/* A ring is there to take the place of this one. What was given out is not given out again. */
static void notice_next(struct live_capture *capture) {
    const struct live_ring *next = live_group_next(capture->group, capture->share);
    if (next == NULL || capture->until != INT64_MAX)
        return;
    capture->until = next->begin > capture->given ? next->begin : capture->given + 1;
    capture->handover = clock_monotonic() + capture->steady.held; /* the last block has come by then */
}

static void look_at_clocks(struct live_capture *capture) {
    struct clock_look look = clock_look();
    int64_t by;
    if (steady_look(&capture->steady, &look, &by))
        tell_step(look.steady, by);
    notice_next(capture);
    if (look.steady - capture->looked < LOOK_MICROSECONDS)
        return;
    capture->looked = look.steady;
    capture->interface_index = 0; /* its MTU may be another by now */
    look_at_counts(capture);
    if (capture->share == 0)
        live_group_look(capture->group);
}

static int64_t steady_time_of(struct live_capture *capture, int64_t stamp) {
    if (steady_wants_look(&capture->steady, stamp))
        look_at_clocks(capture);
    return steady_time(&capture->steady, stamp);
}

static const struct interface_slots *slots_of(const struct live_capture *capture) {
    return live_interfaces_slots(live_group_interfaces(capture->group));
}

static void look_up_interface(struct live_capture *capture, uint32_t index) {
    const struct interface_slots *slots = slots_of(capture);
    struct interface_facts facts;
    capture->interface_index = index;
    capture->interface = interface_slots_find(slots, index);
    bool found = interface_slots_facts(slots, capture->interface, &facts);
    capture->at_pod = found && facts.role == INTERFACE_pod;
    capture->largest = found && facts.mtu != 0 ? facts.mtu + LINK_HEADER_MAX : UINT32_MAX;
}

/* Frames of other interfaces come by where there are too many for the kernel's filter. */
static bool is_wanted(struct live_capture *capture, int64_t time, uint32_t index) {
    if (time < capture->begin || time >= capture->until)
        return false;
    if (index != capture->interface_index)
        look_up_interface(capture, index);
    return capture->interface != 0;
}

static bool read_frame(struct live_capture *capture, struct frame *frame) {
    int64_t stamp, time;
    do {
        if (!packet_ring_next(&capture->ring, frame))
            return false;
        stamp = frame->seconds * 1000000 + frame->microseconds;
        /* So old a frame, of the time before the shares were joined, may look like one of a clock that was stepped. */
        if (!capture->begun && !steady_may_be(&capture->steady, stamp, capture->begin)) {
            time = INT64_MIN;
            continue;
        }
        time = steady_time_of(capture, stamp);
    } while (!is_wanted(capture, time, frame->interface_index));
    capture->begun = true;
    if (time > capture->given)
        capture->given = time;
    frame->to_steady = time - stamp;
    frame->interface = capture->interface;
    frame->at_pod = capture->at_pod;
    frame->oversized = frame->wire_length > capture->largest;
    frame->file = 0;
    capture->base.frames++;
    return true;
}

static void take_ring(struct live_capture *capture) {
    struct live_ring taken;
    packet_ring_count(&capture->ring);
    capture->earlier.dropped += capture->ring.counts.dropped;
    capture->earlier.frozen += capture->ring.counts.frozen;
    packet_ring_close(&capture->ring);
    live_group_take(capture->group, capture->share, &taken);
    capture->ring = taken.ring;
    capture->begin = capture->until != INT64_MAX ? capture->until : taken.begin;
    capture->until = INT64_MAX;
    capture->begun = false;
    /* Its frames are as old as the hand-over, though time went on meanwhile. */
    if (capture->given != INT64_MIN)
        capture->steady.latest = capture->begin;
}

/* Changes the ring for the next one, once what this one still has was read. True: it did. */
static bool hand_over(struct live_capture *capture) {
    notice_next(capture);
    if (capture->until == INT64_MAX || clock_monotonic() < capture->handover)
        return false;
    take_ring(capture);
    return true;
}

static int wait_for_frames(const struct live_capture *capture, int milliseconds) {
    int other = capture->share == 0 ? live_group_descriptor(capture->group) : -1;
    return packet_ring_wait(&capture->ring, other, milliseconds);
}

static int live_fail(struct live_capture *capture, struct error *error) {
    int reason = errno;
    capture_break(&capture->base);
    return error_set(error, reason, EX_IOERR, "capturing on %s failed after %llu packet%s: %s",
                     live_interfaces_name(live_group_interfaces(capture->group)),
                     (unsigned long long)capture->base.frames, capture->base.frames == 1 ? "" : "s",
                     strerror(reason));
}

/* After a wait without a frame. What woke us was the group then: an interface has appeared, say, and its first packets are
 * on their way. */
static void look_around(struct live_capture *capture, bool woken) {
    if (woken)
        capture->looked = 0;
    look_at_clocks(capture);
    if (!hand_over(capture))
        steady_silence(&capture->steady, capture->steady.looked - capture->steady.held);
}

static int live_next(struct capture *base, struct frame *frame, enum capture_event *event,
                     struct error *error) {
    struct live_capture *capture = (struct live_capture *)base;
    *event = CAPTURE_FRAME;
    if (read_frame(capture, frame))
        return 0;
    int ready = wait_for_frames(capture, base->hurry ? 0 : capture->poll_milliseconds);
    if (ready < 0 && errno != EINTR)
        return live_fail(capture, error);
    if (ready > 0 && read_frame(capture, frame))
        return 0;
    look_around(capture, ready > 0);
    *event = CAPTURE_IDLE;
    return 0;
}

/* Whether to stop after a break: the frame came after it, or reading what came before takes too long. */
static bool is_past(const struct live_capture *capture, const struct frame *frame) {
    return frame->seconds * 1000000 + frame->microseconds + frame->to_steady > capture->end ||
           clock_monotonic() > capture->deadline;
}

/* False: neither this ring nor the next one has anything more. Interfaces are not followed any more. */
static bool wait_for_rest(struct live_capture *capture) {
    if (clock_monotonic() > capture->deadline)
        return false;
    if (hand_over(capture))
        return true;
    int ready = packet_ring_wait(&capture->ring, -1, (int)(capture->steady.held / 1000));
    /* On a busy host the kernel may be later than it ever should be. */
    return ready != 0 || capture->until != INT64_MAX || packet_ring_has_rest(&capture->ring);
}

/* Frames that came before the break wait in the kernel's ring, the latest in a block that is not yet handed over. */
static void live_rest(struct capture *base, struct frame *frame, enum capture_event *event) {
    struct live_capture *capture = (struct live_capture *)base;
    bool found = false;
    if (capture->end == 0) {
        capture->end = clock_steady();
        capture->deadline = clock_monotonic() + REST_MICROSECONDS;
    }
    while (!capture->ended && !(found = read_frame(capture, frame)))
        capture->ended = !wait_for_rest(capture);
    if (found && is_past(capture, frame)) {
        capture->base.frames--;
        found = false;
    }
    capture->ended = !found;
    *event = found ? CAPTURE_FRAME : CAPTURE_END;
}

static void live_statistics(struct capture *base, struct capture_statistics *statistics) {
    struct live_capture *capture = (struct live_capture *)base;
    look_at_counts(capture);
    statistics->dropped_kernel = capture->earlier.dropped + capture->ring.counts.dropped;
    statistics->ring_freezes = capture->earlier.frozen + capture->ring.counts.frozen;
    statistics->dropped_interface = live_interfaces_dropped(live_group_interfaces(capture->group));
    statistics->clock_steps = capture->steady.steps;
    if (capture->share == 0)
        live_interfaces_count(live_group_interfaces(capture->group), statistics);
}

static void live_visit_cards(const struct capture *base, capture_card_visit *visit, void *context) {
    live_interfaces_visit_cards(live_group_interfaces(((const struct live_capture *)base)->group), visit,
                                context);
}

/* Of this ring and those before it, which have as many blocks. A ring that became full counts even if nothing came while it
 * was; but not where that is usual. */
static uint64_t losses(const struct live_capture *capture) {
    uint64_t dropped = capture->earlier.dropped + capture->ring.counts.dropped;
    if (!packet_ring_has_fill(&capture->ring))
        return dropped;
    return dropped + capture->earlier.frozen + capture->ring.counts.frozen;
}

/* What a full ring has lost by now is this look's: found later, it would look like another loss. */
static unsigned live_pressure(struct capture *base) {
    struct live_capture *capture = (struct live_capture *)base;
    unsigned fill = packet_ring_fill(&capture->ring);
    if (fill == 100)
        look_at_counts(capture);
    uint64_t lost = losses(capture);
    bool has_lost = lost != capture->pressed;
    capture->pressed = lost;
    return has_lost ? 100 : fill;
}

static const char *live_name(const struct capture *base) {
    return live_interfaces_name(live_group_interfaces(((const struct live_capture *)base)->group));
}

static int live_link_type(const struct capture *base) {
    return live_group_link_type(((const struct live_capture *)base)->group);
}

static bool live_has_interface(const struct capture *base, uint16_t slot) {
    return interface_slots_alive(slots_of((const struct live_capture *)base), slot);
}

static bool live_interface(const struct capture *base, uint16_t slot, char name[CAPTURE_INTERFACE_NAME],
                           const char **role) {
    const struct interface_slots *slots = slots_of((const struct live_capture *)base);
    struct interface_facts facts;
    if (!interface_slots_facts(slots, slot, &facts) || !interface_slots_name(slots, slot, name))
        return false;
    *role = interface_role_name(facts.role);
    return true;
}

static int live_change_filter(struct capture *base, const char *filter, const atomic_bool *given_up,
                              struct error *error) {
    const struct live_capture *capture = (const struct live_capture *)base;
    return live_group_change_filter(capture->group, filter, given_up, error);
}

static void live_close(struct capture *base) {
    struct live_capture *capture = (struct live_capture *)base;
    packet_ring_close(&capture->ring);
    live_group_close(capture->group);
    free(capture);
}

static const struct source_type live_type = {.next = live_next,
                                             .rest = live_rest,
                                             .statistics = live_statistics,
                                             .pressure = live_pressure,
                                             .change_filter = live_change_filter,
                                             .name = live_name,
                                             .link_type = live_link_type,
                                             .interface = live_interface,
                                             .has_interface = live_has_interface,
                                             .visit_cards = live_visit_cards,
                                             .close = live_close};

static struct live_capture *make_share(struct live_group *group, size_t share,
                                       const struct capture_options *options) {
    struct live_capture *capture = calloc(1, sizeof *capture);
    if (capture == NULL)
        return NULL;
    capture->base.magic = CAPTURE_MAGIC;
    capture->base.type = &live_type;
    capture->group = group;
    capture->share = share;
    capture->ring.descriptor = -1;
    capture->poll_milliseconds = (int)options->poll_milliseconds;
    capture->steady.held = capture_held(options);
    capture->until = INT64_MAX;
    capture->given = INT64_MIN;
    take_ring(capture);
    look_at_clocks(capture);
    steady_silence(&capture->steady, capture->steady.looked);
    return capture;
}

/* The group has as many holders as shares: those that were not made let go of it here. */
static int no_memory(struct live_group *group, struct capture **captures, size_t made, size_t count,
                     struct error *error) {
    for (size_t i = made; i < count; i++)
        live_group_close(group);
    while (made > 0) {
        capture_close(captures[--made]);
        captures[made] = NULL;
    }
    return error_set(error, ENOMEM, EX_OSERR, "no memory to capture");
}

int capture_open_shares(const struct capture_options *options, size_t count, struct capture **captures,
                        struct error *error) {
    struct live_group *group;
    if (options->snapshot_length > INT32_MAX || options->socket_buffer_size > INT32_MAX ||
        options->poll_milliseconds > INT32_MAX)
        return error_set(error, ERANGE, EX_USAGE,
                         "snapshot length, socket buffer size and poll time must be below 2 GiB and 24 days");
    int result = live_group_open(options, count, &group, error);
    for (size_t i = 0; result == 0 && i < count; i++) {
        struct live_capture *capture = make_share(group, i, options);
        if (capture == NULL)
            return no_memory(group, captures, i, count, error);
        captures[i] = &capture->base;
    }
    return result;
}
