/* The links that interface_table.c knows, sorted by index. They belong to the table's owner. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/live/interface_rules.h"

enum { INTERFACE_LINKS_MAX = 16384 };

struct interface_entry {
    struct interface_link link; /* what the kernel said last; of one that is gone the index is valid */
    struct interface told;      /* what the owner was told last */
    uint32_t round;             /* of dumps, in which the kernel last said something of it */
    bool present, is_told;
    bool is_another; /* it was gone meanwhile: what was told is of another interface with this index */
    bool is_changed; /* perhaps: to be compared with what was told */
};

/* All zero is an empty list. Pointers into it are valid until an entry comes or goes. */
struct interface_entries {
    struct interface_entry *entry;
    size_t count, capacity;
};

void interface_entries_free(struct interface_entries *entries);

/* NULL: it isn't known. */
struct interface_entry *interface_entries_find(const struct interface_entries *entries, uint32_t index);
/* Makes it if it isn't known. NULL: no memory, or there are INTERFACE_LINKS_MAX. */
struct interface_entry *interface_entries_obtain(struct interface_entries *entries, uint32_t index);
void interface_entries_forget_gone(struct interface_entries *entries);
