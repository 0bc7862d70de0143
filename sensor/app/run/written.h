/* The files and folders that a run may write, for the sandbox: its outputs', their spools', the registry's cache. */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "app/host/sandbox.h"
#include "app/plan/plan.h"

struct written {
    const char *places[2 * CONFIG_OUTPUTS_MAX +
                       2]; /* as in struct sandbox_options; borrowed from the plan and below */
    size_t count;
    char cache[PATH_MAX], spool[PATH_MAX];
};

/* By the start's plan.
 * @thread any */
void written_list(const struct plan *plan, struct written *written);

/* Whether a run that began with this plan may write a file there.
 * @thread reload */
bool written_is_allowed(const struct plan *plan, const struct sandbox *sandbox, const char *path);
