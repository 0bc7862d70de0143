/* Files are read by whoever has nothing to meter, in turns: it decodes, keeps the clock, and puts each packet into the inbox of
 * the worker that the packet's flow belongs to, its own too. So as many threads are busy as there are meters, and none waits
 * while there is something to do.
 *
 * What is read goes on in one order, whoever has the turn: it is taken and given back by sequentially consistent operations. */
#include "app/run/inbox.h"
#include "app/run/parallel_parts.h"
#include "base/clock.h"
#include "meter/shard.h"

/* A turn ends when half of an inbox is filled. A frame and the fragments that it releases, 2 MB at most, always fit into the
 * rest: so nobody waits for room in an inbox, which may be its own. The next turn begins when there is room for more than a few
 * packets. */
enum { ROOM_PERCENT = 40 };

static bool has_room(struct parallel *parallel) {
    for (size_t i = 0; i < parallel->count; i++)
        if (ring_percent_filled(parallel->workers[i].inbox->ring) >= ROOM_PERCENT)
            return false;
    return true;
}

static void share_packet(void *context, const struct packet *packet) {
    struct parallel *parallel = context;
    struct intake *intake = &parallel->pipeline->intakes[0];
    uint32_t hash = shard_hash(packet, parallel->pipeline->plan->meter.profile, &parallel->pipeline->seed);
    struct inbox *inbox = parallel->workers[shard_of(hash, (unsigned)parallel->count)].inbox;
    inbox_put(inbox, packet, hash, capture_window(intake->capture));
    if (ring_is_half_full(inbox->ring))
        intake->pauses = true;
}

/* Hands over the packets so far. Natively flows are idle or not by the time of all packets, not by that of one meter's. */
static void share_time(struct parallel *parallel) {
    bool natively = parallel->pipeline->plan->meter.profile == PROFILE_NATIVE;
    int64_t time = decoder_time(parallel->pipeline->intakes[0].decoder);
    for (size_t i = 0; i < parallel->count; i++)
        if (natively)
            inbox_put_time(parallel->workers[i].inbox, time);
        else
            inbox_hand_over(parallel->workers[i].inbox);
}

static void give_part(struct parallel *parallel) {
    struct ledger *part = tally_begin(&parallel->reads_tally);
    if (!part)
        return;
    intake_count(&parallel->pipeline->intakes[0], part);
    account_request_give(&parallel->reads_tally.request);
}

/* The decoder still has the time of the recording that ends. */
static void share_begin(void *context) {
    struct parallel *parallel = context;
    share_time(parallel);
    for (size_t i = 0; i < parallel->count; i++)
        inbox_put_begin(parallel->workers[i].inbox);
    parallel->pipeline->intakes[0].pauses = true; /* there may be thousands of short recordings */
}

static void keep_house(void *context) {
    struct parallel *parallel = context;
    uint64_t flows = 0;
    share_time(parallel);
    give_part(parallel);
    if (!parallel->pipeline->progress.on)
        return;
    for (size_t i = 0; i < parallel->count; i++)
        flows += atomic_load_explicit(&parallel->workers[i].flows_opened, memory_order_relaxed);
    pipeline_show_progress(parallel->pipeline, flows);
}

static void note_failure(void *context, const struct error *error) {
    struct parallel *parallel = context;
    failure_note(&parallel->pipeline->failure, error);
}

static void end_reading(struct parallel *parallel) {
    intake_count(&parallel->pipeline->intakes[0], tally_begin_last(&parallel->reads_tally));
    tally_end(&parallel->reads_tally);
    share_time(parallel);
    for (size_t i = 0; i < parallel->count; i++)
        ring_close(parallel->workers[i].inbox->ring);
    parallel->read_ended = true;
}

/* The heartbeat begins before the first frame, which may be long in coming. */
void file_turns_begin(struct parallel *parallel) {
    heartbeat_beat(&parallel->pipeline->intakes[0].heartbeat, clock_monotonic());
    atomic_store(&parallel->turn_taken, false);
}

bool file_turns_take(struct parallel *parallel) {
    static const struct intake_calls calls = {.packet = share_packet,
                                              .begin_recording = share_begin,
                                              .housekeeping = keep_house,
                                              .failed = note_failure};
    if (!has_room(parallel) || atomic_exchange(&parallel->turn_taken, true))
        return false;
    /* Another worker may have had the turn since there was room. */
    bool reads = has_room(parallel) && !parallel->read_ended;
    if (reads &&
        !intake_read(&parallel->pipeline->intakes[0], &calls, parallel, &parallel->pipeline->delivery.stop))
        end_reading(parallel);
    atomic_store(&parallel->turn_taken, false);
    return reads;
}
