/* Getters of fields that stand one behind the other in most schemas, such as the counters of the eight TCP flags: one call
 * fills them all. A schema that has other fields, or the same ones in another order, gets them from the rows' getters.
 * Constant data: any thread. */
#pragma once

#include "record/field/catalogue.h"

enum { FIELD_BLOCK_MAX = 9 };

struct field_block {
    field_getter *get; /* fills values of one direction; none depends on record_source.row */
    field_getter *members[FIELD_BLOCK_MAX + 1]; /* each value's own getter, then NULL */
};

extern const struct field_block field_blocks[];
extern const size_t field_block_count;

static inline size_t field_block_size(const struct field_block *block) {
    size_t size = 0;
    while (block->members[size] != NULL)
        size++;
    return size;
}

/* Whether the getter's value is the same in all records of a recorder. Such a getter reads no flow. */
bool field_is_constant(field_getter *get);
