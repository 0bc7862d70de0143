#include "base/clock.h"

#include <pthread.h>

enum {
    LOOKS = 4,        /* at most: between two reads the thread may lose the processor */
    GOOD_DOUBT = 100, /* microseconds */
};

/* How far the steady clock is ahead of the time since boot. */
static int64_t anchor;
static pthread_once_t anchored = PTHREAD_ONCE_INIT;

/* A clock that no one sets, and which goes on while the host sleeps: flows are idle then. */
static int64_t since_boot(void) {
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* With the time since boot in the place of the steady one. */
static struct clock_look look_once(void) {
    int64_t before = since_boot();
    int64_t wall = clock_realtime();
    int64_t after = since_boot();
    int64_t middle = before + (after - before) / 2;
    return (struct clock_look){after, wall - middle, (after - before) / 2 + 1};
}

static struct clock_look look_well(void) {
    struct clock_look best = look_once();
    for (int i = 1; i < LOOKS && best.doubt > GOOD_DOUBT; i++) {
        struct clock_look look = look_once();
        if (look.doubt < best.doubt)
            best = look;
    }
    return best;
}

static void set_anchor(void) {
    anchor = look_well().offset;
}

int64_t clock_steady(void) {
    pthread_once(&anchored, set_anchor);
    return since_boot() + anchor;
}

struct clock_look clock_look(void) {
    pthread_once(&anchored, set_anchor);
    struct clock_look look = look_well();
    look.steady += anchor;
    look.offset -= anchor;
    return look;
}
