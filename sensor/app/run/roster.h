/* Which outputs a run has, as SIGHUP changes it: outputs come and go, or become others under their names (output_change.h),
 * and those that stay are not touched. An output is known by its name.
 *
 * A new one is opened as at the start, before anything is taken, in a slot of delivery.outputs that is free, or that of an
 * earlier output of its name, whose seq and counters go on. The delivering thread serves it, then each meter begins to make its
 * records, and stops to make those of one that goes, between the same two packets. Only then is a new one counted: in every
 * snapshot its account closes. What goes is closed once what was made is handed over (departure.h). One that becomes another
 * keeps its slot, and the meters change over between the same two packets.
 *
 * Live only, and of flows only: what else records are of is made by this thread or that from the start on. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/host/sandbox.h"
#include "app/plan/plan.h"
#include "app/run/handout.h"
#include "app/run/output.h"
#include "base/error.h"

struct roster {
    struct output *outputs; /* the slots, CONFIG_OUTPUTS_MAX; borrowed from the delivery */
    struct handout deliver, meters;
    unsigned turn;  /* of `deliver`, as the delivering thread knows it */
    size_t slots;   /* that were ever in use: handed to the meters, as the next */
    uint32_t takes; /* set of slots: the meters make their records */
    size_t shown;   /* as many of them are in snapshots: handed to the delivering thread, as the next two */
    /* Sets of slots, of the change that is handed out: these become others (handed to the meters too), these go. */
    uint32_t changes, leaves;
    bool swapped;        /* the meters have taken it */
    atomic_bool retries; /* the reload: what can't be opened is to be tried at once */
    /* The delivering thread's. */
    size_t served;  /* slots that are, or were, in use */
    size_t counted; /* as many of them are in snapshots */
    bool due;       /* something is handed out that it has not taken */
};

/* What is under way of one change. */
struct roster_change {
    struct roster *roster; /* borrowed, as the next four */
    const struct places *places;
    const struct plan *start;
    const struct plan *next;
    const struct sandbox *sandbox;
    struct plan
        run; /* the start's, but for what `next` changes; new outputs borrow it and `next` until the end of the run */
    uint32_t opens, changes, leaves; /* sets of slots */
};

/* Waits until no output is on its way to be closed, which takes delivery.shutdown_timeout at most. False: *given_up.
 * @thread reload, before it touches what outputs are */
bool roster_wait(const struct roster *roster, const atomic_bool *given_up);

/* Checks, and opens what is new. Fails with one line; roster_undo() takes back what was prepared.
 * @thread reload (this and the next two) */
int roster_prepare(struct roster_change *change, struct error *error);
void roster_undo(struct roster_change *change);
/* Puts it into force, unless *given_up. Then the threads have ended, and roster_settle() completes it. */
void roster_run(struct roster_change *change, const atomic_bool *given_up);

/* At the start of a run: all outputs that are open, in slots 0, 1, ...
 * @thread main */
void roster_begin(struct roster *roster, struct output *outputs, size_t count);

/* At housekeeping: begins to serve what is new, and closes what goes.
 * @thread deliver */
void roster_follow(struct roster *roster, struct failure *failure);
/* Completes a change that was broken off by the end of the run.
 * @thread main, after the loops and the reload have ended, and each lane has followed */
void roster_settle(struct roster *roster);
