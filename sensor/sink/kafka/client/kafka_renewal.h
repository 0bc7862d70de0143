/* New passwords, keys and certificates of a Kafka output, while it runs. Private to sink/kafka*.c.
 *
 * A thread of its own reads the files again and again, by path, so that a symbolic link that was moved (Kubernetes) is seen
 * too, and a disk that hangs holds nobody up. What two readings have alike, and differs from what is in use, is tried on a
 * broker. If that takes it, the thread makes an offer; if it is wrong, one line says why, it is counted, and what is in use stays.
 * While no broker answers nothing is decided. What was not taken is tried again, less and less often.
 *
 * Calls are for the output's thread, and none waits for a disk or a broker. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "sink/sink.h"

struct kafka_renewal;
struct kafka_stay;
struct rd_kafka_s;
struct rd_kafka_conf_s;

/* What the output is to use from now on; owned by who took it. */
struct kafka_offer {
    struct rd_kafka_conf_s *conf; /* for later producers */
    struct rd_kafka_s *producer;  /* NULL: the one in use takes the next two */
    char *username, *password;    /* where there is no producer */
    struct kafka_tokens *tokens;  /* of OAUTHBEARER, else NULL: for that producer, or for the one in use */
    char changes[256];            /* "sasl.password" */
};

/* Sets what only the sink can in the configuration of a producer. */
typedef void kafka_complete_conf(struct rd_kafka_conf_s *conf, void *context);

/* Reads what is in use: to be called before librdkafka does. *renewal is NULL if nothing comes from files. `stay`: what
 * `complete` and its context need, for as long as the thread has producers. EX_OSERR. */
int kafka_renewal_make(const struct sink_options *options, kafka_complete_conf *complete, void *context,
                       struct kafka_stay *stay, struct kafka_renewal **renewal, struct error *error);
/* Starts the thread. NULL is fine here and below. EX_OSERR. */
int kafka_renewal_start(struct kafka_renewal *renewal, struct error *error);
/* If a disk or librdkafka holds the thread up, it goes on for longer. */
void kafka_renewal_end(struct kafka_renewal *renewal);

/* The next offer, or NULL. */
struct kafka_offer *kafka_renewal_take(struct kafka_renewal *renewal);
/* With what is still in it. */
void kafka_offer_free(struct kafka_offer *offer, struct kafka_stay *stay);

/* The thread ends this producer, which has no more records. */
void kafka_renewal_retire(struct kafka_renewal *renewal, struct rd_kafka_s *producer);

/* Fills in not_after, and adds to renewals_refused. */
void kafka_renewal_statistics(const struct kafka_renewal *renewal, struct sink_statistics *statistics);
