/* User-defined fields of flows (NFStream's NFPlugins and their `udps`): counters of packets that match a BPF expression,
 * and plugins (plugin.h). They are loaded once from the configuration. Then struct udps doesn't change, so any thread may
 * read it without a lock. A meter's own part is struct udps_instance. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "meter/flow.h"
#include "meter/packet_filter.h"
#include "meter/plugin.h"
#include "meter/udps_plugin.h"

struct udps_list {
    const char *const *items;
    size_t count;
};

/* As configured: "NAME=EXPRESSION", "PATH name=value ...". */
struct udps_options {
    struct udps_list packets, bytes, plugins;
};

struct udps_counter {
    char *name;
    const char *expression; /* within name's memory */
    struct packet_filter *filter;
    bool bytes; /* adds the packets' accounted bytes, else 1 each */
};

/* A field as records have it. */
struct udps_field {
    char name[UDPS_NAME_MAX + sizeof "src2dst_"];
    enum flowsensor_type type;
    enum flowsensor_pii pii;
    const char *unit; /* "" if it has none */
    char *doc;
    bool is_counter;
    size_t source;                 /* which counter or plugin */
    enum flow_direction direction; /* of the counter */
    size_t index;                  /* in the plugin's fields */
};

struct udps {
    struct udps_counter *counters;
    size_t counter_count;
    struct udps_plugin *plugins;
    size_t plugin_count;
    struct udps_field *fields; /* sorted by name */
    size_t field_count;
    size_t state_size; /* bytes in each flow */
};

/* *udps is NULL where nothing is configured. EX_CONFIG with one line that names option, entry and cause.
 * @thread main, before any meter is made; udps_free() after the last one was destroyed */
int udps_load(const struct udps_options *options, struct udps **udps, struct error *error);
void udps_free(struct udps *udps);

/* One per meter: the plugins' contexts. */
struct udps_instance {
    const struct udps *udps;
    void **contexts;   /* by plugin */
    size_t configured; /* plugins that have theirs */
    void *scratch;     /* for flowsensor_value */
    uint64_t ticks_per_second;
};

/* @thread meter. 0, or -errno with the error set. */
int udps_instance_create(const struct udps *udps, uint64_t ticks_per_second, struct udps_instance **instance,
                         struct error *error);
void udps_instance_destroy(struct udps_instance *instance);

struct udps_counts {
    uint64_t source, destination; /* who sent the packets */
};

/* What flow_feature(flow, FEATURE_udps) points to. The plugins' states lie behind it, at their state_offset. */
struct udps_state {
    struct udps_instance *instance; /* the meter's */
    struct udps_counts counts[];    /* by counter */
};
