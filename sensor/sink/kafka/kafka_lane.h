/* A Kafka output's records in memory, by partition, and what each partition is ready for.
 *
 * A partition FLOWS: its records go straight to librdkafka. It is HELD when it acknowledges nothing for a while or refuses
 * records for a reason that may pass: from then on its records go to the spool. It DRAINS when it takes records again: what
 * is in memory goes first, then what the spool has, in order, and new records queue up behind them, until none is left.
 *
 * Each record in memory is one entry, from its hand-over until it is acknowledged or given up, also while librdkafka has
 * given it back. The lists keep the order of the hand-over, so nothing overtakes. Only lists and states are here: kafka_send.c
 * talks to librdkafka. Belongs to the output's thread. Times are microseconds of the monotonic clock. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record/message.h"

struct kafka_origin;

struct kafka_entry {
    struct kafka_entry *next, *previous;
    struct kafka_origin *origin; /* which run made it */
    uint64_t position;           /* in the spool; 0: it is not there */
    uint64_t seq;
    int64_t handed_over;
    uint64_t order; /* in its lane */
    int32_t lane;
    bool sent;            /* librdkafka has it */
    bool maybe_there;     /* it was sent before, and may have arrived then */
    char record_kind[16]; /* as in struct message */
    char anon_key_id[17];
    uint32_t value_length, key_length;
    unsigned char bytes[]; /* the value with its framing, then the key */
};

enum kafka_lane_state { KAFKA_FLOWS, KAFKA_DRAINS, KAFKA_HELD };

struct kafka_lane {
    struct kafka_entry *first, *last; /* in the order of their hand-over */
    struct kafka_entry *unsent;       /* the first that librdkafka doesn't have */
    uint64_t order;                   /* of the next entry */
    size_t count, sent;               /* entries, and those that librdkafka has */
    uint64_t bytes;                   /* of all */
    uint64_t next;    /* from here on the spool may have records that are not in memory; not while it FLOWS */
    uint64_t done;    /* an earlier run got all below this position through */
    size_t most;      /* that may be sent at a time, since a batch was refused; 0: no limit */
    size_t well;      /* acknowledged since that changed */
    int64_t progress; /* last acknowledgement, or when the first entry was sent */
    int64_t held;     /* since when it is HELD */
    int64_t retry;    /* HELD for an error: when to send one record again */
    int64_t pause;    /* before the next retry */
    int reason;       /* rd_kafka_resp_err_t; 0: it is silent */
    enum kafka_lane_state state;
    bool said;    /* the log says that it is held */
    bool probing; /* one record is under way that decides */
};

/* An entry with a copy of the record, framed. NULL: no memory. It is in no lane yet.
 * `prefix`: the framing. */
struct kafka_entry *kafka_entry_make(const struct message *message, const void *prefix, size_t prefix_length);
static inline size_t kafka_entry_size(const struct kafka_entry *entry) {
    return (size_t)entry->value_length + entry->key_length;
}

void kafka_lane_add(struct kafka_lane *lane, struct kafka_entry *entry);
/* Takes it out; the caller frees it. */
void kafka_lane_remove(struct kafka_lane *lane, struct kafka_entry *entry);

/* The entry is librdkafka's, or no longer. */
void kafka_lane_sent(struct kafka_lane *lane, struct kafka_entry *entry, int64_t now);
void kafka_lane_came_back(struct kafka_lane *lane, struct kafka_entry *entry);

/* A record was acknowledged: what was silent or on probation drains. True: it was HELD or on probation until now. */
bool kafka_lane_acknowledged(struct kafka_lane *lane, int64_t now);

/* HELD from now on; `reason`: why it refuses records, 0: it is silent. If it is HELD already, the retry waits longer. `end`:
 * the position of the spool's next record. */
void kafka_lane_hold(struct kafka_lane *lane, int reason, uint64_t end, int64_t now);

/* Whether it has been silent for `limit`. */
bool kafka_lane_is_silent(const struct kafka_lane *lane, int64_t limit, int64_t now);

/* HELD for an error, and it is time to send one record again: it DRAINS, on probation. True: that has just begun. */
bool kafka_lane_retry(struct kafka_lane *lane, int64_t now);

/* Whether one more record may be sent now. */
bool kafka_lane_may_send(const struct kafka_lane *lane);

/* A batch of it was refused: later ones have at most half as many records as are under way now, until enough of them got
 * through. False: it was a single record. To be called before kafka_lane_came_back() and kafka_lane_hold(). */
bool kafka_lane_halve(struct kafka_lane *lane);

/* A record of it went to the spool, at this position. */
void kafka_lane_queue(struct kafka_lane *lane, uint64_t position);

/* Whether librdkafka has all that is in memory of a partition that drains. If nothing of it is left in the spool either, it
 * FLOWS again. */
bool kafka_lane_can_flow(const struct kafka_lane *lane);
void kafka_lane_flow(struct kafka_lane *lane);

/* The lowest position of a record that is not done. `end` as above. */
uint64_t kafka_lane_low(const struct kafka_lane *lane, uint64_t end);
