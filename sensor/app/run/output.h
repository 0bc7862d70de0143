/* One output at work: a recorder for each meter, one sink, and where every record went.
 *
 * The meters' threads make records, each in its own share of the output. The sink belongs to the one thread that delivers.
 * What both use is atomic. A failure of the sink stays: the output counts what comes after it, and encodes nothing.
 *
 * SIGHUP may open an output while others run, close it (roster.h), and let it become another under its name
 * (output_change.h). Its state says who has it then. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "app/account/health.h"
#include "app/account/records.h"
#include "app/host/failure.h"
#include "app/plan/plan.h"
#include "app/run/drops_log.h"
#include "app/run/output_schema.h"
#include "app/run/patience.h"
#include "base/cache_line.h"
#include "base/error.h"
#include "base/gate.h"
#include "base/ring.h"
#include "record/recorder.h"
#include "sink/sink.h"

/* What one meter's thread has of an output. */
struct output_share {
    _Alignas(CACHE_LINE) struct recorder *recorder;
    bool may_rekey; /* its pseudonyms have a key that may change; else nobody takes the lock */
    struct record_counts records;
    struct drops_log drops; /* of these records */
    /* Of flows. */
    bool takes;      /* the meter makes records of its exports */
    unsigned kinds;  /* of exports, as output_plan has them; 0: it never took any */
    uint64_t absent; /* exports of these kinds that it was not there for; while it isn't, see `due` */
    uint64_t due;    /* once it left: exports that it was there for */
    /* Of an output that goes, or becomes another. */
    uint64_t before;       /* of records.sent: those that it gets before */
    struct recorder *next; /* of what it becomes, prepared by the reload */
    struct recorder
        *former; /* of what it was, since the meter took the next; some of its records are on their way */
};

/* Who has an output. */
enum output_state {
    OUTPUT_ABSENT,   /* reload: it has not been open yet, or is being opened */
    OUTPUT_READY,    /* deliver: open, to be served from now on */
    OUTPUT_OPEN,     /* deliver, with the meters */
    OUTPUT_CHANGING, /* deliver, with the meters, which one by one make records of what it becomes */
    OUTPUT_LEAVING,  /* deliver: no meter makes records any more of what it was */
    OUTPUT_CLOSING,  /* a thread of its own: closes what it was, and opens what it becomes */
    OUTPUT_WAITING,  /* deliver, with the meters: what it became can't be opened now */
    OUTPUT_CLOSED,   /* reload, but for what is told of it: it may be opened once more */
};

/* How it goes: departure.h. The delivering thread's, and its own thread's while it is OUTPUT_CLOSING. */
struct output_departure {
    int64_t limit;             /* microseconds; the reload's */
    struct failure *failure;   /* the pipeline's */
    pthread_t thread;          /* while it is OUTPUT_CLOSING */
    atomic_bool ended;         /* so has the thread, or is about to */
    bool has_failed;           /* what it was can't go on, while it becomes another */
    bool closes;               /* the thread closes something; else it only opens */
    bool keeps;                /* what that doesn't deliver in time stays in a spool on disk */
    _Atomic int64_t early_end; /* has to be closed by then (monotonic clock); 0: it has until its limit */
    struct sink_statistics last,
        shown;                  /* by the thread; by the delivering one, from when it handed the sink over */
    struct error error;         /* why what it became can't be opened */
    char told[ERROR_TEXT_SIZE]; /* what the log says of that; "": nothing */
    int64_t try_at, pause; /* when it is tried again (monotonic clock), and how long it waits after that */
};

/* What an output becomes: output_change.h. */
struct output_next {
    const struct output_plan *plan; /* NULL: nothing is prepared */
    const struct plan *run;
    struct output_schema schema;
    uint32_t schema_id;
    struct output_health health; /* what of it follows from the schema */
    struct ring *waiting;
};

struct output {
    _Atomic enum output_state state;
    const struct output_plan *plan;
    const char *const *capture_files; /* of the source, by flow->place.capture_file; NULL: live */
    const struct places *places;      /* of the source; NULL: files */
    struct output_share *shares;      /* one per meter */
    size_t share_count;
    _Atomic uint64_t next_seq;
    bool in_force;             /* by the latest configuration; the reload's, as the next */
    bool may_rekey;            /* as the shares have it */
    pthread_rwlock_t rekeying; /* read-locked to make a record, write-locked to change the key */
    const struct plan *run;    /* by which it was opened; borrowed */
    void *sink;                /* NULL: it is not open */
    char *spool_directory;     /* NULL: it has none */
    struct output_schema schema;
    uint32_t schema_id;      /* known before it was opened; else 0 */
    struct output_next next; /* the reload's; its own thread's once that closes it */
    bool changes;            /* from when it begins to become another until that is open */
    struct ring
        *waiting; /* records that come before it is open, and behind them; NULL: none do (output_change.h) */
    struct gate waiting_gate;            /* nobody sleeps at it */
    struct patience patience;            /* of what waits, with the sink */
    uint64_t passed_over;                /* of `taken`: records of what it becomes that found no room there */
    uint64_t taken;                      /* by the delivering thread = the sink's + sum(dropped) */
    uint64_t dropped[OUTPUT_DROP_COUNT]; /* of these, before the sink */
    struct sink_statistics past;         /* of sinks that it had before */
    struct drops_log drops;              /* of these, and the sink's */
    struct output_departure departure;
    int64_t looked; /* monotonic clock */
    struct output_health health;
};

