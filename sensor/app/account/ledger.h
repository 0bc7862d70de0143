/* The ledger: where every packet, flow and record went. Each account must close; what remains is a bug and is shown.
 * There are four: packets, flows, and of each output whether there was a record of every exported flow (or report), and
 * where the records went. A ledger is plain data: run/ fills it, and it belongs to whoever holds it. */
#pragma once

#include <stdint.h>

#include "app/account/applications.h"
#include "app/account/records.h"
#include "app/plan/plan.h"
#include "capture/capture.h"
#include "decode/decode.h"
#include "meter/meter.h"
#include "meter/process/visibility.h"

/* What one thread counted, taken by that thread between two packets; or the sum of several such parts. */
struct ledger {
    struct capture_statistics capture;
    uint64_t packets;                      /* read: metered, ignored or held */
    uint64_t bytes;                        /* of these packets, on the wire */
    uint64_t ignored[DECODE_REASON_COUNT]; /* [DECODE_METERED]: metered */
    struct foreign foreign;                /* what was not_ip */
    uint64_t held;                         /* now: later fragments that wait for their first one */
    uint64_t times_raised;
    struct meter_statistics meter;
    uint64_t balance[PLAN_METERS_MAX]; /* packets that each of `meters` meters got */
    size_t meters;
    struct visibility_statistics processes; /* zeros while system visibility is off */
    struct record_counts records[CONFIG_OUTPUTS_MAX];
    struct applications applications; /* of ended flows; without room in a ledger that doesn't tell them */
};

/* Everything 0; the room for applications stays. */
void ledger_clear(struct ledger *ledger);

/* Of several threads' parts, which each close, the sum closes too. Applications are added if the sum has room for them. */
void ledger_add(struct ledger *sum, const struct ledger *part);
