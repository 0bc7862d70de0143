/* A change of the key of pseudonyms while the sensor runs (SIGHUP): read and prepared first, so that nothing can fail when it
 * is taken. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "app/plan/plan.h"
#include "app/run/output.h"
#include "base/error.h"
#include "record/anonymize/anonymize_key.h"

struct rekeying {
    struct output *outputs; /* borrowed */
    size_t count;
    bool is_new;                    /* it is another one than that in use */
    char id[ANONYMIZE_KEY_ID_SIZE]; /* the new one's */
};

/* Prepares the key that `next` has, for a run by `plan`, in every output. What makes no pseudonyms has none,
 * and the key may be the one in use: then nothing is prepared. Fails with one line; then too rekeying_end() follows.
 * @thread reload */
int rekeying_prepare(struct rekeying *rekeying, const struct plan *plan, const struct plan *next,
                     struct error *error);

/* With `take`, every output changes to the new key between two seqs, and a line says its id. Else it is forgotten.
 * @thread reload */
void rekeying_end(const struct rekeying *rekeying, bool take);
