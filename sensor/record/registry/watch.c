#include "record/registry/watch.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "base/log.h"
#include "base/thread.h"

enum { WATCH_MAGIC = 0x2a7c4e19 };

struct registry_watch {
    uint32_t magic;
    const struct registry_options *options;
    const struct schema *schema;
    char *subject;
    uint32_t cached_id;
    int64_t interval;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t wake;
    atomic_bool stopping; /* also read without the lock */
    enum registry_watch_state state;
    struct error error;
};

static bool watch_is_stopping(void *context) {
    return atomic_load(&((struct registry_watch *)context)->stopping);
}

/* What the registry says now; PENDING if it can't be reached. */
static enum registry_watch_state watch_ask(struct registry_watch *watch, struct error *error) {
    /* The client gets no cache, so that it can't answer from there. */
    struct registry_options options = *watch->options;
    options.cache_directory = NULL;
    options.stop = watch_is_stopping;
    options.stop_context = watch;
    struct registry *registry = NULL;
    uint32_t id = 0;
    int result = registry_open(&options, &registry, error);
    if (result == 0)
        result = registry_resolve(registry, watch->subject, watch->schema, false, &id, NULL, error);
    registry_close(registry);
    if (result < 0)
        return error->exit_code == EX_CONFIG ? REGISTRY_WATCH_MISMATCH : REGISTRY_WATCH_PENDING;
    if (id == watch->cached_id)
        return REGISTRY_WATCH_CONFIRMED;
    error_set(
        error, EINVAL, EX_CONFIG,
        "registry %s: subject %s has schema %s under id %u, not under the cached %u; the output stops; start again",
        watch->options->url, watch->subject, watch->schema->name, id, watch->cached_id);
    return REGISTRY_WATCH_MISMATCH;
}

/* Holding the lock; true if the thread shall end. */
static bool watch_sleep(struct registry_watch *watch) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += watch->interval / 1000000;
    until.tv_nsec += watch->interval % 1000000 * 1000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    while (!watch->stopping &&
           pthread_cond_clockwait(&watch->wake, &watch->lock, CLOCK_MONOTONIC, &until) != ETIMEDOUT)
        ;
    return watch->stopping;
}

static void *watch_run(void *context) {
    struct registry_watch *watch = context;
    pthread_mutex_lock(&watch->lock);
    while (watch->state == REGISTRY_WATCH_PENDING && !watch_sleep(watch)) {
        struct error error = {0};
        pthread_mutex_unlock(&watch->lock);
        enum registry_watch_state state = watch_ask(watch, &error);
        pthread_mutex_lock(&watch->lock);
        watch->state = state;
        watch->error = error;
        if (state == REGISTRY_WATCH_CONFIRMED)
            log_line(LOG_INFO, "registry %s: it confirms the cached id %u of subject %s", watch->options->url,
                     watch->cached_id, watch->subject);
    }
    pthread_mutex_unlock(&watch->lock);
    return NULL;
}

int registry_watch_start(const struct registry_options *options, const char *subject,
                         const struct schema *schema, uint32_t cached_id, int64_t interval,
                         struct registry_watch **started, struct error *error) {
    struct registry_watch *watch = calloc(1, sizeof *watch);
    char *copy = strdup(subject);
    if (!watch || !copy) {
        free(watch);
        free(copy);
        return error_set(error, ENOMEM, EX_OSERR, "out of memory");
    }
    watch->magic = WATCH_MAGIC;
    watch->options = options;
    watch->schema = schema;
    watch->subject = copy;
    watch->cached_id = cached_id;
    watch->interval = interval;
    pthread_mutex_init(&watch->lock, NULL);
    pthread_cond_init(&watch->wake, NULL);
    int result = thread_start(&watch->thread, "registry", watch_run, watch);
    if (result < 0) {
        free(watch->subject);
        free(watch);
        return error_set(error, -result, EX_OSERR, "no thread to watch the registry with: %s",
                         strerror(-result));
    }
    *started = watch;
    return 0;
}

enum registry_watch_state registry_watch_state(struct registry_watch *watch, struct error *error) {
    CHECK(IS_VALID(watch, WATCH_MAGIC));
    pthread_mutex_lock(&watch->lock);
    enum registry_watch_state state = watch->state;
    if (state == REGISTRY_WATCH_MISMATCH && error)
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
    pthread_cond_signal(&watch->wake);
    pthread_mutex_unlock(&watch->lock);
    pthread_join(watch->thread, NULL);
    pthread_mutex_destroy(&watch->lock);
    pthread_cond_destroy(&watch->wake);
    free(watch->subject);
    MAGIC_CLEAR(watch);
    free(watch);
}
