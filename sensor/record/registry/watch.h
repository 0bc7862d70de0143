/* Checks, in a thread of its own, whether a schema id that came from the cache is still the registry's.
 *
 * The first answer decides: the same id confirms it and the thread ends; another id, or "not registered", is a
 * mismatch, after which nothing may be sent under that id. While the registry can't be reached it is asked again. */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "record/registry/registry.h"

enum registry_watch_state { REGISTRY_WATCH_PENDING, REGISTRY_WATCH_CONFIRMED, REGISTRY_WATCH_MISMATCH };

struct registry_watch;

/* `options` and `schema` are borrowed until registry_watch_stop(); `subject` is copied. `interval` in microseconds.
 * @thread any */
int registry_watch_start(const struct registry_options *options, const char *subject,
                         const struct schema *schema, uint32_t cached_id, int64_t interval,
                         struct registry_watch **watch, struct error *error);

/* On a mismatch *error (may be NULL) gets the line.
 * @thread any, takes the watch's lock */
enum registry_watch_state registry_watch_state(struct registry_watch *watch, struct error *error);

/* Ends the thread, also in the middle of a request, and frees. NULL is fine.
 * @thread any one, after the last registry_watch_state() */
void registry_watch_stop(struct registry_watch *watch);
