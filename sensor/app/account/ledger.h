/* The ledger: where every packet, flow and record went. Each account must close; what remains is a bug and is shown.
 * There are four: packets, flows, and of each output whether there was a record of every exported flow (or report), and
 * where the records went. */
#pragma once

#include <stdint.h>

#include "app/run/output.h"
#include "capture/capture.h"
#include "decode/decode.h"
#include "meter/meter.h"
#include "meter/process/visibility.h"

/* One consistent snapshot: of one thread, taken by that thread between two packets, or the sum of several. */
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
    uint64_t reports;                       /* performance reports so far; of the delivering thread */
    double seconds;                         /* since the start, by the clock on the wall */
};

/* Of several threads' parts, which each close, the sum closes too. */
void ledger_add(struct ledger *sum, const struct ledger *part);

/* Writes the ledger as log lines: packets, flows, then each output. */
void ledger_log(const struct ledger *ledger, const struct output *outputs, size_t count);
