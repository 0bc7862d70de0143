/* The state of a Kafka output, for the files that share it: kafka.c (the sink), kafka_producer.c (librdkafka's handles),
 * kafka_turnover.c (its passwords and certificates), kafka_callbacks.c (what librdkafka calls back), kafka_send.c (records in
 * memory) and kafka_drain.c (records in the spool). Private to these.
 *
 * Belongs to the output's thread: `deliver`, or the one that flushes it at the end (sink.h). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "sink/ages.h"
#include "sink/dead_letters.h"
#include "sink/kafka/client/kafka_end.h"
#include "sink/kafka/kafka_lane.h"
#include "sink/kafka/kafka_link.h"
#include "sink/kafka/kafka_origins.h"
#include "sink/kafka/client/kafka_renewal.h"
#include "sink/kafka/client/kafka_tokens.h"
#include "sink/sink.h"
#include "sink/spool/spool.h"

struct rd_kafka_s;
struct rd_kafka_conf_s;
struct rd_kafka_topic_s;

enum { KAFKA_SINK_MAGIC = 0x0ca0ca5f };

typedef int32_t kafka_partitioner(const struct rd_kafka_topic_s *topic, const void *key, size_t length,
                                  int32_t partitions, void *topic_opaque, void *opaque);

/* Where the records are that the spool has and some partition is ready for. */
struct kafka_sweep {
    bool due;        /* a partition drains: there may be records for it */
    uint64_t from;   /* where to go back to first; 0: go on */
    uint64_t at;     /* the next record that is read is there or behind it */
    bool has_record; /* one was read, and not handed over yet */
    struct spool_record record;
    double allowed;   /* records that may be handed over now */
    int64_t refilled; /* monotonic clock */
};

/* What the spool was told last. */
struct kafka_release {
    uint64_t low;
    struct spool_lane *lanes;
    size_t count;
};

struct kafka_sink {
    uint32_t magic;
    struct kafka_stay stay; /* what librdkafka calls back has this: the sink is closed before it is freed */
    const char *output, *topic;      /* borrowed from the output */
    struct rd_kafka_conf_s *conf;    /* to make a fresh producer of */
    struct rd_kafka_topic_s *handle; /* of the topic: a name is looked up under a lock with each message */
    struct rd_kafka_s *producer;
    kafka_partitioner *partitioner;
    bool producer_failed;          /* a fresh one is needed */
    int64_t next_replacement;      /* monotonic clock: when to try that again; 0: it has not failed */
    struct kafka_tokens *tokens;   /* NULL: it logs in without any */
    struct kafka_renewal *renewal; /* NULL: nothing of the properties comes from files */
    struct kafka_offer
        *offer;         /* to be used when the producer has no records under way; until then it gets none */
    int64_t offer_ends; /* monotonic clock: it is used then, come what may */
    struct spool_origin own;
    struct kafka_origins origins;
    bool wait_when_full, has_neighbours;
    bool joins; /* as in sink_options, as the next two */
    int64_t (*deadline)(const void *context);
    const void *deadline_context;
    int64_t delivery_limit;
    int64_t waiting_since; /* monotonic clock: begin of the last wait */
    uint64_t records_max;  /* in memory: queue.buffering.max.messages */
    struct sink_statistics statistics;
    struct ages ages; /* of the records in memory */
    struct kafka_link link;
    int last_error;   /* rd_kafka_resp_err_t, as the next */
    int last_refusal; /* why a record was refused; timeouts don't count */
    bool authentication_failed;
    struct kafka_topic_check *check; /* NULL: none is under way */
    int64_t next_check;
    bool was_checked; /* the first check is over */
    /* While the partitions are not known: since when the broker has said that there is no such topic, or that it is not ours
     * (monotonic clock; 0: it doesn't), and what the log says of that. */
    int64_t refused;
    char refusal[ERROR_TEXT_SIZE];
    struct kafka_lane *lanes; /* by partition */
    size_t lane_count;        /* as many as the topic ever had; 0: the partitions are not known yet */
    int32_t partitions;       /* as many as it has now */
    struct dead_letters dead_letters;
    uint64_t unframed_letters; /* in it: records of an earlier run that could not be framed */
    struct spool *spool;       /* NULL: a file is read, which waits */
    bool durable;              /* the spool outlives the process */
    uint64_t maybe_sent;       /* found records below that position may have been sent by an earlier run */
    bool drain_announced, drain_noted; /* that records of the spool are sent: to the spool, and on its disk */
    bool given_up;                     /* at the end: a spool in memory */
    uint64_t parked;                   /* at the end: records that were in memory, and are in the spool */
    uint64_t unsaved;   /* at the end: records that the spool's disk has not taken; counted as dropped */
    uint64_t unwritten; /* those of them that waited there */
    struct kafka_sweep sweep;
    double drain_rate;     /* records a second */
    int64_t silence_limit; /* a partition that acknowledges nothing for so long is held */
    int64_t looked, released;
    struct kafka_release last_release;
    int said_reason; /* why the last line said that a partition is held, and until when it is not said again */
    int64_t quiet;
};

/* A note in the spool beside the partitions: records from this position on were not sent. While it is not there, any may have
 * been. */
enum { KAFKA_UNSENT_FROM = -2 };

/* Whether the id of this run's schema is known, so that records may be sent; else they wait in the spool. */
static inline bool kafka_frames(const struct kafka_sink *sink) {
    return sink->origins.runs[0]->frames;
}

