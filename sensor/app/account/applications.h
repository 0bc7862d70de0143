/* Ended flows (slices) by application: nDPI's own number of the protocol, "Instagram" of TLS.Instagram. Belongs to one
 * thread; the numbers are as many as nDPI has protocols, whatever is on the wire. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "meter/flow.h"

struct application_counts {
    uint64_t flows, packets, bytes;
};

struct applications {
    struct application_counts *counts; /* NULL: not counted */
    size_t count;
};

/* -ENOMEM. A count of 0: nothing is counted. */
int applications_open(struct applications *applications, size_t count);
void applications_close(struct applications *applications);

/* A flow without labels is not counted. */
void applications_count(struct applications *applications, const struct flow *flow);

/* Both are of the same count, or one of them has none. */
void applications_add(struct applications *sum, const struct applications *part);
