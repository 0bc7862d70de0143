/* Snapshots from the loop that makes them to the HTTP thread that tells them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/account/account_request.h"
#include "app/account/snapshot.h"

struct exchange {
    struct account_request request; /* of `snapshot`; asked for by exchange_fetch() */
    struct snapshot snapshot;
    struct snapshot latest; /* the asker's: the last one that was given */
    bool is_latest;         /* the asker's: it has taken what was given last */
    int64_t asked_at;       /* the asker's; monotonic clock */
};

/* Opened before anybody asks, closed after the monitor has ended. -ENOMEM.
 * @thread main (both) */
int exchange_open(struct exchange *exchange, size_t applications);
void exchange_close(struct exchange *exchange);

/* An empty snapshot to fill and then to give; NULL: none is asked for.
 * @thread deliver */
struct snapshot *exchange_begin(struct exchange *exchange);
/* The snapshot is filled: sets its time.
 * @thread deliver */
void exchange_give(struct exchange *exchange);

/* A snapshot of now. Where the latest is younger than `fresh` (microseconds), it is returned at once. Where the delivering
 * thread gives none within `patience` of the question, the latest is returned too; a question that is still open is not
 * waited for again. NULL: there is no snapshot yet.
 * @thread monitor */
const struct snapshot *exchange_fetch(struct exchange *exchange, int64_t patience, int64_t fresh);
