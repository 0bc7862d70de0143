#include "sink/kafka/kafka_origins.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

static void origin_free(struct kafka_origin *origin) {
    if (!origin)
        return;
    kafka_headers_close(&origin->headers);
    free(origin->sensor_id);
    free(origin->boot_id);
    free(origin->output);
    free(origin->feature_hash);
    free(origin->framing_name);
    free(origin);
}

int kafka_origins_open(struct kafka_origins *origins, const struct spool_origin *own, uint64_t fingerprint,
                       unsigned headers, bool frames) {
    struct kafka_origin *first = calloc(1, sizeof *first);
    if (!first)
        return -ENOMEM;
    origins->headers = headers;
    origins->own = own;
    origins->runs[0] = first;
    framing_make(&first->framing, own->framing, own->schema_id, fingerprint);
    first->schema_id = own->schema_id;
    first->frames = frames;
    return kafka_headers_open(&first->headers, &own->message, headers);
}

void kafka_origins_close(struct kafka_origins *origins) {
    for (size_t i = 0; i < KAFKA_ORIGINS_MAX; i++) {
        origin_free(origins->runs[i]);
        origins->runs[i] = NULL;
    }
}

/* Others are made of the spool's records, which are read only while this run's can be framed. */
void kafka_origins_set_id(struct kafka_origins *origins, uint32_t id) {
    struct kafka_origin *own = origins->runs[0];
    own->frames = id != 0;
    if (!own->frames)
        return;
    own->schema_id = id;
    framing_make(&own->framing, origins->own->framing, id, 0);
}

static bool is_same(const struct kafka_origin *origin, const struct spool_origin *of) {
    const struct message_origin *message = &of->message;
    return origin->schema_id == of->schema_id && strcmp(origin->boot_id, message->boot_id) == 0 &&
           strcmp(origin->sensor_id, message->sensor_id) == 0 &&
           strcmp(origin->feature_hash, message->feature_hash) == 0 &&
           strcmp(origin->output, message->output) == 0 && strcmp(origin->framing_name, of->framing) == 0;
}

/* Records of the schema that is in use are framed as this run's. Others need the id that their run knew. */
static void frame(struct kafka_origin *origin, const struct kafka_origins *origins,
                  const struct spool_origin *of) {
    const struct kafka_origin *own = origins->runs[0];
    bool same_schema = strcmp(of->schema_sha256, origins->own->schema_sha256) == 0;
    bool same_framing = strcmp(of->framing, origins->own->framing) == 0;
    if (same_schema && same_framing) {
        origin->framing = own->framing;
        origin->frames = own->frames;
    } else if (strcmp(of->framing, "confluent") == 0 && of->schema_id != 0) {
        framing_make(&origin->framing, of->framing, of->schema_id, 0);
        origin->frames = true;
    } else {
        origin->frames = strcmp(of->framing, "none") == 0;
    }
}

static struct kafka_origin *origin_make(const struct kafka_origins *origins, const struct spool_origin *of) {
    struct kafka_origin *made = calloc(1, sizeof *made);
    if (!made)
        return NULL;
    made->sensor_id = strdup(of->message.sensor_id);
    made->boot_id = strdup(of->message.boot_id);
    made->output = strdup(of->message.output);
    made->feature_hash = strdup(of->message.feature_hash);
    made->framing_name = strdup(of->framing);
    made->schema_id = of->schema_id;
    frame(made, origins, of);
    struct message_origin copy = {made->sensor_id, made->boot_id, made->output, made->feature_hash, false};
    if (made->sensor_id && made->boot_id && made->output && made->feature_hash && made->framing_name &&
        kafka_headers_open(&made->headers, &copy, origins->headers) == 0) {
        log_line(LOG_INFO, "output \"%s\": records of an earlier run (boot_id %s) that waited are sent now",
                 made->output, made->boot_id);
        return made;
    }
    origin_free(made);
    return NULL;
}

struct kafka_origin *kafka_origins_find(struct kafka_origins *origins, const struct spool_origin *of,
                                        bool own) {
    if (own)
        return origins->runs[0];
    size_t place = 0;
    for (size_t i = 1; i < KAFKA_ORIGINS_MAX; i++) {
        struct kafka_origin *run = origins->runs[i];
        if (run && is_same(run, of))
            return run;
        if (!run || run->entries == 0)
            place = i;
    }
    if (place == 0)
        return NULL;
    origin_free(origins->runs[place]);
    return origins->runs[place] = origin_make(origins, of);
}
