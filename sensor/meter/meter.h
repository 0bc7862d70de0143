/* Room 3: packets to flows. A meter owns a table of open flows, cuts and expires them, and hands each ended flow to
 * its export call. On live sources it allocates nothing after meter_create() (nDPI's inner allocations aside); for files
 * its memory grows in slabs up to the budget.
 *
 * A meter belongs to one thread at a time. Here `@thread meter` is that thread, or the main thread before that one was
 * started and after it was joined; no lock is taken. `@thread any` may run beside it.
 *
 * The nfstream profile repeats NFStream 6.6.0: flows are kept and exported in order of creation, and a cut flow's next
 * slice is a new flow with a direction of its own. Natively flows expire by last use, and slices keep orientation, uid
 * and label. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "decode/walk/packet.h"
#include "meter/bounds.h"
#include "meter/dissect.h"
#include "meter/flow.h"
#include "meter/options.h"

/* Everything the ledger needs of a meter. opened = exported + discarded + elsewhere + open. */
struct meter_statistics {
    uint64_t packets;
    uint64_t packets_without_memory; /* of these: belong to no flow, since there was no memory for even one */
    uint64_t packets_truncated;      /* of these: PACKET_TRUNCATED */
    uint64_t packets_sampled_out;    /* of these: belong to no flow, since sampling did not choose theirs */
    uint64_t packets_shed;           /* of these: belong to no flow, since no new one was metered */
    uint64_t flows_opened;
    uint64_t flows_exported[END_REASON_COUNT];
    uint64_t
        early_records; /* states of open flows that were exported, at a packet's number or after a time */
    uint64_t update_records;  /* the same, at intervals */
    uint64_t flows_discarded; /* ended, but the export call didn't take them */
    uint64_t flows_elsewhere; /* ended, and were metered at another interface: see local_pods.h */
    uint64_t flows_open;
    uint64_t flows_undecided;    /* of these: nDPI is still working on their labels */
    uint64_t flows_undissected;  /* so far: nDPI did not see all that it should have, see dissect.h */
    uint64_t loss_gap_bytes;     /* of flows that ended (feature tcp_gaps); 0 while it is off */
    uint64_t flows_without_splt; /* so far: slices that began while none was kept */
    uint64_t overload_entered[OVERLOAD_STEP_COUNT]; /* how often each step was taken */
    uint64_t overload_level;                        /* steps of the ladder that are taken now */
    uint64_t overload_time; /* microseconds in which it was above 0, up to the last look at the load */
    uint64_t memory; /* bytes of table, flows, nDPI's states and texts; without what nDPI allocates itself */
};

struct meter;

/* Gets every ended flow, and every state of an open one that is published (flow->record_kind), from within meter_packet(),
 * meter_tick(), meter_begin_recording() and meter_finish(). It must not call any of these. False: it wasn't taken, since
 * there are to be no more records (meter.max_nflows); an ended flow is counted as discarded.
 * @thread meter */
typedef bool meter_export_call(void *context, const struct flow *flow);

/* Copies the options; what they point to is borrowed for the meter's life. 0, or -errno with the error set. Not for two
 * meters at once, which is nDPI's rule.
 * @thread meter */
int meter_create(const struct meter_options *options, meter_export_call *export_flow, void *context,
                 struct meter **meter, struct error *error);

/* Asked before a sweep ends a flow or publishes the state of one, with the context of the export call: false keeps the flow
 * open, and as it is, for now. So flows that end together don't overrun who takes them. Cuts, evictions, meter_finish() and
 * states that a packet is due to change don't ask.
 * @thread meter */
typedef bool meter_room_call(void *context);
/* From now on the meter asks; NULL: it doesn't.
 * @thread meter, before the first packet */
void meter_ask_for_room(struct meter *meter, meter_room_call *has_room);

/* Frees without exporting; call meter_finish() first. NULL is fine.
 * @thread meter, once meter_back_memory() has returned in all others */
/* Whether a meter of options `from` can go on with the timeouts of `to`: in the states of its flows there is room for
 * intervals as long. All other options are the same.
 * @thread any: nothing is shared */
