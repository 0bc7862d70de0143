/* Snapshots from the loop that makes them to the HTTP thread that tells them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/account/account_request.h"
#include "app/account/snapshot.h"

struct exchange {
    struct account_request request; /* of `snapshot` */
    struct snapshot snapshot;
    struct snapshot latest; /* the asker's: the last one that was given */
    bool is_latest;         /* the asker's: it has taken what was given last */
    int64_t asked_at;       /* the asker's; monotonic clock */
};

/* Before anybody asks. -ENOMEM. */
int exchange_open(struct exchange *exchange, size_t applications);
void exchange_close(struct exchange *exchange);

/* The giver: whether a snapshot is asked for; cheap. */
bool exchange_is_asked(const struct exchange *exchange);
/* The giver: an empty snapshot to fill and then to give; NULL: none is asked for. */
struct snapshot *exchange_begin(struct exchange *exchange);
/* It is filled: sets its time. */
void exchange_give(struct exchange *exchange);

/* The asker: a snapshot of now, or, if none is given within `patience` (microseconds), the latest; NULL: there is none. One
 * that is younger than `fresh` is good enough. Who was in vain waited for is not waited for again until it moves. */
const struct snapshot *exchange_fetch(struct exchange *exchange, int64_t patience, int64_t fresh);
