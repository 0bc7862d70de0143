/* A thread's part of the ledger, which another thread asks for. The thread gives it between two packets: so the part is
 * consistent, and the packet path takes no lock. One thread asks and one gives, by account_request_ask() and
 * account_request_give() of `request`. */
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

/* Room for so many applications. -ENOMEM.
 * @thread main (both), before the giver is started, and after it has ended */
int tally_open(struct tally *tally, size_t applications);
void tally_close(struct tally *tally);

/* Whether what was asked for is given, or the giver has ended.
 * @thread deliver */
bool tally_is_given(const struct tally *tally);
/* What was given, until the next question.
 * @thread deliver */
const struct ledger *tally_read(const struct tally *tally);

/* At housekeeping: an empty ledger to fill and then to give; NULL: nobody asked. Two loads then.
 * @thread meter, read */
struct ledger *tally_begin(struct tally *tally);

/* At the thread's end: an empty ledger to fill. From tally_end() on it is what is given.
 * @thread meter, read */
struct ledger *tally_begin_last(struct tally *tally);
void tally_end(struct tally *tally);
