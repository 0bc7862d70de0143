#include "record/registry/watch.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/thread.h"

enum { WATCH_MAGIC = 0x2a7c4e19 };
enum { FIRST_PAUSE = 1000000, LOOK_MICROSECONDS = 50000 };

struct registry_watch {
    uint32_t magic;
    struct registry_question question;
    bool (*stop)(void *context); /* the caller's */
    void *stop_context;
    struct registry *registry; /* of the thread */
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t wake;
    atomic_bool stopping; /* also read without the lock */
    bool asked;           /* at least once */
    int result;           /* of the last question, with its error */
    struct error error;
    uint32_t id; /* in use or the registry's; 0: none yet */
    enum registry_watch_state state;
};

static bool is_stopping(void *context) {
    const struct registry_watch *watch = context;
    return atomic_load(&watch->stopping) || (watch->stop && watch->stop(watch->stop_context));
}

/* Holding the lock, waits until something changes, but not beyond `until`: then false. */
static bool wait_for_change(struct registry_watch *watch, int64_t until) {
    const struct timespec end = {.tv_sec = until / 1000000, .tv_nsec = until % 1000000 * 1000};
    return pthread_cond_clockwait(&watch->wake, &watch->lock, CLOCK_MONOTONIC, &end) != ETIMEDOUT;
}

/* Holding the lock: what an answer means for the id in use. */
static void take_answer(struct registry_watch *watch, int result, uint32_t id, const struct error *error) {
    const struct registry_question *question = &watch->question;
    watch->asked = true;
    watch->result = result;
    /* What contradicted the id stays true while nobody answers. */
    if (watch->state != REGISTRY_WATCH_MISMATCH || result == 0)
        watch->error = *error;
    if (result == 0 && (watch->id == 0 || watch->id == id)) {
        watch->id = id;
        watch->state = REGISTRY_WATCH_CONFIRMED;
    } else if (result == 0) {
        watch->state = REGISTRY_WATCH_MISMATCH;
        error_set(&watch->error, EINVAL, EX_CONFIG,
                  "registry %s: subject %s has schema %s under id %u, not under %u, which is in use",
                  question->options.url, question->subject, question->schema->name, id, watch->id);
    } else if (result == -ENOENT || (watch->id == 0 && error->exit_code == EX_CONFIG)) {
        watch->state = REGISTRY_WATCH_MISMATCH;
        watch->error = *error;
    }
    pthread_cond_broadcast(&watch->wake);
}

/* Holding the lock, but not during the question. */
static void ask(struct registry_watch *watch) {
    const struct registry_question *question = &watch->question;
    struct error error = {0};
    uint32_t id = 0;
    bool auto_register = question->auto_register && watch->id == 0;
    pthread_mutex_unlock(&watch->lock);
    int result =
        registry_resolve(watch->registry, question->subject, question->schema, auto_register, &id, &error);
    pthread_mutex_lock(&watch->lock);
    take_answer(watch, result, id, &error);
}

static void *watch_run(void *context) {
    struct registry_watch *watch = context;
    int64_t interval = watch->question.interval;
    int64_t pause = interval < FIRST_PAUSE ? interval : FIRST_PAUSE;
    pthread_mutex_lock(&watch->lock);
    while (watch->state != REGISTRY_WATCH_CONFIRMED && !watch->stopping) {
        ask(watch);
        int64_t until = clock_monotonic() + pause;
        while (watch->state != REGISTRY_WATCH_CONFIRMED && !watch->stopping && wait_for_change(watch, until))
            ;
        pause = 2 * pause < interval ? 2 * pause : interval;
    }
    pthread_mutex_unlock(&watch->lock);
    return NULL;
}

static void watch_free(struct registry_watch *watch) {
    registry_close(watch->registry);
    pthread_mutex_destroy(&watch->lock);
    pthread_cond_destroy(&watch->wake);
    MAGIC_CLEAR(watch);
    free(watch);
}

int registry_watch_start(const struct registry_question *question, struct registry_watch **started,
                         struct error *error) {
    struct registry_watch *watch = calloc(1, sizeof *watch);
    if (!watch)
        return error_set(error, ENOMEM, EX_OSERR, "out of memory");
    watch->magic = WATCH_MAGIC;
    watch->question = *question;
    watch->stop = question->options.stop;
    watch->stop_context = question->options.stop_context;
    watch->question.options.stop = is_stopping;
    watch->question.options.stop_context = watch;
    watch->id = question->pinned;
    pthread_mutex_init(&watch->lock, NULL);
    pthread_cond_init(&watch->wake, NULL);
    int result = registry_open(&watch->question.options, &watch->registry, error);
    if (result == 0) {
        result = thread_start(&watch->thread, "registry", watch_run, watch);
        if (result < 0)
            error_set(error, -result, EX_OSERR, "no thread to ask the registry with: %s", strerror(-result));
    }
    if (result < 0)
        watch_free(watch);
    else
        *started = watch;
    return result;
}

/* Holding the lock: the registry has not answered. The id is the cache's from now on, if that has one. */
static int take_cached(struct registry_watch *watch, uint32_t *id, bool *from_cache) {
    const struct registry_question *question = &watch->question;
    if (registry_recall(watch->registry, question->subject, question->schema, &watch->id) < 0)
        return -EHOSTUNREACH;
    *id = watch->id;
    *from_cache = true;
    return 0;
}

int registry_watch_first(struct registry_watch *watch, int64_t until, uint32_t *id, bool *from_cache,
                         struct error *error) {
    CHECK(IS_VALID(watch, WATCH_MAGIC));
    int64_t began = clock_monotonic();
    *from_cache = false;
    pthread_mutex_lock(&watch->lock);
    for (int64_t now = began; !watch->asked && now < until && !is_stopping(watch); now = clock_monotonic())
        wait_for_change(watch, now + LOOK_MICROSECONDS < until ? now + LOOK_MICROSECONDS : until);
    int result = watch->result;
    *error = watch->error;
    if (is_stopping(watch) && watch->state == REGISTRY_WATCH_PENDING)
        result = error_set(error, EINTR, EX_UNAVAILABLE, "registry %s: the request was given up",
                           watch->question.options.url);
    else if (watch->state == REGISTRY_WATCH_CONFIRMED)
        *id = watch->id;
    else if (!watch->asked)
        result = error_set(error, ETIMEDOUT, EX_UNAVAILABLE, "registry %s: no answer within %.1f s",
                           watch->question.options.url, (double)(clock_monotonic() - began) / 1e6);
    if (result < 0 && result != -EINTR && error->exit_code == EX_UNAVAILABLE)
        result = take_cached(watch, id, from_cache);
    pthread_mutex_unlock(&watch->lock);
    return result;
}

enum registry_watch_state registry_watch_state(struct registry_watch *watch, uint32_t *id,
                                               struct error *error) {
    CHECK(IS_VALID(watch, WATCH_MAGIC));
    pthread_mutex_lock(&watch->lock);
    enum registry_watch_state state = watch->state;
    *id = watch->id;
    *error = watch->error;
    pthread_mutex_unlock(&watch->lock);
    return state;
}

void registry_watch_stop(struct registry_watch *watch) {
    if (!watch)
        return;
    CHECK(IS_VALID(watch, WATCH_MAGIC));
    pthread_mutex_lock(&watch->lock);
    watch->stopping = true;
    pthread_cond_broadcast(&watch->wake);
    pthread_mutex_unlock(&watch->lock);
    pthread_join(watch->thread, NULL);
    watch_free(watch);
}
