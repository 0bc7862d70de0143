/* A thread's part of what is counted, as another thread asks for it: its thread gives it between two packets, so that the
 * part is consistent, and the packet path takes no lock. One thread asks, one gives. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

#include "app/account/applications.h"
#include "app/account/ledger.h"
#include "app/run/intake.h"
#include "app/run/lane.h"

/* What one thread counted. */
struct tally_part {
    struct ledger ledger;
    struct record_counts records[CONFIG_OUTPUTS_MAX]; /* of outputs for flows */
    struct applications applications;
};

struct tally {
    _Atomic unsigned asked, given; /* times */
    atomic_bool ended;             /* the giver gives no more: `last` stays */
    struct tally_part part;        /* the giver's while asked != given, else the asker's */
    struct tally_part last;        /* the giver's until it has ended */
};

/* Room for as many applications as the lane counts; NULL for a thread without a lane. -ENOMEM. */
int tally_open(struct tally *tally, const struct lane *lane);
void tally_close(struct tally *tally);

/* The asker: once what was asked for before is given. */
void tally_ask(struct tally *tally);
bool tally_is_given(const struct tally *tally);
/* What was given, until the next tally_ask(). */
const struct tally_part *tally_read(const struct tally *tally);

/* The giver, at housekeeping: cheap unless it was asked. A thread has an intake, a lane, or both (else NULL). */
void tally_give(struct tally *tally, const struct intake *intake, const struct lane *lane);

/* The giver, as its last act: from here on this is what it gives. */
void tally_end(struct tally *tally, const struct intake *intake, const struct lane *lane);

/* Adds what this thread counted to a part whose applications have room for the lane's. */
void tally_add(struct tally_part *sum, const struct intake *intake, const struct lane *lane);

/* Adds another part. */
void tally_add_part(struct tally_part *sum, const struct tally_part *part);

/* Everything 0; the room stays. */
void tally_clear(struct tally_part *part);
