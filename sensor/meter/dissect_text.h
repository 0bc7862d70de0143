/* What nDPI found in a flow, texts and numbers, copied into one block as small as they are. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "meter/l7.h"

struct ndpi_flow_struct;
struct text_pools;

struct text_block {
    uint16_t present;    /* bit i: enum l7_text i is there; above them the numbers */
    uint16_t size_class; /* whose pool the block is from */
    /* Of each text that is there, from the block's start; the texts follow, each with its NUL. Numbers are their bytes. */
    uint16_t offsets[];
};

/* Pools for at most `flows` blocks of each size; `parts` (enum l7_part): what is kept. NULL: no memory. */
struct text_pools *text_pools_create(uint64_t flows, unsigned parts);
void text_pools_destroy(struct text_pools *pools);
uint64_t text_pools_memory(const struct text_pools *pools); /* bytes */

/* What nDPI found in a flow that it labelled with these protocols, with this confidence (enum l7_confidence). NULL: nothing is kept,
 * or there is no memory. */
struct text_block *text_block_take(struct text_pools *pools, const struct ndpi_flow_struct *flow,
                                   uint16_t master, uint16_t application, uint8_t confidence);
void text_block_give(struct text_pools *pools, struct text_block *block);
