/* Messages and options of a sink, as an output would hand them over. */
#pragma once

#include <stdint.h>
#include <string.h>

#include "sink/sink.h"

static const struct message_origin example_origin = {"sensor-1", "boot-1", "flows",
                                                     "0123456789abcdef0123456789abcdef", false};

static inline struct message example_message(const void *body, size_t length, uint64_t seq) {
    return (struct message){
        .body = body,
        .body_length = length,
        .key = "000102030405060708090a0b0c0d0e0f",
        .key_length = 32,
        .seq = seq,
        .record_kind = "final",
        .anon_key_id = "0123456789abcdef",
        .origin = &example_origin,
    };
}

/* Records that went somewhere, which must be those that were handed over. */
static inline uint64_t accounted(const struct sink_statistics *statistics) {
    uint64_t records = statistics->acknowledged + statistics->in_flight + statistics->spooled +
                       statistics->dead_lettered - statistics->found;
    for (int i = 0; i < SINK_DROP_COUNT; i++)
        records += statistics->dropped[i];
    return records;
}
