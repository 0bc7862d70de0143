#include "sink/kafka/client/kafka_tokens.h"

#include <errno.h>
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "record/login/jwt.h"
#include "record/login/oauth.h"
#include "record/login/secret_line.h"
#include "sink/kafka/client/kafka_oauth.h"
#include "sink/kafka/client/kafka_side.h"

enum { CLIENTS_MAX = 4, ANSWER_MAX = 65536 };

static const int64_t SECOND = 1000000, LOOK = 1000000, REQUEST_LIMIT = 10000000, SHORTEST_PAUSE = 1000000,
                     LONGEST_PAUSE = 60000000, REFUSED_PAUSE = 10000000, DEFAULT_LIFETIME = 300000000,
                     LONGEST_LIFETIME = 365 * INT64_C(86400000000);

static const char file_option[] = "sasl.oauthbearer.token.file";

struct token {
    char *text;   /* NULL: none */
    int64_t ends; /* monotonic clock, as all times here */
    char subject[256];
};

struct kafka_tokens {
    struct kafka_side side;
    char *output, *extensions;
    const char *extension_texts[2 * KAFKA_EXTENSIONS_MAX];
    size_t extension_count; /* of texts */
    struct kafka_oauth own; /* copies */
    struct oauth_options request;
    struct oauth *server; /* NULL: a file is looked at */
    _Atomic uint64_t failures;
    atomic_bool refused;
    /* The thread's own. */
    int64_t next, pause, refused_pause, got;
    int said,
        said_exit; /* -errno and exit code of the failure that was said last; 0: none since the last token */
    /* Under the lock. */
    pthread_mutex_t lock;
    struct token token;
    struct error failure; /* why there is no newer one */
    rd_kafka_t *clients[CLIENTS_MAX];
};

static bool must_stop(void *context) {
    return atomic_load(&((struct kafka_tokens *)context)->side.stop);
}

static void tokens_free(struct kafka_tokens *tokens) {
    const struct kafka_oauth *own = &tokens->own;
    oauth_close(tokens->server);
    secret_free(tokens->token.text);
    secret_free((char *)own->secret);
    free((char *)own->url);
    free((char *)own->client_id);
    free((char *)own->scope);
    free((char *)own->ca_file);
    free((char *)own->file);
    free(tokens->extensions);
    free(tokens->output);
    pthread_mutex_destroy(&tokens->lock);
    free(tokens);
}

/* Under the lock. Of the wall clock librdkafka asks only that the end lies ahead. */
static int hand_over(struct kafka_tokens *tokens, rd_kafka_t *client, struct error *error) {
    char reason[256] = "";
    const struct token *token = &tokens->token;
    int64_t left = token->ends - clock_monotonic();
    int64_t end_ms = (int64_t)time(NULL) * 1000 + (left > SECOND ? left : 2 * SECOND) / 1000;
    rd_kafka_resp_err_t code =
        rd_kafka_oauthbearer_set_token(client, token->text, end_ms, token->subject, tokens->extension_texts,
                                       tokens->extension_count, reason, sizeof reason);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR
               ? 0
               : error_set(error, EINVAL, EX_UNAVAILABLE, "librdkafka takes no token: %s", reason);
}

/* Says once why there is no new token. */
static void note_failure(struct kafka_tokens *tokens, int result, const struct error *error) {
    pthread_mutex_lock(&tokens->lock);
    int64_t left = tokens->token.text ? tokens->token.ends - clock_monotonic() : 0;
    tokens->failure = *error;
    pthread_mutex_unlock(&tokens->lock);
    if ((result == tokens->said && error->exit_code == tokens->said_exit) || must_stop(tokens))
        return;
    tokens->said = result;
    tokens->said_exit = error->exit_code;
    atomic_fetch_add(&tokens->failures, 1);
    if (left > 0)
        log_line(LOG_WARNING, "output \"%s\": kafka: %s; the token in use is good for %" PRId64 " s",
                 tokens->output, error->text, left / SECOND);
    else
        log_line(LOG_WARNING, "output \"%s\": kafka: %s; records wait until there is a token", tokens->output,
                 error->text);
}

