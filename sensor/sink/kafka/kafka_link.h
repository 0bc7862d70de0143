/* Whether a Kafka output's records flow, for people: one log line when they begin to wait, one when they flow again. If a
 * broker comes and goes, the log says once a minute at most that it is away.
 *
 * Belongs to the output's thread. Times are microseconds of the monotonic clock. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct kafka_link {
    const char *output, *topic; /* for the lines; borrowed */
    int64_t patience;           /* a record may be on its way for so long */
    int64_t lost;               /* since when no broker is connected; 0: one is, or nothing is known yet */
    int64_t oldest, moved;      /* when the oldest record was handed over, and since when nothing has moved */
    uint64_t acknowledged;      /* at the last look */
    uint64_t waited;            /* records that waited at the last look that found them waiting */
    int64_t waiting;            /* since when records wait; 0: they flow */
    int64_t flowing;            /* since when they flow again; 0: they never waited */
    int64_t quiet;              /* until then no line says again that they wait */
    bool said;                  /* that they wait */
};

/* `linger`: how long the producer itself keeps a record. */
void kafka_link_init(struct kafka_link *link, const char *output, const char *topic, int64_t linger);

/* librdkafka says that no broker is connected, or that one is. */
void kafka_link_lost(struct kafka_link *link, int64_t now);
void kafka_link_connected(struct kafka_link *link);

/* What there is to see: as in struct sink_statistics; `waiting`: in flight or in the spool; `reason`: the last error in
 * librdkafka's words, may be "". */
struct kafka_sight {
    int64_t now, oldest_age;
    uint64_t waiting, acknowledged;
    const char *reason;
};

/* To be called now and then: logs what changed. */
void kafka_link_look(struct kafka_link *link, const struct kafka_sight *sight);
