/* One output at work: a recorder for each meter, one sink, and where every record went.
 *
 * Records are made in the meters' threads, each with its own share of the output; the sink belongs to the one thread that
 * delivers. What both use is atomic. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "app/account/health.h"
#include "app/account/records.h"
#include "app/plan/plan.h"
#include "base/error.h"
#include "record/recorder.h"
#include "record/registry/registry.h"
#include "record/registry/watch.h"
#include "sink/sink.h"

/* What one meter's thread has of an output. */
struct output_share {
    struct recorder *recorder;
    struct record_counts records;
};

struct output {
    const struct output_plan *plan;
    const char *const *capture_files; /* of the source, by flow->capture_file; NULL: live */
    struct output_share *shares;      /* one per meter */
    size_t share_count;
    _Atomic uint64_t next_seq;
    bool may_rekey;            /* pseudonyms have a key that may change; else nobody takes the lock */
    pthread_rwlock_t rekeying; /* held by who makes a record, and alone by who changes the key */
    void *sink;
    struct registry_options registry;    /* for the watch */
    struct registry_watch *watch;        /* NULL unless the schema's id came from the cache */
    uint64_t taken;                      /* by the delivering thread = the sink's + sum(dropped) */
    uint64_t dropped[OUTPUT_DROP_COUNT]; /* of these, before the sink */
    struct output_health health;
};

/* Makes the recorders for `meters` meters, asks the registry (may be NULL) for the schema's id, and opens the sink. `key`: of
 * pseudonyms, used during the call. */
int output_open(struct output *output, const struct output_plan *output_plan, const struct plan *plan,
                const struct anonymize_key *key, struct registry *registry, struct error *error);
void output_close(struct output *output);

/* A meter's thread: makes the flow's record; false if there is none to send: the output is for records of the sensor
 * itself, or failed, or no memory (both counted: of every flow there is a record in the ledger). The message is valid
 * until the same meter's next record. */
bool output_make(struct output *output, unsigned meter, const struct flow *flow, struct message *message);

/* The delivering thread: the same of a report, if the output is for those. */
bool output_make_report(struct output *output, const struct sensor_report *report, struct message *message);

/* The delivering thread: hands a record to the sink. -errno and the line only when the output can't go on. */
int output_send(struct output *output, const struct message *message, struct error *error);

/* The delivering thread: whether the sink is well away from dropping records for want of room. */
bool output_has_room(const struct output *output);

/* Whether its records are of flows, made by the meters' threads; else of the sensor, made by the delivering one. */
bool output_is_of_flows(const struct output *output);

/* Any thread: whether the sink can't go on. */
bool output_has_failed(const struct output *output);

/* The delivering thread: what became of the records that it took. */
void output_count(const struct output *output, struct delivery_counts *counts);

/* Any thread: all recorders change to this key between two seqs, whichever meters take them; -ENOMEM: none does. */
int output_rekey(struct output *output, const struct anonymize_key *key);

/* The delivering thread: lets the sink serve its callbacks and timers, and hears what the registry says of an id that came
 * from the cache. Fails as output_send() does; on a mismatch once, with EX_CONFIG, and the output goes on counting. */
int output_poll(struct output *output, struct error *error);