bool meter_takes_timeouts(const struct meter_options *from, const struct meter_options *to);
/* From here on flows end by these (ticks), the open ones too.
 * @thread meter */
void meter_set_timeouts(struct meter *meter, int64_t idle_timeout, int64_t active_timeout);

void meter_destroy(struct meter *meter);

/* Counts the packet to its flow, which may end or be cut by it, and sweeps if it is time. Packets come in the order of
 * time + held_for (struct packet). The packet is borrowed for the call.
 * @thread meter */
void meter_packet(struct meter *meter, const struct packet *packet);
/* The same, where shard_hash() was called already, with the seed of the meter's options.
 * @thread meter */
void meter_hashed_packet(struct meter *meter, const struct packet *packet, uint32_t hash);

/* Where the meter stands on its overload ladder, for what is said of it. */
struct meter_load {
    struct overload_pressure pressure;
    unsigned level, levels;  /* steps that are taken, and that there are */
    enum overload_step step; /* the one that was taken or left now */
    bool is_taken;           /* it was taken */
};

/* Live, several times a second: takes or leaves a step of the ladder (overload.h), by the ring's pressure
 * (capture_pressure()), the table's and the time, microseconds of a clock that is never set. True: it did, and *load is set.
 * @thread meter, between two packets */
bool meter_look_at_load(struct meter *meter, unsigned ring, int64_t now, struct meter_load *load);

/* Another recording begins, whose times may lie before those of the last one: ends all open flows with END_OF_INPUT, and
 * forgets what time it was. Flows after it have other uids, even if the same packets come again.
 * @thread meter */
void meter_begin_recording(struct meter *meter);

/* Time went on to `time` without a packet for this meter (a quiet live link, packets for other meters): publishes the
 * states that are due, and ends flows that are idle by then. True: it stopped, since a packet may be waiting; another
 * call with the same time goes on. Flows that found no room wait for a later time.
 * @thread meter */
bool meter_tick(struct meter *meter, int64_t time);

/* Exports all open flows, in expiry order, with END_OF_INPUT or END_SHUTDOWN; natively with END_IDLE those that were idle
 * by the latest time, so that it does not matter when the last sweep was.
 * @thread meter */
void meter_finish(struct meter *meter, enum end_reason reason);

/* nDPI's protocols, as dissect.h tells them; none if there is no dissection. Names live as long as the meter.
 * @thread any: constant after meter_create() */
size_t meter_protocol_count(const struct meter *meter);
const char *meter_protocol_name(const struct meter *meter, size_t number);
bool meter_protocol(const struct meter *meter, size_t number, struct l7_protocol *protocol);

/* The counters as of now.
 * @thread meter, outside of the export call or in it */
void meter_statistics(const struct meter *meter, struct meter_statistics *statistics);

/* What the records that are made from now on can have; needs options.bounds. `lateness`: ticks by which packets that are
 * still to come may be earlier than the meter's time, as decoder_lateness() tells.
 * @thread meter, outside of the export call */
void meter_bounds(struct meter *meter, int64_t lateness, struct meter_bounds *bounds);

/* pool_back() for what `preallocate` set aside: prefaults it. Returns when all is done, or soon after *stop.
 * @thread any, also beside the meter's: it reads what is constant after meter_create(), and changes no byte */
void meter_back_memory(const struct meter *meter, const atomic_bool *stop);

/* What a meter with these options takes at most, once its table is full. */
struct meter_budget {
    uint64_t flows; /* bytes of the table, the flows and their features */
    struct dissector_budget dissector;
};
/* @thread main, before others allocate: see dissector_budget() */
void meter_budget(const struct meter_options *options, struct meter_budget *budget);

/* Exported flows, whatever ended them.
 * @thread any */
uint64_t meter_flows_exported(const struct meter_statistics *statistics);
/* Exports of a kind.
 * @thread any */
uint64_t meter_exports(const struct meter_statistics *statistics, enum record_kind kind);
