/* Windows: the pieces of memory in which the bytes of captures lie. One window serves after another, and what was read
 * stays as it is while somebody holds its window. So packets go to other threads without a copy of their bytes.
 *
 * The capture's owner takes windows and holds them for others, who release them. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cache_line.h"
#include "base/gate.h"

enum { WINDOW_BYTES = 1 << 20 };

struct window_set;

struct window {
    _Alignas(CACHE_LINE) atomic_uint holds;
    struct window_set *set;
    _Alignas(CACHE_LINE) uint8_t bytes[WINDOW_BYTES];
};

/* `count` windows, at least 1. Memory is used by those that were taken. NULL: no memory.
 * @thread main, before the owner is started */
struct window_set *window_set_create(size_t count);
/* NULL is fine.
 * @thread main, after all who hold a window have ended */
void window_set_destroy(struct window_set *set);

/* A window that nobody holds, or NULL. If all are held it waits, at most so many microseconds, until half of them are free:
 * to be woken for each would cost more. A window of which nothing was handed on is held by nobody, so it may be the owner's
 * present one.
 * @thread the owner */
struct window *window_set_take(struct window_set *set, int64_t microseconds);

/* @thread the owner */
void window_hold(struct window *window);
/* Ends one window_hold().
 * @thread any */
void window_release(struct window *window);
/* @thread the owner */
static inline bool window_is_held(const struct window *window) {
    return atomic_load(&window->holds) != 0;
}
/* Whether these bytes lie in the window.
 * @thread any */
static inline bool window_has(const struct window *window, const uint8_t *bytes) {
    return (uintptr_t)bytes - (uintptr_t)window->bytes < WINDOW_BYTES;
}