/* From now on it is the token; takes the text. */
static int use_token(struct kafka_tokens *tokens, struct token *fresh, struct error *error) {
    int result = 0;
    int64_t left = fresh->ends - clock_monotonic();
    pthread_mutex_lock(&tokens->lock);
    secret_free(tokens->token.text);
    tokens->token = *fresh;
    tokens->failure.text[0] = '\0';
    for (int i = 0; i < CLIENTS_MAX && result == 0; i++)
        if (tokens->clients[i])
            result = hand_over(tokens, tokens->clients[i], error);
    pthread_mutex_unlock(&tokens->lock);
    if (result < 0)
        return result;
    log_line(tokens->said ? LOG_INFO : LOG_DEBUG, "output \"%s\": kafka: a new token, good for %" PRId64 " s",
             tokens->output, left / SECOND);
    tokens->said = 0;
    return 0;
}

/* The file has the same token as before; it may be good for longer since it was written anew. */
static void keep_token(struct kafka_tokens *tokens, const struct token *same) {
    pthread_mutex_lock(&tokens->lock);
    tokens->token.ends = same->ends;
    tokens->failure.text[0] = '\0';
    pthread_mutex_unlock(&tokens->lock);
    tokens->said = 0;
}

/* What goes between SASL's separators has none of them (RFC 6750, 2.1). */
static bool is_token(const char *text) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=";
    return *text && text[strspn(text, letters)] == '\0';
}

/* `lifetime`: from `since` (Unix time) on, of a token that doesn't say its end; 0: nobody says it. `what`: begins the line. */
static int judge(const char *what, char *text, int64_t lifetime, time_t since, struct token *fresh,
                 struct error *error) {
    struct jwt jwt;
    struct tm broken_down;
    char moment[32];
    time_t now = time(NULL);
    if (!is_token(text))
        return error_set(error, EBADMSG, EX_UNAVAILABLE, "%s has letters that no token has", what);
    bool is_jwt = jwt_read(text, &jwt);
    time_t ends = is_jwt && jwt.expires > 0 ? jwt.expires : since + lifetime / SECOND;
    if (ends == since)
        return error_set(
            error, ENODATA, EX_UNAVAILABLE,
            "%s doesn't say how long it is good: it is no JSON Web Token with an end; set sasl.oauthbearer.token.lifetime.ms",
            what);
    if (ends <= now) {
        strftime(moment, sizeof moment, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&ends, &broken_down));
        return error_set(error, EKEYEXPIRED, EX_UNAVAILABLE, "%s expired at %s", what, moment);
    }
    int64_t left = (ends - now) * SECOND;
    fresh->text = text;
    fresh->ends = clock_monotonic() + (left < LONGEST_LIFETIME ? left : LONGEST_LIFETIME);
    snprintf(fresh->subject, sizeof fresh->subject, "%s", jwt.subject[0] ? jwt.subject : "flowsensor");
    return 0;
}

static int ask_server(struct kafka_tokens *tokens, struct token *fresh, struct error *error) {
    struct oauth_token got;
    int result = oauth_fetch(tokens->server, &got, error);
    if (result < 0)
        return result;
    char what[ERROR_TEXT_SIZE / 2];
    snprintf(what, sizeof what, "%s %s: the token", tokens->request.names.url, tokens->own.url);
    result =
        judge(what, got.text, got.lifetime > 0 ? got.lifetime : DEFAULT_LIFETIME, time(NULL), fresh, error);
    if (result < 0)
        secret_free(got.text);
    return result;
}

/* 1: it has the token that is in use; the text is freed then. */
static int look_at_file(struct kafka_tokens *tokens, struct token *fresh, struct error *error) {
    char what[ERROR_TEXT_SIZE / 2];
    struct stat status = {0};
    const char *path = tokens->own.file;
    char *text = secret_line_read(file_option, path, &tokens->request.limits, error);
    if (!text)
        return -ENOENT;
    /* What it doesn't say itself is counted from when it was written. */
    time_t since = stat(path, &status) == 0 ? status.st_mtime : time(NULL);
    snprintf(what, sizeof what, "%s %s: the token", file_option, path);
    int result = judge(what, text, tokens->own.lifetime, since, fresh, error);
    /* Only this thread writes the token. */
    if (result == 0 && tokens->token.text && strcmp(tokens->token.text, text) == 0)
        result = 1;
    if (result != 0)
        secret_free(text);
    return result;
}

