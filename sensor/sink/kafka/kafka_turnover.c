/* New passwords and certificates (kafka_renewal.h): the producer in use takes them, or another takes its place. */
#include <errno.h>
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "sink/kafka/kafka_parts.h"
#include "sink/kafka/kafka_topic.h"

/* The old producer has so long for what it has. Records that come meanwhile wait in the spool. */
enum { DRAIN_MICROSECONDS = 5000000 };

static void use_conf(struct kafka_sink *sink, struct kafka_offer *offer) {
    rd_kafka_conf_destroy(sink->conf);
    sink->conf = offer->conf;
    offer->conf = NULL;
    sink->statistics.renewals++;
    sink->authentication_failed = false;
    sink->next_check = 0;
}

/* The offer's take the old ones' place, which touch no client any more. */
static void use_tokens(struct kafka_sink *sink, struct kafka_offer *offer) {
    sink->statistics.renewals_refused += kafka_tokens_failures(sink->tokens);
    kafka_tokens_end(sink->tokens, 0);
    sink->tokens = offer->tokens;
    offer->tokens = NULL;
}

/* Connections that are there stay; new ones log in by this. */
static void use_login(struct kafka_sink *sink, struct kafka_offer *offer) {
    rd_kafka_error_t *failure =
        offer->tokens ? NULL
                      : rd_kafka_sasl_set_credentials(sink->producer, offer->username, offer->password);
    if (failure) {
        log_line(LOG_ERROR, "output \"%s\": new %s: %s", sink->output, offer->changes,
                 rd_kafka_error_string(failure));
        rd_kafka_error_destroy(failure);
        return;
    }
    use_tokens(sink, offer);
    kafka_tokens_serve(sink->tokens, sink->producer);
    use_conf(sink, offer);
    log_line(LOG_INFO, "output \"%s\": new %s: in use for new connections", sink->output, offer->changes);
}

/* What the old producer still has comes back, and goes to the new one. */
static void use_producer(struct kafka_sink *sink, struct kafka_offer *offer) {
    struct error ignored;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(offer->producer, sink->topic, NULL);
    if (!handle) {
        log_line(LOG_ERROR, "output \"%s\": new %s: topic %s: %s", sink->output, offer->changes, sink->topic,
                 rd_kafka_err2str(rd_kafka_last_error()));
        return;
    }
    size_t again = kafka_count_sent(sink);
    if (again > 0)
        kafka_producer_take_back(sink);
    kafka_topic_check_end(sink->check, NULL, &ignored);
    sink->check = NULL;
    rd_kafka_topic_destroy(sink->handle);
    use_tokens(sink, offer);
    kafka_renewal_retire(sink->renewal, sink->producer);
    sink->producer = offer->producer;
    sink->handle = handle;
    sink->producer_failed = false;
    offer->producer = NULL;
    use_conf(sink, offer);
    log_line(LOG_INFO,
             "output \"%s\": new %s: in use, by connections made afresh; %zu records are sent again",
             sink->output, offer->changes, again);
}

/* Whether the old producer may still end by itself what it does. */
static bool may_finish(const struct kafka_sink *sink) {
    return !sink->producer_failed && (sink->check || kafka_count_sent(sink) > 0) &&
           clock_monotonic() < sink->offer_ends;
}

/* Why records wait, for who says so. */
static void look_at_tokens(struct kafka_sink *sink) {
    struct error lack;
    if (!kafka_tokens_lack(sink->tokens, &lack))
        return;
    sink->last_error = RD_KAFKA_RESP_ERR__AUTHENTICATION;
    snprintf(sink->statistics.last_error, sizeof sink->statistics.last_error, "%.*s",
             (int)sizeof sink->statistics.last_error - 1, lack.text);
}

void kafka_turn_over(struct kafka_sink *sink) {
    look_at_tokens(sink);
    if (!sink->offer) {
        sink->offer = kafka_renewal_take(sink->renewal);
        sink->offer_ends = clock_monotonic() + DRAIN_MICROSECONDS;
        if (sink->offer && sink->offer->producer)
            rd_kafka_flush(sink->producer, 0); /* what lingers goes now */
    }
    if (!sink->offer || (sink->offer->producer && may_finish(sink)))
        return;
    struct kafka_offer *offer = sink->offer;
    if (offer->producer)
        use_producer(sink, offer);
    else
        use_login(sink, offer);
    sink->offer = NULL;
    kafka_offer_free(offer, &sink->stay);
}
