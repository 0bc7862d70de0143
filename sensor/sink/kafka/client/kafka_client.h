/* What all clients of Kafka here have in common, besides an output's properties: the error lines for what a broker answers,
 * and a client that only reads and asks. Private to sink/kafka*.c.
 *
 * A kafka_client belongs to one thread and is used for one short task: from kafka_client_open() on, no call waits longer
 * than delivery_limit. Of struct sink_options it borrows and uses output, topic, kafka, kafka_count and delivery_limit. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "sink/sink.h"

struct kafka_tokens;
struct rd_kafka_s;
struct rd_kafka_conf_s;
struct rd_kafka_topic_s;
struct rd_kafka_metadata;

/* Its sockets are known as the sensor's own, if any are (base/own_sockets.h).
 * @thread any: nothing is shared */
void kafka_use_own_sockets(struct rd_kafka_conf_s *conf);

/* The login was refused, in the broker's words; `by_token`: by OAUTHBEARER. EX_NOPERM.
 * @thread any: nothing is shared */
int kafka_refused_login(const char *output, const char *reason, bool by_token, struct error *error);

/* The error for a broker's answer about a topic (rd_kafka_resp_err_t): it is missing or forbidden, or its name is not
 * valid. 0: none of these.
 * @thread any: nothing is shared */
int kafka_topic_error(const char *output, const char *topic, int code, struct error *error);

/* Asks once for a topic's metadata. It waits for *patience milliseconds (KAFKA_PATIENCE at first), at most for `most`: tries are
 * short, so that they can be ended. *patience grows where a broker is connected and takes longer to answer: a far one, or a busy
 * one. Gives rd_kafka_resp_err_t; *metadata is the caller's to destroy.
 * @thread any: nothing is shared */
enum { KAFKA_PATIENCE = 100, KAFKA_PATIENCE_MAX = 800 };
int kafka_ask_for_topic(struct rd_kafka_s *handle, struct rd_kafka_topic_s *topic, int *patience, int most,
                        const struct rd_kafka_metadata **metadata);

struct kafka_client {
    const struct sink_options *options;
    struct rd_kafka_s *handle;
    struct kafka_tokens *tokens; /* NULL: it needs none */
    int64_t deadline;            /* monotonic clock */
    int last_code;
    char last_error[256];
    bool authentication_failed;
};

/* Creates no topic, even if the broker creates unknown ones by itself. Close it also after a failure. */
int kafka_client_open(struct kafka_client *client, const struct sink_options *options, struct error *error);
void kafka_client_close(struct kafka_client *client);

/* Whether there is time left and neither a broker nor a token server has refused; serves the client's callbacks. */
bool kafka_client_may_wait(struct kafka_client *client);
/* Milliseconds left, at least 1 and at most `most`: how long one call may take. */
int kafka_client_milliseconds(const struct kafka_client *client, int most);

/* Nobody answered in time, or the login was refused. EX_UNAVAILABLE or EX_NOPERM. */
int kafka_client_gave_up(const struct kafka_client *client, struct error *error);
