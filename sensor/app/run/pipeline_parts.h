/* What a pipeline consists of, for the two ways to run it: serial.c with one meter, parallel.c (and parallel_parts.h) with several. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "app/account/exchange.h"
#include "app/account/reporter.h"
#include "app/host/failure.h"
#include "app/host/progress.h"
#include "app/host/sandbox.h"
#include "app/host/service_manager.h"
#include "app/monitor/monitor.h"
#include "app/plan/plan.h"
#include "app/run/delivery.h"
#include "app/run/intake.h"
#include "app/run/lane.h"
#include "app/run/prefault.h"
#include "app/run/reload.h"

enum { PIPELINE_MAGIC = 0x71be11fe };

struct pipeline {
    uint32_t magic;
    const struct plan *plan;
    struct failure failure;
    struct progress progress;
    struct places places;          /* live */
    struct local_pods *local_pods; /* NULL: unless capture.scope is pods */
    struct delivery delivery;
    struct intake intakes[PLAN_METERS_MAX]; /* files: one; live: one for each lane */
    size_t intake_count;
    struct hash_key seed;               /* files: of the meters' tables, and of the choice of a meter */
    struct lane lanes[PLAN_METERS_MAX]; /* as many as there are meters */
    size_t lane_count;
    struct prefault prefault;      /* live: of their memory */
    struct reporter *reporter;     /* NULL: no performance reports */
    struct reporter *heartbeats;   /* NULL: none; see heartbeats.h */
    struct snapshot heartbeat;     /* what the one under way tells */
    struct visibility *visibility; /* NULL: off; all lanes use it */
    struct monitor *monitor;       /* NULL: there is no endpoint */
    struct monitored monitored;    /* what it is told of this run */
    struct exchange exchange;      /* of snapshots for it */
    struct service_manager service_manager;
    struct sandbox sandbox;
    struct reload reload;
    double seconds; /* that the run took */
};

/* Each runs to the end of the source or to a signal, and exports the open flows. Failures are noted.
 * @thread main, which is the one that delivers, and in a serial run also meters and reads */
void serial_run(struct pipeline *pipeline);
void parallel_run(struct pipeline *pipeline);

/* Adds all that intakes and lanes counted.
 * @thread deliver, in a serial run or after the others have ended */
void pipeline_count(const struct pipeline *pipeline, struct ledger *sum);

/* At housekeeping: tells the service manager that the loops move, as far as they do.
 * @thread deliver: reads the loops' heartbeats */
void pipeline_show_life(struct pipeline *pipeline, int64_t now);

/* Gives the snapshot that was asked for, if one was.
 * @thread deliver, in a serial run or after the others have ended */
void pipeline_give_snapshot(struct pipeline *pipeline);

/* A performance report of the ledger, to the log and to the outputs that are for it.
 * @thread deliver */
void pipeline_report(struct pipeline *pipeline, const struct ledger *ledger, bool is_last);

/* Redraws the bar; `flows` opened so far.
 * @thread read */
void pipeline_show_progress(struct pipeline *pipeline, uint64_t flows);
