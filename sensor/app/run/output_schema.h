/* The registry's id of an output's schema: pinned by the configuration, asked for, or taken from the cache.
 *
 * While captures are read nothing begins without an id, for what waits would not be read on. Live a start waits a moment only:
 * an output whose id is not known, not confirmed (registry.trust_cache aside), or contradicted keeps its records in its
 * spool, unframed, until the registry tells. Captures are read under a cached id, since they can be read again.
 *
 * Belongs to the thread that delivers, the others read what is told to the health. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "app/account/health.h"
#include "app/plan/plan.h"
#include "base/error.h"
#include "record/registry/watch.h"

struct output_schema {
    const char *output; /* its name, borrowed, as the next */
    const char *url;
    char *subject;
    struct registry_watch *watch;    /* NULL: no registry is asked */
    enum registry_watch_state heard; /* at the last look */
    uint32_t pinned;
    bool from_cache;
    bool refusal_said; /* that the registry refuses access */
    bool holds;        /* live: what may not be framed waits in the sink */
    bool trusts_cache;
};

/* Begins to ask the registry, if the output's records have an id. Fails as registry_open() does.
 * @thread main */
int output_schema_ask(struct output_schema *schema, const struct output_plan *output, const struct plan *plan,
                      struct error *error);

/* Ends the wait at that moment (monotonic clock). *id is what the sink begins with; 0: it has none yet. EX_UNAVAILABLE
 * (captures): the registry doesn't answer, and no cache has the id. EX_CONFIG, EX_NOPERM: it refuses.
 * @thread main */
int output_schema_settle(struct output_schema *schema, int64_t until, struct output_health *health,
                         uint32_t *id, struct error *error);

/* Hears what the registry says since, and tells the sink. -EINVAL, once, where it contradicts the id and nothing can wait.
 * @thread deliver */
int output_schema_hear(struct output_schema *schema, const struct sink_type *type, void *sink,
                       struct output_health *health, struct error *error);

/* Whether no record may be sent or kept.
 * @thread any */
bool output_schema_drops(const struct output_schema *schema, const struct output_health *health);

void output_schema_close(struct output_schema *schema);
