/* Room 3: packets to flows. A meter owns a table of open flows, cuts and expires them, and hands each ended flow to
 * its export call. It belongs to one thread, and after meter_create() allocates nothing on live sources (nDPI's inner
 * allocations aside); for files memory grows in slabs up to the budget.
 *
 * The nfstream profile repeats NFStream 6.6.0: flows are kept in order of creation, emitted in its order, and a cut
 * flow's next slice is a new flow with a direction of its own. Natively flows expire by last use, and slices keep
 * orientation, uid and label. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "decode/walk/packet.h"
#include "meter/dissect.h"
#include "meter/flow.h"
#include "meter/options.h"

/* Everything the ledger needs of a meter. opened = exported + discarded + open. */
struct meter_statistics {
    uint64_t packets;
    uint64_t packets_without_memory; /* of these: belong to no flow, since not one block could be had */
    uint64_t flows_opened;
    uint64_t flows_exported[END_REASON_COUNT];
    uint64_t flows_discarded; /* ended, but the export call didn't take them */
    uint64_t flows_open;
    uint64_t
        memory; /* bytes of table, flows, nDPI states of undecided flows, texts; without nDPI's inner allocations */
};

struct meter;

/* `export_flow` gets every ended flow, from within meter_packet(), meter_tick() and meter_finish(), in that thread.
 * False: it wasn't taken, since there are to be no more records (meter.max_nflows); it is counted as discarded. */
typedef bool meter_export_call(void *context, const struct flow *flow);

int meter_create(const struct meter_options *options, meter_export_call *export_flow, void *context,
                 struct meter **meter, struct error *error);
/* A meter that asks before a sweep ends a flow, in its own thread and with the context of the export call: false keeps
 * the flow open for now. So many flows that end together don't overrun who takes them. What must end, ends even so.
 * NULL: it doesn't ask. */
typedef bool meter_room_call(void *context);
void meter_ask_for_room(struct meter *meter, meter_room_call *has_room);

/* Frees without exporting; call meter_finish() first. */
void meter_destroy(struct meter *meter);

void meter_packet(struct meter *meter, const struct packet *packet);

/* A recording of its own begins, whose times may lie before those of the one that ended: ends all open flows with
 * END_OF_INPUT, and forgets what time it was. Flows after it have other uids, also if they are the same packets
 * again. */
void meter_begin_recording(struct meter *meter);

/* Time went on without a packet of this meter, to `time` (quiet live link, packets for other meters): expires what is
 * idle by then. True: not all of it, since a packet may be waiting; another call at the same time goes on. What found
 * no room waits for a later time. */
bool meter_tick(struct meter *meter, int64_t time);

/* Exports all open flows, in expiry order, with END_OF_INPUT or END_SHUTDOWN; natively with END_IDLE those that were idle
 * by the latest time, so that it does not matter when the last sweep was. */
void meter_finish(struct meter *meter, enum end_reason reason);

/* nDPI's protocols, as dissect.h tells them; none if there is no dissection. Names live as long as the meter. */
size_t meter_protocol_count(const struct meter *meter);
const char *meter_protocol_name(const struct meter *meter, size_t number);

void meter_statistics(const struct meter *meter, struct meter_statistics *statistics);

/* Any thread, beside the meter's: pool_back() for what `preallocate` set aside. */
void meter_back_memory(const struct meter *meter, const atomic_bool *stop);

/* What a meter with these options takes at most once its table is full, and the labels' inner memory as dissect.h says. */
struct meter_budget {
    uint64_t flows; /* bytes of the table, the flows and their features */
    struct dissector_budget dissector;
};
void meter_budget(const struct meter_options *options, struct meter_budget *budget);

/* Exported flows, whatever ended them. */
uint64_t meter_flows_exported(const struct meter_statistics *statistics);

/* Adds another meter's. */
void meter_statistics_add(struct meter_statistics *sum, const struct meter_statistics *part);
