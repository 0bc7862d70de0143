/* Which runs made a Kafka output's records: this one, and those whose records the spool still has. Each has headers and a
 * framing of its own. Belongs to the output's thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "sink/framing.h"
#include "sink/kafka/kafka_headers.h"
#include "sink/spool/spool.h"

enum { KAFKA_ORIGINS_MAX = 4 };

struct kafka_origin {
    char *sensor_id, *boot_id, *output, *feature_hash,
        *framing_name; /* copies; NULL: the caller's, of this run */
    uint32_t schema_id;
    struct kafka_headers headers;
    struct framing framing;
    bool frames;    /* its records can be framed; false: the id of their schema is not known */
    size_t entries; /* in memory */
};

struct kafka_origins {
    unsigned headers;                             /* a set of enum kafka_header */
    const struct spool_origin *own;               /* borrowed */
    struct kafka_origin *runs[KAFKA_ORIGINS_MAX]; /* [0]: this run */
};

/* -ENOMEM. `frames`: whether the schema's id of this run is known, where the framing has it. */
int kafka_origins_open(struct kafka_origins *origins, const struct spool_origin *own, uint64_t fingerprint,
                       unsigned headers, bool frames);
void kafka_origins_close(struct kafka_origins *origins);

/* The schema's id of this run is known from now on, or with 0 no longer. */
void kafka_origins_set_id(struct kafka_origins *origins, uint32_t id);

/* The run that made a record of the spool. NULL: no memory, or records of too many runs are in memory; try again later. */
struct kafka_origin *kafka_origins_find(struct kafka_origins *origins, const struct spool_origin *of,
                                        bool own);
