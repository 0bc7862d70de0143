/* What a Kafka output has from files: values that the configuration writes as ${file:PATH}, and the certificates and keys
 * that librdkafka opens itself. A reading is what they are at one time. Private to sink/kafka*.c.
 *
 * Nothing here is shared: the caller's thread. Reading waits for the disk. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "sink/sink.h"

/* Copies of what is needed of the options, so that a thread that a disk holds up may outlive the output. */
struct kafka_secrets {
    struct sink_options
        options; /* output, topic, kafka (of what is written: NULL), kafka_written, kafka_count, expand, wait_when_full */
};

struct kafka_digest {
    unsigned char bytes[32];
};

struct kafka_reading {
    size_t count;
    char **properties;                         /* of the output, all: "name=value"; NULL: forgotten */
    struct kafka_digest *digests;              /* of each: its text, and what is in the file that it names */
    int64_t not_after[SINK_CERTIFICATE_COUNT]; /* as in struct sink_statistics */
};

/* NULL: nothing comes from files, or no memory (*failed). */
struct kafka_secrets *kafka_secrets_of(const struct sink_options *options, bool *failed);
void kafka_secrets_free(struct kafka_secrets *secrets);

/* EX_CONFIG: the property names a pipe as the file that librdkafka opens itself. It would wait for a writer for ever. */
int kafka_secrets_check_file(const char *output, const char *property, struct error *error);

/* EX_CONFIG: a file can't be read, is empty, or is no regular one. NULL in *reading then. */
int kafka_secrets_read(const struct kafka_secrets *secrets, struct kafka_reading **reading,
                       struct error *error);
/* Wipes the properties: what stays can be compared. NULL is fine, here and below. */
void kafka_reading_forget(struct kafka_reading *reading);
void kafka_reading_free(struct kafka_reading *reading);

/* EX_CONFIG: a certificate has expired at that Unix time. */
int kafka_reading_check(const struct kafka_secrets *secrets, const struct kafka_reading *reading, int64_t now,
                        struct error *error);

/* NULL: equal to nothing. */
bool kafka_reading_equals(const struct kafka_reading *one, const struct kafka_reading *other);

/* The properties that differ, for people; `other` has its own, here and below: "sasl.password, ssl.key.location". */
void kafka_reading_changes(const struct kafka_reading *one, const struct kafka_reading *other, char *names,
                           size_t size);

/* Whether only the name and password of PLAIN or SCRAM differ, or what tokens are got by, which a client takes while it runs. */
bool kafka_reading_changes_login_only(const struct kafka_reading *one, const struct kafka_reading *other);

/* A property's value, the last one given; NULL: it is not given. */
const char *kafka_reading_value(const struct kafka_reading *reading, const char *name);
