#include "sink/kafka/client/kafka_renewal.h"

#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "sink/kafka/client/kafka_end.h"
#include "sink/kafka/client/kafka_probe.h"
#include "sink/kafka/client/kafka_properties.h"
#include "sink/kafka/client/kafka_secrets.h"
#include "sink/kafka/client/kafka_side.h"
#include "sink/kafka/client/kafka_tokens.h"

enum {
    LOOK_MICROSECONDS = 1000000,
    PROBE_MICROSECONDS = 5000000,
    SHORTEST_PAUSE = 10000000, /* between two trials of what was not taken */
    LONGEST_PAUSE = 300000000,
    END_MICROSECONDS = 400000, /* a probe ends in 0.2 s */
};

struct kafka_renewal {
    struct kafka_secrets *secrets;
    kafka_complete_conf *complete;
    void *context;
    struct kafka_side side;
    struct kafka_stay *stay;
    _Atomic(struct kafka_offer *) offer;
    _Atomic(rd_kafka_t *) retired;
    _Atomic uint64_t refused;
    _Atomic int64_t not_after[SINK_CERTIFICATE_COUNT];
    /* The thread's own. */
    struct kafka_reading *used, *seen, *tried; /* in use, of the last look, not taken */
    char failure[ERROR_TEXT_SIZE];             /* of the last look: why there was no reading */
    bool said;                                 /* of what was not taken, or of the failure */
    int64_t next_try, pause;
};

static void note_use(struct kafka_renewal *renewal, struct kafka_reading *reading) {
    kafka_reading_free(renewal->used);
    kafka_reading_forget(reading);
    renewal->used = reading;
    for (int i = 0; i < SINK_CERTIFICATE_COUNT; i++)
        atomic_store(&renewal->not_after[i], reading->not_after[i]);
}

/* Says once why something is not taken. */
static void refuse(struct kafka_renewal *renewal, const char *reason) {
    if (renewal->said)
        return;
    renewal->said = true;
    atomic_fetch_add(&renewal->refused, 1);
    log_line(LOG_ERROR, "%s; what was in use before stays in use", reason);
}

/* The options with the values of a reading. */
static struct sink_options options_of(const struct kafka_renewal *renewal,
                                      const struct kafka_reading *reading) {
    struct sink_options options = renewal->secrets->options;
    options.kafka = (const char *const *)reading->properties;
    options.delivery_limit = PROBE_MICROSECONDS;
    return options;
}

void kafka_offer_free(struct kafka_offer *offer, struct kafka_stay *stay) {
    if (!offer)
        return;
    kafka_tokens_end(offer->tokens, 0);
    if (offer->producer)
        kafka_end(offer->producer, stay);
    if (offer->conf)
        rd_kafka_conf_destroy(offer->conf);
    secret_free(offer->username);
    secret_free(offer->password);
    free(offer);
}

static int fill_login(struct kafka_offer *offer, const struct kafka_reading *reading, struct error *error) {
    const char *username = kafka_reading_value(reading, "sasl.username");
    const char *password = kafka_reading_value(reading, "sasl.password");
    offer->username = strdup(username ? username : "");
    offer->password = strdup(password ? password : "");
    return offer->username && offer->password ? 0 : error_set(error, ENOMEM, EX_OSERR, "out of memory");
}

