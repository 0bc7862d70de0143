#include "capture/live/interface_entries.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 64 };

void interface_entries_free(struct interface_entries *entries) {
    free(entries->entry);
    *entries = (struct interface_entries){0};
}

/* The first entry whose index isn't smaller. */
static size_t place_of(const struct interface_entries *entries, uint32_t index) {
    size_t low = 0, high = entries->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (entries->entry[middle].link.index < index)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool has(const struct interface_entries *entries, size_t place, uint32_t index) {
    return place < entries->count && entries->entry[place].link.index == index;
}

struct interface_entry *interface_entries_find(const struct interface_entries *entries, uint32_t index) {
    size_t place = place_of(entries, index);
    return has(entries, place, index) ? &entries->entry[place] : NULL;
}

static bool grow(struct interface_entries *entries) {
    size_t capacity = entries->capacity > 0 ? 2 * entries->capacity : FIRST_CAPACITY;
    struct interface_entry *entry = realloc(entries->entry, capacity * sizeof *entry);
    if (entry == NULL)
        return false;
    entries->entry = entry;
    entries->capacity = capacity;
    return true;
}

struct interface_entry *interface_entries_obtain(struct interface_entries *entries, uint32_t index) {
    size_t place = place_of(entries, index);
    if (has(entries, place, index))
        return &entries->entry[place];
    if (entries->count == INTERFACE_LINKS_MAX || (entries->count == entries->capacity && !grow(entries)))
        return NULL;
    struct interface_entry *entry = &entries->entry[place];
    memmove(entry + 1, entry, (entries->count - place) * sizeof *entry);
    *entry = (struct interface_entry){.link.index = index};
    entries->count++;
    return entry;
}

void interface_entries_forget_gone(struct interface_entries *entries) {
    size_t kept = 0;
    for (size_t i = 0; i < entries->count; i++)
        if (entries->entry[i].present)
            entries->entry[kept++] = entries->entry[i];
    entries->count = kept;
}
