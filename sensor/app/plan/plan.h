/* What the configuration and the schemas together ask for: decided once, before anything is opened. The main thread makes
 * and releases a plan. In between it doesn't change, and any thread may read it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "app/config/config.h"
#include "base/error.h"
#include "capture/capture.h"
#include "decode/decode.h"
#include "meter/meter.h"
#include "record/anonymize/anonymize_key.h"
#include "record/anonymize/policy.h"
#include "record/encoding/encoding.h"
#include "record/field/record_source.h"
#include "record/field/udps_rows.h"
#include "record/message_key.h"
#include "record/schema/schema.h"
#include "sink/sink.h"

struct output_plan {
    const struct output_config *config;
    const char *name;
    const struct sink_type *sink;
    struct schema *schema;
    const struct encoding *encoding;
    const char *framing; /* kafka */
    unsigned headers;    /* kafka: a set of enum kafka_header */
    unsigned kinds;      /* of records that it takes: a set of 1 << enum record_kind */
    enum message_key_kind message_key;
    struct anonymize_policy policy;
};

/* Meters of a run at most. */
enum { PLAN_METERS_MAX = CAPTURE_SHARES_MAX };

/* The ring of records from each of several meters to the delivering thread. A record of 65,535 packets' sizes and times
 * takes several megabytes, and half of the ring is the most that one may take. */
enum { PLAN_OUTBOX_BYTES = 8 << 20 };

/* Where records of outputs that SIGHUP changes wait until these are open: all outputs together. */
enum { PLAN_WAITING_BYTES = 16 << 20 };

/* Which schemas the outputs have. */
enum plan_schemas {
    PLAN_SCHEMAS_AS_NAMED, /* those that the configuration names */
    PLAN_SCHEMAS_COMPOSED, /* these, composed anew with the user-defined fields; for the command `schema compose` */
};

struct plan {
    const struct config *config; /* borrowed */
    bool live;
    bool waits_for_room; /* outputs wait when they are full, as for files; live they drop and count */
    bool joins;          /* its outputs are opened in a run that goes on: SIGHUP asked for them */
    struct capture_options capture;
    struct decode_options decode;
    struct tunnel_ports tunnel_ports; /* plan.decode refers to it */
    char tunnel_ports_text[TUNNEL_PORTS_TEXT_SIZE];
    struct meter_options meter; /* of each meter; meter.visibility is set by who runs the plan */
    unsigned meters;
    bool system_visibility;
    bool pods_once;    /* capture.scope is pods: see meter/local_pods.h */
    struct udps *udps; /* NULL: none configured */
    struct udps_rows *udps_rows;
    bool verify; /* for the command `verify`: records are made up */
    enum plan_schemas schemas;
    struct identity identity;
    int64_t report_interval;    /* microseconds between performance reports; 0: none */
    int64_t heartbeat_interval; /* the same of heartbeats */
    unsigned groups;            /* that are computed: bit set of 1 << enum field_group */
    struct output_plan outputs[CONFIG_OUTPUTS_MAX];
    size_t output_count;
    bool anonymizes;          /* some output doesn't show every value as it is */
    bool has_pseudonyms;      /* some output makes values with a key */
    struct anonymize_key key; /* that one, until plan_forget_key(): the file is read once */
};

/* Loads and binds the schemas, resolves the switches and the identity. EX_CONFIG and others with one line.
 * The plan borrows the configuration; plan_release() frees the rest, also after a failure. */
int plan_make(const struct config *config, enum plan_schemas schemas, struct plan *plan, struct error *error);

/* Wipes the key of pseudonyms: those that need it have it. */
void plan_forget_key(struct plan *plan);

void plan_release(struct plan *plan);
