#include "capture/window.h"

#include <stdlib.h>

#include "base/check.h"

struct window_set {
    struct gate released; /* half of the windows are free again */
    atomic_size_t held;   /* windows that somebody holds */
    size_t count;
    struct window *windows[];
};

/* Only its first line is written, so that a window which is never taken stays without memory. */
static struct window *window_create(struct window_set *set) {
    struct window *window = aligned_alloc(CACHE_LINE, sizeof *window);
    if (window != NULL) {
        atomic_init(&window->holds, 0);
        window->set = set;
    }
    return window;
}

struct window_set *window_set_create(size_t count) {
    CHECK(count > 0);
    struct window_set *set = cache_line_calloc(1, sizeof *set + count * sizeof *set->windows);
    if (set == NULL)
        return NULL;
    while (set->count < count && (set->windows[set->count] = window_create(set)) != NULL)
        set->count++;
    if (set->count == count)
        return set;
    window_set_destroy(set);
    return NULL;
}

void window_set_destroy(struct window_set *set) {
    for (size_t i = 0; set != NULL && i < set->count; i++)
        free(set->windows[i]);
    free(set);
}

void window_hold(struct window *window) {
    if (atomic_fetch_add(&window->holds, 1) == 0)
        atomic_fetch_add(&window->set->held, 1);
}

void window_release(struct window *window) {
    struct window_set *set = window->set;
    if (atomic_fetch_sub(&window->holds, 1) == 1 && atomic_fetch_sub(&set->held, 1) <= set->count / 2 + 1)
        gate_open(&set->released);
}

/* The first one, which was used last, is most likely in the processor's cache. */
static struct window *window_set_find(struct window_set *set) {
    for (size_t i = 0; i < set->count; i++)
        if (!window_is_held(set->windows[i]))
            return set->windows[i];
    return NULL;
}

struct window *window_set_take(struct window_set *set, int64_t microseconds) {
    struct window *window = window_set_find(set);
    if (window != NULL || microseconds == 0)
        return window;
    uint32_t turn;
    gate_enter(&set->released, &turn);
    if ((window = window_set_find(set)) == NULL) {
        gate_sleep(&set->released, turn, microseconds);
        window = window_set_find(set);
    }
    gate_leave(&set->released);
    return window;
}
