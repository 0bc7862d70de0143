#include "sink/ages.h"

enum { SECOND = 1000000, ENOUGH = AGES_ENTRIES / 4 * 3 };

/* Removes entries without records. If that gives little room, joins those of the older half in pairs. */
static void ages_make_room(struct ages *ages) {
    size_t used = 0;
    for (size_t i = ages->first; i < ages->end; i++)
        if (ages->entries[i].records > 0)
            ages->entries[used++] = ages->entries[i];
    ages->first = 0;
    ages->end = used;
    if (used < ENOUGH)
        return;
    size_t pairs = used / 4;
    for (size_t i = 0; i < pairs; i++) {
        ages->entries[i] = ages->entries[2 * i];
        ages->entries[i].records += ages->entries[2 * i + 1].records;
    }
    for (size_t i = 2 * pairs; i < used; i++)
        ages->entries[i - pairs] = ages->entries[i];
    ages->end = used - pairs;
}

void ages_add(struct ages *ages, int64_t time) {
    if (ages->first == ages->end)
        ages->first = ages->end = 0;
    if (ages->end > 0 && time - ages->entries[ages->end - 1].time < SECOND) {
        ages->entries[ages->end - 1].records++;
        return;
    }
    if (ages->end == AGES_ENTRIES)
        ages_make_room(ages);
    ages->entries[ages->end].time = time;
    ages->entries[ages->end++].records = 1;
}

void ages_remove(struct ages *ages, int64_t time) {
    size_t low = ages->first, high = ages->end;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (ages->entries[middle].time <= time)
            low = middle;
        else
            high = middle;
    }
    if (low < ages->end && ages->entries[low].records > 0)
        ages->entries[low].records--;
    while (ages->first < ages->end && ages->entries[ages->first].records == 0)
        ages->first++;
}

int64_t ages_oldest(const struct ages *ages, int64_t now) {
    return ages->first < ages->end ? now - ages->entries[ages->first].time : 0;
}
