/* A meter's part of the ledger, as another thread asks for it: its thread gives it between two packets, so that the part is
 * consistent, and the packet path takes no lock. One thread asks, one gives. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

#include "app/intake.h"
#include "app/lane.h"
#include "app/ledger.h"

struct tally {
    _Atomic unsigned asked, given; /* times */
    struct ledger part;            /* the giver's while asked != given, else the asker's */
};

/* The asker: once what was asked for before is given. */
void tally_ask(struct tally *tally);
bool tally_is_given(const struct tally *tally);

/* The giver, at housekeeping: cheap unless it was asked. */
void tally_give(struct tally *tally, const struct intake *intake, const struct lane *lane);