/* The next try, and the pause before one that follows a failure. */
static void plan_next(struct kafka_tokens *tokens, int result, const struct token *fresh) {
    int64_t now = clock_monotonic();
    if (!tokens->server) {
        tokens->next = now + LOOK;
    } else if (result == 0) {
        tokens->got = now;
        tokens->next = now + (fresh->ends - now) / 4 * 3;
        tokens->pause = SHORTEST_PAUSE;
    } else {
        tokens->next = now + tokens->pause;
        tokens->pause = tokens->pause * 2 < LONGEST_PAUSE ? tokens->pause * 2 : LONGEST_PAUSE;
    }
}

static void get_token(struct kafka_tokens *tokens) {
    struct token fresh = {0};
    struct error error = {0};
    int result = tokens->server ? ask_server(tokens, &fresh, &error) : look_at_file(tokens, &fresh, &error);
    plan_next(tokens, result, &fresh);
    if (result == 0)
        result = use_token(tokens, &fresh, &error);
    else if (result > 0)
        keep_token(tokens, &fresh);
    if (result < 0)
        note_failure(tokens, result, &error);
}

/* A token that was just fetched is refused for another reason than its age: there is no hurry then. */
static void hear_of_refusal(struct kafka_tokens *tokens) {
    int64_t now = clock_monotonic();
    if (!atomic_exchange(&tokens->refused, false) || !tokens->server || tokens->got == 0)
        return;
    bool was_good = now - tokens->got > 2 * tokens->refused_pause;
    if (was_good)
        tokens->refused_pause = REFUSED_PAUSE;
    int64_t soonest = tokens->got + tokens->refused_pause;
    if (soonest < tokens->next)
        tokens->next = soonest;
    if (!was_good)
        tokens->refused_pause =
            tokens->refused_pause * 2 < 5 * LONGEST_PAUSE ? tokens->refused_pause * 2 : 5 * LONGEST_PAUSE;
}

static void *tokens_run(void *context) {
    struct kafka_tokens *tokens = context;
    while (!must_stop(tokens)) {
        hear_of_refusal(tokens);
        int64_t now = clock_monotonic();
        if (now >= tokens->next)
            get_token(tokens);
        now = clock_monotonic();
        kafka_side_sleep(&tokens->side, tokens->next < now + LOOK ? tokens->next : now + LOOK);
    }
    if (kafka_side_is_left(&tokens->side))
        tokens_free(tokens);
    return NULL;
}

static bool copy(const char **place, const char *text) {
    *place = text ? strdup(text) : NULL;
    return !text || *place;
}

static bool copy_all(struct kafka_tokens *tokens, const struct sink_options *options,
                     const struct kafka_oauth *oauth) {
    struct kafka_oauth *own = &tokens->own;
    own->lifetime = oauth->lifetime;
    bool copied = copy((const char **)&tokens->output, options->output);
    copied &= copy(&own->url, oauth->url) & copy(&own->client_id, oauth->client_id);
    copied &= copy(&own->secret, oauth->secret) & copy(&own->scope, oauth->scope);
    copied &= copy(&own->ca_file, oauth->ca_file) & copy(&own->file, oauth->file);
    copied &= copy((const char **)&tokens->extensions, oauth->extensions);
    if (copied && tokens->extensions)
        tokens->extension_count = (size_t)kafka_oauth_split(tokens->extensions, tokens->extension_texts);
    return copied;
}

