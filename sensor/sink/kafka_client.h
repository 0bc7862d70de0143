/* What all clients of Kafka here have in common: an output's properties, and the lines for what a broker says. Private to
 * sink/kafka*.c; of sink_options output, topic, kafka, kafka_count and delivery_limit count, which are borrowed.
 *
 * A kafka_client reads and asks, where the sink itself writes. It belongs to one thread and is used for one short task:
 * nothing of it waits beyond delivery_limit from kafka_client_open() on. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "sink/sink.h"

struct rd_kafka_conf_s;
struct rd_kafka_s;

/* The output's properties over ours, to be given to librdkafka or destroyed. EX_CONFIG with one line: an unknown
 * property, a wrong value, no broker. */
int kafka_configure(const struct sink_options *options, struct rd_kafka_conf_s **conf, struct error *error);

/* What is known to go wrong with this librdkafka and these properties is told before anyone doubts the password. */
void kafka_warn(const struct sink_options *options);

/* The login was refused, in the broker's words. EX_NOPERM. */
int kafka_refused_login(const char *output, const char *reason, struct error *error);

/* What a broker's word on a topic means (rd_kafka_resp_err_t): missing, no name of a topic, forbidden. 0: nothing of these. */
int kafka_topic_error(const char *output, const char *topic, int code, struct error *error);

struct kafka_client {
    const struct sink_options *options;
    struct rd_kafka_s *handle;
    int64_t deadline; /* monotonic clock */
    int last_code;
    char last_error[256];
    bool authentication_failed;
};

/* Creates no topic, whatever the broker does with unknown ones. Close it also after a failure. */
int kafka_client_open(struct kafka_client *client, const struct sink_options *options, struct error *error);
void kafka_client_close(struct kafka_client *client);

/* Whether there is time left and the login was not refused; serves the client's callbacks. */
bool kafka_client_may_wait(struct kafka_client *client);
/* Milliseconds left, at least 1 and at most `most`: how long one call may take. */
int kafka_client_milliseconds(const struct kafka_client *client, int most);

/* Nobody answered in time, or the login was refused. EX_UNAVAILABLE or EX_NOPERM. */
int kafka_client_gave_up(const struct kafka_client *client, struct error *error);