/* Makes a recorder for each of the plan's meters, and begins to ask the registry for the schema's id. `key`: of pseudonyms,
 * used during the call. After a failure of this or the next output_close(), or output_shut(), frees what was made.
 * @thread main, before the others are started, and after they have ended; reload: of one that is absent or closed */
int output_begin(struct output *output, const struct output_plan *output_plan, const struct plan *plan,
                 const struct anonymize_key *key, struct error *error);

/* Waits for the schema's id until that moment (monotonic clock; INT64_MAX: as long as the registry may take), and opens the
 * sink. All outputs have begun before: they ask at the same time.
 * @thread main, as above */
int output_open(struct output *output, const struct plan *plan, int64_t until, struct error *error);
/* The latter only, by output->plan, run and schema_id.
 * @thread its own, while it is closing */
int output_open_sink(struct output *output, struct error *error);
void output_close(struct output *output);
/* Frees all but what is counted; doesn't wait for the sink.
 * @thread as above, and its own while it is closing */
void output_shut(struct output *output);

/* From here on its records are made and taken, at the start of a run.
 * @thread main */
void output_start(struct output *output);

static inline enum output_state output_state(const struct output *output) {
    return atomic_load_explicit(&output->state, memory_order_acquire);
}
/* Whether the delivering thread has it, with or without a sink.
 * @thread deliver */
bool output_is_served(const struct output *output);
/* What it is or was by the configuration in force.
 * @thread any */
const struct output_plan *output_shown_plan(const struct output *output);

/* Makes the flow's record. The message is valid until the same meter's next record. False: there is none to send. The
 * output is for other records, or other kinds of them; or it failed, or memory or a pseudonym is missing, which is counted, since
 * the ledger has a record of every flow, and of every state that is published.
 * @thread meter: each in its own share. Shares the lock of the key with the others, if the key may change */
bool output_make(struct output *output, unsigned meter, const struct flow *flow, struct message *message);

/* Makes a report's record, if the output is for those.
 * @thread deliver */
bool output_make_report(struct output *output, const struct sensor_report *report, struct message *message);

/* Makes a protocol's record, if the output is for those.
 * @thread deliver */
bool output_make_protocol(struct output *output, const struct l7_protocol *protocol, struct message *message);

/* What a recorder of an output is made of. `key`: of pseudonyms; NULL: the recorder has it already.
 * @thread main, reload */
struct recorder_options output_recorder_options(struct output *output, const struct output_plan *output_plan,
                                                const struct plan *plan, const struct identity *identity,
                                                const struct anonymize_key *key);
/* Whether pseudonyms of such an output have a key that may change. */
bool output_plan_may_rekey(const struct output_plan *output_plan, const struct plan *plan);

/* Hands a record to the sink; without one it is dropped. -errno and an error only where the output can't go on, the first
 * time.
 * @thread deliver */
int output_send(struct output *output, const struct message *message, struct error *error);

/* Whether the sink is well away from dropping records for want of room. An output that takes no more has room.
 * @thread deliver */
bool output_has_room(const struct output *output);

/* The highest seq that a record has so far, sent or not; -1: none has one yet. What it doesn't count yet of a meter's records
 * comes after what this thread knows of that meter.
 * @thread any */
int64_t output_last_seq(const struct output *output);

/* Whether its records are of flows, made by the meters' threads; else they are made by the delivering one.
 * @thread any: it doesn't change */
bool output_is_of_flows(const struct output *output);

/* Whether records get to the sink: it can go on, and the registry has the schema.
 * @thread any */
bool output_takes(const struct output *output);

/* Whether the sink can't go on.
 * @thread any */
bool output_has_failed(const struct output *output);
/* Likewise, also of what an output was that becomes another.
 * @thread deliver, or who has the sink */
bool output_sink_has_failed(const struct output *output);

/* What became of the records that the delivering thread took.
 * @thread deliver */
void output_count(const struct output *output, struct delivery_counts *counts);
/* Of these, what it counted itself; what its sinks say so far.
 * @thread deliver, or who has the sink */
void output_count_taken(const struct output *output, struct delivery_counts *counts);
void output_count_sinks(const struct output *output, struct sink_statistics *statistics);

/* Prepares what follows from other timeouts, in all recorders (recorder_prepare_contract()). `plan` is the start's.
 * @thread reload */
int output_prepare_contract(struct output *output, const struct plan *plan, const struct identity *identity,
                            struct error *error);
/* A meter's recorder uses it from its next record on.
 * @thread meter; deliver, of an output that isn't of flows */
void output_take_contract(struct output *output, unsigned meter);

/* Prepares another key of pseudonyms, where the output's may change; -ENOMEM.
 * @thread reload (this and the next two) */
int output_prepare_key(struct output *output, const struct anonymize_key *key);
/* With `take`, all recorders change to the prepared key between two seqs, whichever meters take them: it holds the lock of
 * the key alone, before meters that wait for it. Else the key is forgotten. */
void output_end_rekeying(struct output *output, bool take);
/* anon_key_id of the key in use, where that may change. */
const char *output_key_id(const struct output *output);

/* Lets the sink serve its callbacks and timers, and hears what the registry says of the schema's id. Fails as output_send()
 * does; while captures are read, on a mismatch once, with EX_CONFIG, and the output goes on counting.
 * @thread deliver */
int output_poll(struct output *output, struct error *error);

/* Live, once a second: tells the health what is in the spool, and the log what was dropped since the last line.
 * @thread deliver */
void output_watch(struct output *output, int64_t now);
/* The same for a meter's records of flows that were dropped on their way to the delivering thread.
 * @thread meter */
void output_watch_share(struct output *output, unsigned meter, int64_t now);
