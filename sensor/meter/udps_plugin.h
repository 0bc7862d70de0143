/* Loads one plugin and judges what it says of itself. Within the room only. */
#pragma once

#include "meter/udps.h"

/* `entry` is "PATH name=value ...". EX_CONFIG with one line; whatever the result, udps_plugin_close() frees. */
int udps_plugin_open(struct udps_plugin *plugin, const char *entry, struct error *error);
void udps_plugin_close(struct udps_plugin *plugin);

/* Calls the plugin's configure; *context is the new one. */
int udps_plugin_configure(const struct udps_plugin *plugin, void **context, size_t *state_size,
                          struct error *error);

/* Letters, digits and _, no digit first, at most UDPS_NAME_MAX. */
bool udps_is_name(const char *name, size_t length);