/* kafka_producer.c */

/* Makes the producer that the options ask for, and the topic's handle. EX_CONFIG. */
int kafka_producer_make(struct kafka_sink *sink, const struct sink_options *options, struct error *error);

/* Ends the producer, without waiting for its records. */
void kafka_producer_end(struct kafka_sink *sink);

/* Records that librdkafka has. */
size_t kafka_count_sent(const struct kafka_sink *sink);

/* librdkafka gives back what it has not sent yet, or not heard of. */
void kafka_producer_take_back(struct kafka_sink *sink);

/* Where the producer failed: gets its records back and makes a fresh one, which takes them again. If none can be made, that is
 * tried again each second. */
void kafka_producer_replace(struct kafka_sink *sink);

/* Looks at what the broker says of the topic, now and then: its partitions. If there is no such topic, or we may not use it,
 * the log says so, and records wait. Where a run begins, the first look fails instead: -errno, as open() has it. */
int kafka_watch_topic(struct kafka_sink *sink, struct error *error);

/* The partition of a record with this key; -1: the partitions are not known yet. */
int32_t kafka_partition_of(const struct kafka_sink *sink, const char *key, size_t length);

/* There are at least so many lanes from now on. False: no memory. */
bool kafka_lanes_grow(struct kafka_sink *sink, size_t count);

/* kafka_turnover.c */

/* Looks whether there are new passwords or certificates, and brings them into use; and whether there is a token, if it needs
 * one. */
void kafka_turn_over(struct kafka_sink *sink);

/* kafka_callbacks.c */

/* Sets all callbacks in the configuration of a new producer. The sink must stay until the producer has ended. Delivery
 * reports, errors and statistics are called back in the output's thread, by rd_kafka_poll() and rd_kafka_flush(). The
 * callbacks for the log and the sockets run in librdkafka's threads, and touch nothing of the sink. */
void kafka_callbacks_set(struct rd_kafka_conf_s *conf, struct kafka_sink *sink);

/* kafka_send.c */

enum kafka_sent { KAFKA_SENT, KAFKA_NO_ROOM, KAFKA_GIVEN_UP };

/* Copies a record into memory and hands it to librdkafka, if there is room and its partition may send. KAFKA_GIVEN_UP: it
 * never can be sent; it is counted. `position`: in the spool, or 0. */
enum kafka_sent kafka_send(struct kafka_sink *sink, int32_t lane, const struct message *message,
                           struct kafka_origin *origin, uint64_t position);

/* Hands over again what librdkafka gave back, as far as each partition may send. */
void kafka_send_again(struct kafka_sink *sink);

/* Takes an entry out of memory: it is done, whatever became of it. */
void kafka_forget(struct kafka_sink *sink, struct kafka_entry *entry);

/* What the partition has in memory goes to a spool on disk too, so that a crash doesn't lose it; it is taken out there when it
 * is done. To be called while the partition FLOWS, before a record of it goes to the spool alone: behind that one they would
 * be read, and sent twice. */
void kafka_spill(struct kafka_sink *sink, struct kafka_lane *lane);

/* The partition is held from now on: a line says so, and what it has in memory is spilled. */
void kafka_hold(struct kafka_sink *sink, struct kafka_lane *lane, int reason);

/* The partition drains: its records in the spool are looked for. */
void kafka_drains(struct kafka_sink *sink, const struct kafka_lane *lane);

/* Counts a record that finds no room, or is given up for this error. Live, the first of its kind is logged at once; a run over files
 * ends with one line about them. */
void kafka_count_drop(struct kafka_sink *sink, int code);

/* Gives an entry up for this error: it becomes a dead letter, or is dropped. */
void kafka_give_up(struct kafka_sink *sink, struct kafka_entry *entry, int code);

/* kafka_failures.c: the errors that a flush or a write ends with; each gives -errno */

/* No acknowledgement in time. EX_UNAVAILABLE or EX_NOPERM. */
int kafka_unavailable(const struct kafka_sink *sink, struct error *error);
/* The broker or the producer refused records, although the broker could be reached: EX_IOERR, or 0 if there is no such record. Files
 * only. */
int kafka_not_taken(const struct kafka_sink *sink, struct error *error);
/* So many records of a spool in memory could not be framed. EX_UNAVAILABLE. */
int kafka_never_framed(const struct kafka_sink *sink, uint64_t count, struct error *error);
/* The spool's disk did not take records at the end. EX_IOERR. */
int kafka_not_saved(const struct kafka_sink *sink, struct error *error);

/* kafka_drain.c */

/* Hands over records of the spool, as many as the rate, the room and the partitions allow, and `most`. The first ones wait until
 * the spool has noted that records are sent. */
void kafka_drain(struct kafka_sink *sink, int most);

/* Holds what is silent, tries again what is held, ends connections that nobody answers, and tells the spool what is done. Cheap: looks
 * twenty times a second. */
void kafka_look_at_lanes(struct kafka_sink *sink);

/* Has the spool note at once what may have been sent: before it writes the records that a partition had in memory. */
void kafka_note_sent(struct kafka_sink *sink);

/* At the end: what is still in memory goes to the spool, where it outlives the process. librdkafka has none of it. */
void kafka_park(struct kafka_sink *sink, int64_t limit);
