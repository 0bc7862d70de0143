/* Loads one plugin and checks what it says of itself. The calls are for this room only; the structure is part of
 * `struct udps`.
 *
 * The main thread opens and closes a plugin. udps_plugin_configure() is for the thread that makes a meter; the context that
 * it gives belongs to that meter. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "meter/plugin.h"

/* Longest name of a field. */
enum { UDPS_NAME_MAX = 48 };

struct udps_plugin {
    char *path;
    void *handle; /* dlopen()'s */
    const struct flowsensor_plugin *descriptor;
    struct flowsensor_parameter *parameters; /* in path's memory */
    size_t parameter_count;
    size_t state_size, state_offset; /* in struct udps_state */
};

/* `entry` is "PATH name=value ...". EX_CONFIG with one line; whatever the result, udps_plugin_close() frees. */
int udps_plugin_open(struct udps_plugin *plugin, const char *entry, struct error *error);
void udps_plugin_close(struct udps_plugin *plugin);

/* Calls the plugin's configure; *context is the new one. */
int udps_plugin_configure(const struct udps_plugin *plugin, void **context, size_t *state_size,
                          struct error *error);
