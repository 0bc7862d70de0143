/* Room 5: where messages go. A sink belongs to one output and one thread at a time: `deliver`, which with one meter also
 * meters. Threads that a sink has of its own (librdkafka's) stay inside. Their events are handled when the sink's thread
 * polls, so there is no lock.
 *
 * Every message that was handed over ends in exactly one counter: acknowledged, or dropped with a reason; until then
 * it is in flight. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "record/message.h"
#include "record/field/value.h"
#include "sink/delays.h"
#include "sink/spool/spool.h"

/* Why a record did not get where it should. The names are the ledger's. */
#define SINK_DROPS(X)                                                    \
    X(queue_full, "the local queue was full (live capture never waits)") \
    X(too_large, "larger than the topic or the producer accepts")        \
    X(rejected, "refused by the broker")                                 \
    X(undelivered, "not acknowledged within the limit")                  \
    X(write_failed, "the file could not be written")                     \
    X(spool_full, "the spool was full: its oldest records went")         \
    X(spool_damaged, "could not be read back from the spool")            \
    X(unframed, "from the spool: the registry's id of their schema is not known")

enum sink_drop {
#define X(name, text) SINK_DROP_##name,
    SINK_DROPS(X)
#undef X
        SINK_DROP_COUNT
};
/* @thread any: they don't change */
const char *sink_drop_name(enum sink_drop drop);
const char *sink_drop_text(enum sink_drop drop);

/* Certificates that a Kafka output uses: the property that names the file. */
#define SINK_CERTIFICATES(X)                   \
    X(ca, "ssl.ca.location")                   \
    X(certificate, "ssl.certificate.location") \
    X(keystore, "ssl.keystore.location")

enum sink_certificate {
#define X(name, property) SINK_CERTIFICATE_##name,
    SINK_CERTIFICATES(X)
#undef X
        SINK_CERTIFICATE_COUNT
};

/* records handed over + found = acknowledged + in_flight + spooled + dead_lettered + sum(dropped). */
struct sink_statistics {
    uint64_t acknowledged;
    uint64_t in_flight;
    uint64_t spooled; /* they wait in the spool */
    uint64_t dead_lettered;
    uint64_t found; /* in the spool: records that earlier runs left and that had not arrived */
    uint64_t dropped[SINK_DROP_COUNT];
    uint64_t bytes;    /* encoded bytes handed over, without framing */
    uint64_t checksum; /* null, where asked for: CRC-32 (as in zlib) of all encoded bytes in order; else 0 */
    char last_error[256]; /* last delivery error as the library words it; "" */

    /* Kafka only; zeros elsewhere. */
    struct spool_statistics spool;
    uint64_t possibly_duplicated; /* sent again though they may have arrived before */
    int64_t oldest_age; /* microseconds since the oldest record in flight was handed over; 0: there is none */
    struct delays delays;       /* of acknowledged records */
    uint64_t errors;            /* that the library reported: a broker is down, a login refused ... */
    uint64_t queue_bytes;       /* of the records in flight, with framing and keys */
    uint64_t queue_limit_bytes; /* queue.buffering.max.kbytes */
    uint64_t renewals;          /* new passwords, certificates and the like that came into use */
    uint64_t renewals_refused;  /* that did not: they are wrong */
    int64_t not_after[SINK_CERTIFICATE_COUNT]; /* Unix time; 0: there is none, or it isn't known */
    /* Where the record is that was acknowledged last; the offset is negative if the broker did not tell it. */
    int32_t last_partition;
    int64_t last_offset;
};

/* Where records wait that can't be delivered now. */
struct sink_spool {
    const char *directory; /* of this output; NULL: in memory */
    uint64_t size;         /* bytes */
    bool drop_oldest;      /* when it is full; else the newest */
    double drain_rate;     /* records a second, when the receiver is back */
};

