/* The ledger: where every packet, flow and record went. Each account must close; what remains is a bug and is shown.
 * There are four: packets, flows, and for each output two more: whether every exported flow and published state (or report)
 * got a record, and where the records went. A ledger is plain data, which run/ fills. It belongs to the thread that holds it:
 * for the parts of other threads see tally.h. */
#pragma once

#include <stdint.h>

#include "app/account/applications.h"
#include "app/account/records.h"
#include "app/plan/plan.h"
#include "capture/capture.h"
#include "decode/decode.h"
#include "meter/meter.h"
#include "meter/process/visibility.h"

/* Where a counter of counters.def lies in a ledger, by its place of counting. */
#define LEDGER_intake(name)  intake.name
#define LEDGER_capture(name) capture.name
#define LEDGER_meter(name)   meter.name

/* The intake's counters: the rows make them. Those of other rooms are in the rooms' statistics. */
#define INTAKE_MEMBER_intake(name) uint64_t name;
#define INTAKE_MEMBER_capture(name)
#define INTAKE_MEMBER_meter(name)
struct intake_counters {
#define COUNTER(place, name, ...)              INTAKE_MEMBER_##place(name)
#define COUNTERS(place, name, first, end, ...) INTAKE_MEMBER_##place(name[end])
#include "app/account/counters.def"
};

/* What one thread counted, taken by that thread between two packets; or the sum of several such parts. */
struct ledger {
    struct intake_counters intake;
    /* In a sum, only the members that have a row are valid. */
    struct capture_statistics capture;
    struct meter_statistics meter;
    struct meter_bounds bounds; /* of what these meters make later; unknown unless there are heartbeats */
    struct foreign foreign;     /* what was not_ip */
    uint64_t balance[PLAN_METERS_MAX];        /* packets that each of `meters` meters got */
    uint64_t overload[PLAN_METERS_MAX];       /* steps that each of them has taken now */
    uint64_t overload_times[PLAN_METERS_MAX]; /* microseconds in which each of them had taken one */
    size_t meters;
    struct capture_statistics rings[PLAN_METERS_MAX]; /* live: what each meter's ring says */
    size_t ring_count;
    struct visibility_statistics processes; /* zeros while system visibility is off */
    struct record_counts records[CONFIG_OUTPUTS_MAX];
    struct applications applications; /* of ended flows; without room in a ledger that doesn't tell them */
};

/* Everything 0; the room for applications stays.
 * @thread meter, read, deliver: the one that holds the ledger */
void ledger_clear(struct ledger *ledger);

/* Where the accounts of every part close, those of the sum do too. Applications are added if the sum has room for them.
 * @thread meter, read, deliver: the one that holds `sum`, while nobody writes `part` */
void ledger_add(struct ledger *sum, const struct ledger *part);
