/* What a sink gets: an encoded record and what goes beside it. Everything is borrowed for the call. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Constant per output: what headers of its Kafka messages may say. */
struct message_origin {
    const char *sensor_id;
    const char *boot_id;
    const char *output;
    const char
        *feature_hash; /* the start's: timeouts that SIGHUP changes are not in it (app/run/retiming.h) */
    bool verify;       /* made up by `flowsensor verify`; only then is it a header */
};

struct message {
    const uint8_t
        *body; /* one record: Avro binary without any prefix, or one line of CSV or JSON with its line end */
    size_t body_length;
    const char *
        key; /* what outputs.key says; of a record of the sensor itself its sensor_id, of a protocol "VERSION:ID". Without a NUL */
    size_t key_length;
    uint64_t seq;
    const char *
        record_kind; /* "final", "early", "update"; of a record of the sensor itself "report", of nDPI's "protocol" */
    const struct message_origin *origin;
    char anon_key_id[17]; /* which key its pseudonyms were made with; "": none. A copy, since keys change */
};
