/* Asks the registry for a schema's id, in a thread of its own, until it is settled. So no start and no packet waits for a
 * registry, and all outputs ask at the same time.
 *
 * The id in use is pinned, or comes from the cache while the registry does not answer, or is not known yet. The same id from
 * the registry confirms it, and the thread ends. Another id, or "not registered", contradicts it: nothing may be sent under it,
 * and the registry is asked again, for it may be restored. Whatever is no answer of a registry settles nothing. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "record/registry/registry.h"

enum registry_watch_state { REGISTRY_WATCH_PENDING, REGISTRY_WATCH_CONFIRMED, REGISTRY_WATCH_MISMATCH };

/* Borrowed until registry_watch_stop(), but for `options`. */
struct registry_question {
    struct registry_options options;
    const char *subject;
    const struct schema *schema;
    uint32_t pinned;    /* 0: none */
    bool auto_register; /* while no id is in use */
    int64_t interval;   /* microseconds between two questions; the first ones follow sooner */
};

struct registry_watch;

/* Opens the client, which may fail as registry_open() does, and begins to ask.
 * @thread main */
int registry_watch_start(const struct registry_question *question, struct registry_watch **watch,
                         struct error *error);

/* Waits until the first question is answered or has failed, or until that moment (monotonic clock). 0: *id is the
 * registry's, or if it did not answer the cache's (*from_cache, and *error says why). -EHOSTUNREACH: it did not answer, and
 * the cache has none. Other -errno: it refuses (EX_CONFIG, EX_NOPERM), or a signal came.
 * @thread main */
int registry_watch_first(struct registry_watch *watch, int64_t until, uint32_t *id, bool *from_cache,
                         struct error *error);

/* CONFIRMED: *id is the registry's. MISMATCH: *error has the line. PENDING: it has that of the last question, if that failed.
 * @thread any, takes the watch's lock */
enum registry_watch_state registry_watch_state(struct registry_watch *watch, uint32_t *id,
                                               struct error *error);

/* Ends the thread, also in the middle of a request, and frees. NULL is fine.
 * @thread any one, after the last registry_watch_state() */
void registry_watch_stop(struct registry_watch *watch);
