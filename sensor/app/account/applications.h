/* Ended flows (slices) by application: nDPI's own number of the protocol, "Instagram" of TLS.Instagram. There are as many
 * numbers as nDPI has protocols, whatever is on the wire. The counts belong to one thread at a time; no lock is taken. */
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

/* -ENOMEM. A count of 0: nothing is counted.
 * @thread main, before the others are started, and after they have ended */
int applications_open(struct applications *applications, size_t count);
void applications_close(struct applications *applications);

/* A flow without labels is not counted.
 * @thread meter: the counts of its own lane */
void applications_count(struct applications *applications, const struct flow *flow);

/* Both are of the same count, or one of them has none.
 * @thread meter, read, deliver: the one that `sum` belongs to, while nobody writes `part` */
void applications_add(struct applications *sum, const struct applications *part);