struct sink_options {
    const char *output;      /* the output's name, for messages */
    const char *path;        /* file: path or "-" */
    const char *format;      /* file: "avro", "csv", "jsonl" */
    const char *codec;       /* file, avro: "null" or "deflate" */
    const char *compression; /* file, not avro: "none" (or NULL), "gzip" or "zstd" */
    uint64_t rotate_size;    /* file: bytes, 0: never */
    uint64_t rotate_flows;   /* file: records, 0: never */
    unsigned rotate_files;   /* file: files kept, 0: all */
    struct text header;      /* file: what each file begins with (CSV) */
    const char *
        schema_text; /* file, avro: goes into the container's header; kafka, single-object: fingerprint below */
    bool checksum;   /* null: add one up */
    const char *topic;        /* kafka */
    const char *const *kafka; /* kafka: librdkafka properties "name=value" */
    /* Of each: how the configuration has it, where its value comes from a file (sink/kafka/client/kafka_renewal.h); else NULL. NULL: none
     * does. */
    const char *const *kafka_written;
    /* kafka: reads such a value again: malloc'd, or -errno with the reason. Called in a thread of the sink's own. */
    int (*expand)(const char *written, char **value, struct error *reason);
    size_t kafka_count;
    const char *framing; /* kafka: "confluent", "single_object", "none" */
    uint32_t schema_id;  /* kafka, confluent: from the registry; 0: not known yet, see set_schema_id */
    uint64_t schema_fingerprint;         /* kafka, single_object */
    const struct message_origin *origin; /* kafka: what headers say */
    unsigned headers; /* kafka: a set of enum kafka_header (sink/kafka/kafka_header_set.h) */
    const char *schema_name, *schema_sha256; /* kafka: for the spool */
    struct sink_spool spool;                 /* kafka, live */
    const char *dead_letters;                /* kafka: a file's path; NULL: none */
    bool wait_when_full;                     /* reading files: write() waits for room; live: it drops */
    /* Other outputs wait while write() waits, so it leaves them half of the time until the deadline. */
    bool has_neighbours;
    /* kafka: it joins a run that goes on. What a start refuses, as a topic that isn't there, makes its records wait. */
    bool joins;
    int64_t delivery_limit; /* microseconds that write() waits for room without any progress */
    /* Asked while waiting: when the process, or the sink alone, has to end (monotonic clock, base/clock.h); 0: it doesn't yet.
     * From then on no wait goes beyond that moment, and a live output waits for room too. NULL: never. */
    int64_t (*deadline)(const void *context);
    const void *deadline_context;
};

/* @thread deliver, which is the main thread. At the end of a run delivery_flush() gives each output's flush() a thread of
 * its own, so that they run at the same time, and waits for all. memory() and check() have no state: any thread. */
struct sink_type {
    const char *name;
    /* For Kafka also checks that the topic exists, if the broker answers in time. Live that time is a tenth of a second; an
     * answer within the next five seconds is handled by poll(). */
    int (*open)(const struct sink_options *options, void **state, struct error *error);
    /* Takes one message (copied or written before it returns). -errno: the output can't go on (no disk or broker
     * within the limit): the error says why; what was handed over is counted. EX_OK without a line: its reader went
     * away, which is no failure. */
    int (*write)(void *state, const struct message *message, struct error *error);
    /* Serves callbacks and timers; cheap; called now and then. Fails as write does. May be NULL. */
    int (*poll)(void *state, struct error *error);
    /* The registry's id of the schema is known from now on. 0: it is not, or is not to be used: live, records wait
     * unframed until it is. Once an id was given, only that one may follow. NULL: no record has it. */
    void (*set_schema_id)(void *state, uint32_t id);
    /* Whether it is well away from dropping records for want of room. NULL: always. */
    bool (*has_room)(const void *state);
    /* Gets everything written or acknowledged. It may take `limit` microseconds in all, or, if `patient`, that long
     * without any progress; then what is still in flight is counted as dropped{undelivered}. -errno and a line
     * (EX_UNAVAILABLE, EX_IOERR) if something did not arrive. Where files are read, that is any record of the run; live,
     * a record that was still in flight. */
    int (*flush)(void *state, int64_t limit, bool patient, struct error *error);
    void (*statistics)(const void *state, struct sink_statistics *statistics);
    /* Since when records wait for the receiver (monotonic clock); 0: they flow. NULL: they always do. */
    int64_t (*waiting_since)(const void *state);
    /* Frees; doesn't wait. */
    void (*close)(void *state);
    /* Bytes that such a sink would take at most; opens nothing. NULL: a few kilobytes. EX_CONFIG as open() has it. */
    int (*memory)(const struct sink_options *options, uint64_t *bytes, struct error *error);
    /* Checks what can be checked without a connection and without making a file. It looks only at options that the
     * configuration sets. Fails as open() would. NULL: nothing can be wrong. */
    int (*check)(const struct sink_options *options, struct error *error);
};

#define SINK(name) extern const struct sink_type sink_##name;
#include "sink/sinks.def"
#undef SINK

/* By name ("kafka", "file", "null"); NULL if there is none.
 * @thread any: the sinks' types don't change */
const struct sink_type *sink_find(const char *name);

/* "librdkafka 2.0.2".
 * @thread main: the text is in a static buffer */
const char *sink_library_version(void);
