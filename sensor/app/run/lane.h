/* One meter and the records of its flows: what one metering thread works on. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "app/account/applications.h"
#include "app/account/ledger.h"
#include "app/plan/plan.h"
#include "app/run/delivery.h"
#include "app/run/intake.h"
#include "app/run/patience.h"
#include "base/error.h"
#include "meter/meter.h"

/* Gets each record: at once, or by way of a ring. The message is valid during the call.
 * @thread meter */
typedef void lane_send_call(void *context, size_t output, const struct message *message);

/* Whether flows that may wait shall end now; see meter_ask_for_room().
 * @thread meter */
typedef bool lane_room_call(void *context);

struct lane {
    unsigned number; /* 0, 1, ...: which share of each output is the lane's */
    struct delivery *delivery;
    struct meter *meter;
    lane_send_call *send;        /* to be set before the first packet */
    lane_room_call *has_room;    /* live; to be set with it; NULL: sending waits */
    void *send_context;          /* of both */
    const struct intake *intake; /* of its packets, if the lane's thread reads; set with `send`; else NULL */
    struct patience patience;    /* with who takes the records */
    struct applications applications; /* of ended flows, for the monitor */
    int64_t looked;                   /* for lost packets; monotonic clock */
    unsigned turn;                    /* of delivery->retiming, as the lane knows it */
    unsigned roster_turn;             /* of delivery->roster.meters, likewise */
    size_t slots;                     /* of delivery->outputs, that the lane has to look at */
};

/* Lanes are opened one after another: nDPI's modules must not be created in parallel. After a failure lane_close() frees
 * what was made.
 * @thread main, before the others are started, and after they have ended */
int lane_open(struct lane *lane, unsigned number, const struct meter_options *options,
              struct delivery *delivery, struct error *error);
void lane_close(struct lane *lane);

/* The source ended: exports the open flows.
 * @thread meter */
void lane_finish(struct lane *lane, bool live);

/* At housekeeping: takes other timeouts, and the hashes of records that are made by them.
 * @thread meter */
void lane_follow_timeouts(struct lane *lane);

/* At housekeeping: makes records of other outputs from here on (roster.h).
 * @thread meter */
void lane_follow_outputs(struct lane *lane);

/* Live, at housekeeping: if the lane's source lost packets, the flows that are open now are marked. Looks once a second,
 * since it asks the kernel.
 * @thread meter */
void lane_watch_loss(struct lane *lane, struct intake *intake);

/* Live, at housekeeping, which is several times a second: the meter does without something, or no longer, by how far the
 * lane's source is behind. Each change is a line.
 * @thread meter */
void lane_watch_load(struct lane *lane, struct intake *intake);

/* Live, at housekeeping: once a minute a line about the lane's records that were dropped before they reached the delivering
 * thread.
 * @thread meter */
void lane_watch_drops(struct lane *lane);

/* Adds what the lane counted of flows and their records.
 * @thread meter, between two packets; any after it has ended */
void lane_count(const struct lane *lane, struct ledger *sum);
