#include "meter/open_slices.h"

#include <stdlib.h>

#include "base/check.h"

struct open_slices {
    int64_t stretch;
    int64_t first;      /* number of the earliest stretch that is counted by itself: since the epoch */
    uint64_t open;      /* of all stretches */
    uint64_t older;     /* of those before `first` */
    int64_t older_from; /* number of the stretch in which the oldest of these began, or an earlier one */
    uint32_t counts[OPEN_SLICES_REACH];
};

struct open_slices *open_slices_create(int64_t stretch) {
    CHECK(stretch > 0);
    struct open_slices *slices = calloc(1, sizeof *slices);
    if (slices != NULL)
        slices->stretch = stretch;
    return slices;
}

void open_slices_destroy(struct open_slices *slices) {
    free(slices);
}

uint64_t open_slices_memory(void) {
    return sizeof(struct open_slices);
}

/* Times are not before the epoch. */
static int64_t number_of(const struct open_slices *slices, int64_t time) {
    DEBUG_CHECK(time >= 0);
    return time / slices->stretch;
}

static uint32_t *count_of(struct open_slices *slices, int64_t number) {
    return &slices->counts[number % OPEN_SLICES_REACH];
}

static void add_older(struct open_slices *slices, int64_t number, uint32_t count) {
    if (count > 0 && (slices->older == 0 || number < slices->older_from))
        slices->older_from = number;
    slices->older += count;
}

/* Makes room for a later stretch: the earliest ones are counted together from now on. */
static void reach(struct open_slices *slices, int64_t number) {
    for (int i = 0; i < OPEN_SLICES_REACH && slices->first + OPEN_SLICES_REACH <= number; i++) {
        uint32_t *count = count_of(slices, slices->first);
        add_older(slices, slices->first, *count);
        *count = 0;
        slices->first++;
    }
    if (slices->first + OPEN_SLICES_REACH <= number)
        slices->first = number - OPEN_SLICES_REACH + 1;
}

void open_slices_begin(struct open_slices *slices, int64_t first_seen) {
    int64_t number = number_of(slices, first_seen);
    if (slices->open++ == 0)
        slices->first = number; /* also where time begins anew */
    else if (slices->first + OPEN_SLICES_REACH <= number)
        reach(slices, number);
    if (number < slices->first)
        add_older(slices, number, 1);
    else
        (*count_of(slices, number))++;
}

void open_slices_end(struct open_slices *slices, int64_t first_seen) {
    int64_t number = number_of(slices, first_seen);
    DEBUG_CHECK(slices->open > 0);
    slices->open--;
    if (number < slices->first) {
        DEBUG_CHECK(slices->older > 0);
        slices->older--;
    } else {
        DEBUG_CHECK(*count_of(slices, number) > 0);
        (*count_of(slices, number))--;
    }
}

bool open_slices_oldest(const struct open_slices *slices, int64_t *time) {
    int64_t number = slices->first;
    if (slices->open == 0)
        return false;
    if (slices->older > 0)
        number = slices->older_from;
    else
        while (slices->counts[number % OPEN_SLICES_REACH] == 0)
            number++;
    *time = number * slices->stretch;
    return true;
}