static int begin(struct kafka_tokens *tokens, struct error *error) {
    const struct kafka_oauth *own = &tokens->own;
    struct error reason = {0};
    tokens->pause = SHORTEST_PAUSE;
    tokens->refused_pause = REFUSED_PAUSE;
    tokens->request = (struct oauth_options){
        .url = own->url,
        .client_id = own->client_id,
        .secret = own->secret,
        .scope = own->scope,
        .ca_file = own->ca_file,
        .limits = {.timeout = REQUEST_LIMIT,
                   .max_size = ANSWER_MAX,
                   .stop = must_stop,
                   .stop_context = tokens},
        .names = {.url = "sasl.oauthbearer.token.endpoint.url",
                  .all = "sasl.oauthbearer.client.id, client.secret and scope"},
    };
    if (own->url && oauth_open(&tokens->request, &tokens->server, &reason) < 0)
        return error_set(error, EINVAL, reason.exit_code, "output \"%s\": kafka: %s", tokens->output,
                         reason.text);
    int result = kafka_side_start(&tokens->side, "tokens", tokens_run, tokens);
    return result == 0 ? 0
                       : error_set(error, -result, EX_OSERR, "output \"%s\": no thread: %s", tokens->output,
                                   strerror(-result));
}

int kafka_tokens_make(const struct sink_options *options, struct kafka_tokens **made, struct error *error) {
    struct kafka_oauth oauth;
    bool needed = false;
    int result = kafka_oauth_read(options, &oauth, &needed, error);
    *made = NULL;
    if (result < 0 || !needed)
        return result;
    struct kafka_tokens *tokens = calloc(1, sizeof *tokens);
    if (!tokens)
        return error_set(error, ENOMEM, EX_OSERR, "out of memory");
    pthread_mutex_init(&tokens->lock, NULL);
    result = copy_all(tokens, options, &oauth) ? begin(tokens, error)
                                               : error_set(error, ENOMEM, EX_OSERR, "out of memory");
    if (result < 0)
        tokens_free(tokens);
    else
        *made = tokens;
    return result;
}

void kafka_tokens_end(struct kafka_tokens *tokens, int64_t patience) {
    if (!tokens)
        return;
    pthread_mutex_lock(&tokens->lock);
    memset(tokens->clients, 0, sizeof tokens->clients);
    pthread_mutex_unlock(&tokens->lock);
    if (kafka_side_end(&tokens->side, patience))
        tokens_free(tokens);
}

void kafka_tokens_serve(struct kafka_tokens *tokens, rd_kafka_t *client) {
    struct error error = {0};
    int place = 0, result = 0;
    if (!tokens)
        return;
    pthread_mutex_lock(&tokens->lock);
    while (place < CLIENTS_MAX && tokens->clients[place])
        place++;
    CHECK(place < CLIENTS_MAX);
    tokens->clients[place] = client;
    if (tokens->token.text)
        result = hand_over(tokens, client, &error);
    pthread_mutex_unlock(&tokens->lock);
    if (result < 0)
        log_line(LOG_WARNING, "output \"%s\": kafka: %s", tokens->output, error.text);
}

void kafka_tokens_leave(struct kafka_tokens *tokens, rd_kafka_t *client) {
    if (!tokens)
        return;
    pthread_mutex_lock(&tokens->lock);
    for (int i = 0; i < CLIENTS_MAX; i++)
        if (tokens->clients[i] == client)
            tokens->clients[i] = NULL;
    pthread_mutex_unlock(&tokens->lock);
}

void kafka_tokens_refused(struct kafka_tokens *tokens) {
    if (tokens)
        atomic_store(&tokens->refused, true);
}

bool kafka_tokens_lack(struct kafka_tokens *tokens, struct error *error) {
    if (!tokens)
        return false;
    pthread_mutex_lock(&tokens->lock);
    bool lacks = !tokens->token.text || clock_monotonic() >= tokens->token.ends;
    if (lacks && tokens->failure.text[0])
        *error = tokens->failure;
    else if (lacks)
        error_set(error, EAGAIN, EX_UNAVAILABLE, "there is no token yet");
    pthread_mutex_unlock(&tokens->lock);
    return lacks;
}

uint64_t kafka_tokens_failures(const struct kafka_tokens *tokens) {
    return tokens ? atomic_load_explicit(&tokens->failures, memory_order_relaxed) : 0;
}
