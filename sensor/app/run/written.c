#include "app/run/written.h"

#include <stdio.h>
#include <string.h>

void written_list(const struct plan *plan, struct written *written) {
    written->count = 0;
    for (size_t i = 0; i < plan->output_count; i++) {
        const struct output_config *output = plan->outputs[i].config;
        if (output->path && strcmp(output->path, "-") != 0)
            written->places[written->count++] = output->path;
        if (output->dead_letters)
            written->places[written->count++] = output->dead_letters;
    }
    if (plan->config->registry.cache_directory) {
        snprintf(written->cache, sizeof written->cache, "%s/", plan->config->registry.cache_directory);
        written->places[written->count++] = written->cache;
    }
    if (plan->config->spool.directory) {
        snprintf(written->spool, sizeof written->spool, "%s/", plan->config->spool.directory);
        written->places[written->count++] = written->spool;
    }
}

bool written_is_allowed(const struct plan *plan, const struct sandbox *sandbox, const char *path) {
    struct written written;
    written_list(plan, &written);
    return sandbox_may_write(sandbox, written.places, written.count, path);
}
