#include "meter/process/visibility.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/thread.h"
#include "meter/process/service.h"

enum {
    NICENESS = -10,
    QUESTIONS_MICROSECONDS = 1000,
    ENDS_MILLISECONDS = 10,
};

void visibility_wake(struct visibility *visibility) {
    static const uint64_t one = 1;
    if (!atomic_load(&visibility->sleeping) || !atomic_exchange(&visibility->sleeping, false))
        return;
    /* It never blocks: the counter can't be full. */
    ssize_t written = write(visibility->wake, &one, sizeof(one));
    (void)written;
}

static bool has_questions(const struct visibility *visibility) {
    for (struct visibility_client *at = visibility->clients; at != NULL; at = at->next)
        if (atomic_load(&at->head) != atomic_load_explicit(&at->tail, memory_order_relaxed))
            return true;
    return false;
}

static void sleep_microseconds(int64_t microseconds) {
    struct timespec time = {.tv_nsec = microseconds * 1000};
    nanosleep(&time, NULL);
}

/* Waits for a question or the end of some socket. Questions that come within a short time are taken together; ends, of
 * which there may be thousands a second, within a longer one. */
static void wait_for_wakes(struct visibility *visibility, int64_t microseconds) {
    struct epoll_event event;
    uint64_t wakes;
    int woken = epoll_wait(visibility->epoll, &event, 1, (int)(microseconds / 1000) + 1);
    if (woken < 0)
        sleep_microseconds(QUESTIONS_MICROSECONDS); /* an error that stays must not take a whole core */
    if (woken <= 0)
        return;
    struct pollfd question = {.fd = visibility->wake, .events = POLLIN};
    poll(&question, 1, ENDS_MILLISECONDS);
    if (read(visibility->wake, &wakes, sizeof(wakes)) > 0)
        sleep_microseconds(QUESTIONS_MICROSECONDS);
}

/* Until the next poll, a question, or the end of some socket; the mutex is held on both ends. */
static void sleep_until_due(struct visibility *visibility) {
    int64_t left = visibility->poll.next - clock_monotonic();
    atomic_store(&visibility->sleeping, true);
    bool busy = has_questions(visibility) || atomic_load(&visibility->stopping);
    pthread_mutex_unlock(&visibility->mutex);
    if (!busy && left > 0)
        wait_for_wakes(visibility, left);
    pthread_mutex_lock(&visibility->mutex);
    atomic_store(&visibility->sleeping, false);
}

static int open_wakes(struct visibility *visibility, struct error *error) {
    struct epoll_event event = {.events = EPOLLIN};
    visibility->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    visibility->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (visibility->wake < 0 || visibility->epoll < 0 ||
        epoll_ctl(visibility->epoll, EPOLL_CTL_ADD, visibility->wake, &event) < 0)
        return error_set(error, errno, EX_OSERR, "meter.system_visibility_mode: no event descriptors: %s",
                         strerror(errno));
    return 0;
}

/* The thread takes little time, but on a busy host it must run before a short connection is over. Without the right to
 * raise its priority it goes on as it is. */
static void ask_for_priority(void) {
    setpriority(PRIO_PROCESS, (id_t)gettid(), NICENESS);
}

static void *service_run(void *context) {
    struct visibility *visibility = context;
    if (visibility->options.enter != NULL)
        visibility->options.enter();
    ask_for_priority();
    pthread_mutex_lock(&visibility->mutex);
    visibility->start_result = open_wakes(visibility, &visibility->error);
    if (visibility->start_result == 0)
        visibility->start_result = look_begin(visibility, &visibility->error);
    bool running = visibility->start_result == 0;
    sem_post(&visibility->started);
    while (running && !atomic_load(&visibility->stopping)) {
        look_at_events(visibility);
        answers_take(visibility);
        look_for_holders(visibility);
        bool looked = look_at_all(visibility);
        if (looked)
            look_for_holders(visibility);
        answers_give(visibility, looked);
        sleep_until_due(visibility);
    }
    answers_drop(visibility, NULL);
    pthread_mutex_unlock(&visibility->mutex);
    return NULL;
}

/* Each network namespace takes a few descriptors. */
static void raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static void service_free(struct visibility *visibility) {
    look_end(visibility);
    if (visibility->wake >= 0)
        close(visibility->wake);
    if (visibility->epoll >= 0)
        close(visibility->epoll);
    sem_destroy(&visibility->started);
    pthread_mutex_destroy(&visibility->mutex);
    free(visibility);
}

int visibility_start(const struct visibility_options *options, struct visibility **visibility,
                     struct error *error) {
    struct visibility *new = calloc(1, sizeof(*new));
    if (new == NULL)
        return error_set(error, ENOMEM, EX_OSERR, "out of memory");
    new->options = *options;
    new->wake = new->epoll = new->holders.proc = new->namespaces.own = -1;
    new->answers.last = &new->answers.first;
    pthread_mutex_init(&new->mutex, NULL);
    sem_init(&new->started, 0, 0);
    raise_descriptor_limit();
    int result = thread_start(&new->thread, "visibility", service_run, new);
    if (result < 0) {
        service_free(new);
        return error_set(error, -result, EX_OSERR, "meter.system_visibility_mode: no thread: %s",
                         strerror(-result));
    }
    while (sem_wait(&new->started) < 0)
        continue;
    result = new->start_result;
    if (result < 0) {
        *error = new->error;
        visibility_stop(new);
        return result;
    }
    *visibility = new;
    return 0;
}

void visibility_stop(struct visibility *visibility) {
    if (visibility == NULL)
        return;
    atomic_store(&visibility->stopping, true);
    visibility_wake(visibility);
    pthread_join(visibility->thread, NULL);
    service_free(visibility);
}

void visibility_statistics(struct visibility *visibility, struct visibility_statistics *statistics) {
    const struct counters *counters = &visibility->counters;
    *statistics = (struct visibility_statistics){
        .asked = atomic_load(&counters->asked),
        .found = atomic_load(&counters->found),
        .foreign = atomic_load(&counters->foreign),
        .ambiguous = atomic_load(&counters->ambiguous),
        .unknown = atomic_load(&counters->unknown),
        .polls = atomic_load(&counters->polls),
    };
    pthread_mutex_lock(&visibility->mutex);
    statistics->unasked = visibility->unasked;
    for (const struct visibility_client *at = visibility->clients; at != NULL; at = at->next) {
        statistics->asked += atomic_load(&at->head) - atomic_load(&at->tail);
        statistics->unasked += atomic_load(&at->unasked);
    }
    pthread_mutex_unlock(&visibility->mutex);
    statistics->open = statistics->asked - statistics->found - statistics->foreign - statistics->ambiguous -
                       statistics->unknown;
}

struct visibility_client *visibility_join(struct visibility *visibility, size_t flows) {
    struct visibility_client *client = client_create(visibility, flows);
    if (client == NULL)
        return NULL;
    pthread_mutex_lock(&visibility->mutex);
    client->next = visibility->clients;
    visibility->clients = client;
    pthread_mutex_unlock(&visibility->mutex);
    return client;
}

void visibility_leave(struct visibility_client *client) {
    if (client == NULL)
        return;
    CHECK(IS_VALID(client, CLIENT_MAGIC));
    struct visibility *visibility = client->visibility;
    pthread_mutex_lock(&visibility->mutex);
    struct visibility_client **link = &visibility->clients;
    while (*link != client)
        link = &(*link)->next;
    *link = client->next;
    visibility->unasked += atomic_load(&client->unasked);
    answers_drop(visibility, client);
    pthread_mutex_unlock(&visibility->mutex);
    client_destroy(client);
}
