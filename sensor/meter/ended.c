#include "meter/ended.h"

#include <stdlib.h>

#include "meter/key.h"

enum {
    PLACES = 1024, /* a power of two */
    ROOM = PLACES / 4 * 3,
    /* Above every recording's, so that a series never comes twice, whatever the order. */
    FIRST_OVERFLOW = 1u << 30,
};

struct ended_flow {
    struct flow_key key;
    uint64_t generation; /* tag: if it is not that of `struct ended`, the place is empty */
    uint32_t slice;
};

struct ended {
    struct ended_flow flows[PLACES]; /* open addressing; places are emptied all at once */
    int64_t time;                    /* of the flows that are remembered: they began and ended then */
    uint64_t generation;             /* goes up when all are forgotten */
    uint32_t count;
    uint32_t series;    /* of the flows that begin now */
    uint32_t recording; /* the series while nothing overflows */
    uint32_t overflows;
};

struct ended *ended_create(void) {
    struct ended *ended = calloc(1, sizeof(*ended));
    if (ended != NULL)
        ended->generation = 1;
    return ended;
}

void ended_destroy(struct ended *ended) {
    free(ended);
}

uint64_t ended_memory_for(void) {
    return sizeof(struct ended);
}

static void ended_forget_all(struct ended *ended) {
    ended->generation++;
    ended->count = 0;
}

/* Time never goes back, so later flows have other uids, and the flows of an earlier time can be forgotten. */
static void ended_go_on_to(struct ended *ended, int64_t time) {
    if (ended->time == time)
        return;
    ended->time = time;
    ended->series = ended->recording;
    ended_forget_all(ended);
}

/* The place of the flow's key, or the empty one where it belongs. */
static struct ended_flow *ended_place_of(struct ended *ended, const struct flow *flow) {
    uint32_t i = flow->hash % PLACES;
    while (ended->flows[i].generation == ended->generation && !key_equal(&ended->flows[i].key, &flow->key))
        i = (i + 1) % PLACES;
    return &ended->flows[i];
}

void ended_remember(struct ended *ended, const struct flow *flow, int64_t time) {
    if (flow->uid_time != time)
        return;
    ended_go_on_to(ended, time);
    if (ended->count == ROOM) {
        ended_forget_all(ended);
        ended->series = FIRST_OVERFLOW + ended->overflows++;
    }
    struct ended_flow *place = ended_place_of(ended, flow);
    ended->count += place->generation != ended->generation;
    *place = (struct ended_flow){flow->key, ended->generation, flow->slice};
}

void ended_number(struct ended *ended, struct flow *flow) {
    ended_go_on_to(ended, flow->uid_time);
    flow->slice = 0;
    flow->uid_series = ended->series;
    if (ended->count == 0)
        return;
    const struct ended_flow *place = ended_place_of(ended, flow);
    if (place->generation == ended->generation)
        flow->slice = place->slice + 1;
}

void ended_number_after(struct ended *ended, struct flow *flow, const struct flow *last) {
    if (last->uid_time == flow->uid_time) {
        ended_go_on_to(ended, flow->uid_time);
        flow->slice = last->slice + 1;
        flow->uid_series = ended->series;
    } else {
        ended_number(ended, flow);
    }
}

void ended_begin_recording(struct ended *ended) {
    ended->recording++;
    ended->series = ended->recording;
    ended_forget_all(ended);
}