static int fill_producer(struct kafka_offer *offer, const struct sink_options *options, struct error *error) {
    char reason[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_dup(offer->conf);
    offer->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    if (offer->producer) {
        kafka_tokens_serve(offer->tokens, offer->producer);
        return 0;
    }
    rd_kafka_conf_destroy(conf);
    return error_set(error, EINVAL, EX_CONFIG, "output \"%s\": kafka: %s", options->output, reason);
}

static int make_offer(struct kafka_renewal *renewal, const struct kafka_reading *reading,
                      struct error *error) {
    const struct sink_options options = options_of(renewal, reading);
    struct kafka_offer *offer = calloc(1, sizeof *offer);
    if (!offer)
        return error_set(error, ENOMEM, EX_OSERR, "out of memory");
    kafka_reading_changes(renewal->used, reading, offer->changes, sizeof offer->changes);
    int result = kafka_properties_make(&options, &offer->conf, error);
    if (result == 0) {
        renewal->complete(offer->conf, renewal->context);
        result = kafka_tokens_make(&options, &offer->tokens, error);
    }
    if (result == 0)
        result = kafka_reading_changes_login_only(renewal->used, reading)
                     ? fill_login(offer, reading, error)
                     : fill_producer(offer, &options, error);
    if (result < 0)
        kafka_offer_free(offer, renewal->stay);
    else
        atomic_store(&renewal->offer, offer);
    return result;
}

static enum kafka_probed try_reading(struct kafka_renewal *renewal, const struct kafka_reading *reading,
                                     struct error *error) {
    const struct sink_options options = options_of(renewal, reading);
    if (kafka_reading_check(renewal->secrets, reading, time(NULL), error) < 0)
        return KAFKA_BAD;
    enum kafka_probed result = kafka_probe(&options, &renewal->side.stop, error);
    if (result == KAFKA_GOOD && make_offer(renewal, reading, error) < 0)
        return KAFKA_BAD;
    return result;
}

/* What isn't taken may be later: the broker hears of a new password after the sensor, or is away. */
static void try_it(struct kafka_renewal *renewal, struct kafka_reading *reading) {
    struct error error = {0};
    bool again = kafka_reading_equals(renewal->tried, reading);
    if (!again) {
        kafka_reading_free(renewal->tried);
        renewal->tried = reading;
        renewal->said = false;
        renewal->pause = SHORTEST_PAUSE;
    }
    enum kafka_probed result = try_reading(renewal, reading, &error);
    if (again)
        kafka_reading_free(reading);
    kafka_reading_forget(renewal->tried);
    if (result == KAFKA_GOOD) {
        note_use(renewal, renewal->tried);
        renewal->tried = NULL;
        return;
    }
    if (result == KAFKA_BAD)
        refuse(renewal, error.text);
    else if (!again && !atomic_load(&renewal->side.stop))
        log_line(LOG_INFO,
                 "output \"%s\": new passwords or certificates wait until a broker can be asked: %s",
                 renewal->secrets->options.output, error.text);
    renewal->next_try = clock_monotonic() + renewal->pause;
    renewal->pause = renewal->pause * 2 < LONGEST_PAUSE ? renewal->pause * 2 : LONGEST_PAUSE;
}

/* Two looks that fail alike: no file was just being replaced. */
static void note_failure(struct kafka_renewal *renewal, const char *text) {
    kafka_reading_free(renewal->seen);
    renewal->seen = NULL;
    if (strcmp(renewal->failure, text) == 0) {
        refuse(renewal, text);
        return;
    }
    renewal->said = false;
    snprintf(renewal->failure, sizeof renewal->failure, "%s", text);
}

/* Takes the reading. */
static void judge(struct kafka_renewal *renewal, struct kafka_reading *reading) {
    bool stable = kafka_reading_equals(renewal->seen, reading);
    bool waits = kafka_reading_equals(renewal->tried, reading) && clock_monotonic() < renewal->next_try;
    renewal->failure[0] = '\0';
    if (!stable) {
        kafka_reading_free(renewal->seen);
        kafka_reading_forget(reading);
        renewal->seen = reading;
        return;
    }
    bool is_used = kafka_reading_equals(renewal->used, reading);
    if (is_used) { /* what was tried meanwhile is forgotten */
        kafka_reading_free(renewal->tried);
        renewal->tried = NULL;
    }
    if (waits || is_used)
        kafka_reading_free(reading);
    else
        try_it(renewal, reading);
}

static void look_once(struct kafka_renewal *renewal) {
    struct error error = {0};
    struct kafka_reading *reading = NULL;
    rd_kafka_t *retired = atomic_exchange(&renewal->retired, NULL);
    if (retired)
        kafka_end(retired, renewal->stay);
    if (atomic_load(&renewal->offer)) /* it was not taken yet */
        return;
    if (kafka_secrets_read(renewal->secrets, &reading, &error) < 0)
        note_failure(renewal, error.text);
    else
        judge(renewal, reading);
}

static void renewal_free(struct kafka_renewal *renewal) {
    rd_kafka_t *retired = atomic_exchange(&renewal->retired, NULL);
    if (retired)
        kafka_end(retired, renewal->stay);
    kafka_offer_free(atomic_exchange(&renewal->offer, NULL), renewal->stay);
    kafka_reading_free(renewal->used);
    kafka_reading_free(renewal->seen);
    kafka_reading_free(renewal->tried);
    kafka_secrets_free(renewal->secrets);
    kafka_stay_leave(renewal->stay);
    free(renewal);
}

static void *renewal_run(void *context) {
    struct kafka_renewal *renewal = context;
    while (!atomic_load(&renewal->side.stop)) {
        look_once(renewal);
        kafka_side_sleep(&renewal->side, clock_monotonic() + LOOK_MICROSECONDS);
    }
    if (kafka_side_is_left(&renewal->side))
        renewal_free(renewal);
    return NULL;
}

int kafka_renewal_make(const struct sink_options *options, kafka_complete_conf *complete, void *context,
                       struct kafka_stay *stay, struct kafka_renewal **made, struct error *error) {
    bool failed;
    struct error ignored;
    struct kafka_reading *reading = NULL;
    struct kafka_secrets *secrets = kafka_secrets_of(options, &failed);
    struct kafka_renewal *renewal = secrets ? calloc(1, sizeof *renewal) : NULL;
    *made = NULL;
    if (!renewal) {
        kafka_secrets_free(secrets);
        return failed || secrets ? error_set(error, ENOMEM, EX_OSERR, "out of memory") : 0;
    }
    renewal->secrets = secrets;
    renewal->complete = complete;
    renewal->context = context;
    renewal->stay = stay;
    kafka_stay_hold(stay);
    /* Where that fails librdkafka says why, or nothing is watched: it knows ways to have no file. */
    if (kafka_secrets_read(secrets, &reading, &ignored) < 0) {
        renewal_free(renewal);
        return 0;
    }
    note_use(renewal, reading);
    *made = renewal;
    return 0;
}

int kafka_renewal_start(struct kafka_renewal *renewal, struct error *error) {
    if (!renewal)
        return 0;
    int result = kafka_side_start(&renewal->side, "credentials", renewal_run, renewal);
    return result < 0 ? error_set(error, -result, EX_OSERR, "output \"%s\": no thread: %s",
                                  renewal->secrets->options.output, strerror(-result))
                      : 0;
}

void kafka_renewal_end(struct kafka_renewal *renewal) {
    if (renewal && kafka_side_end(&renewal->side, END_MICROSECONDS))
        renewal_free(renewal);
}

struct kafka_offer *kafka_renewal_take(struct kafka_renewal *renewal) {
    return renewal && atomic_load_explicit(&renewal->offer, memory_order_relaxed)
               ? atomic_exchange(&renewal->offer, NULL)
               : NULL;
}

void kafka_renewal_retire(struct kafka_renewal *renewal, rd_kafka_t *producer) {
    rd_kafka_t *earlier = atomic_exchange(&renewal->retired, producer);
    if (earlier)
        kafka_end(earlier, renewal->stay);
}

void kafka_renewal_statistics(const struct kafka_renewal *renewal, struct sink_statistics *statistics) {
    if (!renewal)
        return;
    statistics->renewals_refused += atomic_load_explicit(&renewal->refused, memory_order_relaxed);
    for (int i = 0; i < SINK_CERTIFICATE_COUNT; i++)
        statistics->not_after[i] = atomic_load_explicit(&renewal->not_after[i], memory_order_relaxed);
}
