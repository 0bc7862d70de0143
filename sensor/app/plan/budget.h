/* The most resident memory that a live run of a plan takes: a sum of parts, each computed by the room that takes it or
 * measured here. sensor/README.md has it as a formula, which the Helm chart repeats. What plugins allocate themselves is
 * not in it, nor what system visibility needs beyond 20,000 sockets. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "app/plan/plan.h"
#include "base/error.h"

struct budget_item {
    const char *name;
    uint64_t bytes;
};

enum { BUDGET_ITEMS_MAX = 16 };

struct budget {
    struct budget_item items[BUDGET_ITEMS_MAX];
    size_t count;
    uint64_t total; /* bytes */
};

/* EX_CONFIG and the line if an output's properties are not valid, EX_USAGE if the plan is to read files. */
int budget_make(const struct plan *plan, struct budget *budget, struct error *error);

/* The total alone, in bytes; 0 where there is none. */
uint64_t budget_total(const struct plan *plan);

/* The command `memory`: NAME<TAB>BYTES for each item, then for the total. */
void budget_print(const struct budget *budget, FILE *stream);
