/* A thread's part of the ledger, as another thread asks for it: its thread gives it between two packets, so that the
 * part is consistent, and the packet path takes no lock. One thread asks, one gives. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "app/account/ledger.h"
#include "app/account/account_request.h"

struct tally {
    struct account_request request; /* of `part` */
    struct ledger part;
    struct ledger last; /* the giver's until it has ended */
    atomic_bool ended;  /* the giver gives no more: `last` stays */
};

/* Room for so many applications. -ENOMEM. */
int tally_open(struct tally *tally, size_t applications);
void tally_close(struct tally *tally);

/* The asker, as with a request. */
void tally_ask(struct tally *tally);
bool tally_is_given(const struct tally *tally);
/* What was given, until the next tally_ask(). */
const struct ledger *tally_read(const struct tally *tally);

/* The giver, at housekeeping: an empty ledger to fill and then to give; NULL: nobody asked. Cheap. */
struct ledger *tally_begin(struct tally *tally);
void tally_give(struct tally *tally);

/* The giver, as its last act: an empty ledger to fill; from tally_end() on it is what is given. */
struct ledger *tally_begin_last(struct tally *tally);
void tally_end(struct tally *tally);
