/* The parts of the service's thread: looking at sockets and finding who holds them (look.c), and answering flows
 * (answer.c). Everything here belongs to that thread, unless it says otherwise. Included by this folder's files
 * only. */
#pragma once

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "meter/process/client.h"
#include "meter/process/describe.h"
#include "meter/process/holders.h"
#include "meter/process/namespaces.h"
#include "meter/process/sockets.h"
#include "meter/process/visibility.h"

/* Work that may cost much is done again only after a multiple of what it cost the last time. Monotonic clock,
 * microseconds. */
struct turn {
    int64_t next; /* earliest time */
};

struct pending; /* answer.c: a question that waits for its answer */

struct answers {
    struct pending *first, **last;
    size_t count;
};

/* What visibility_statistics() gives, in the making; read by any thread. */
struct counters {
    atomic_uint_fast64_t asked, found, foreign, ambiguous, unknown, polls;
};

struct visibility {
    struct visibility_options options;
    pthread_t thread;
    sem_t started;
    struct error error; /* why the start failed */
    int start_result;
    int wake; /* eventfd */
    int epoll;
    atomic_bool sleeping; /* a question must wake the thread */
    atomic_bool stopping;

    /* Protects `clients` and `unasked`. The thread holds it except while it sleeps; joining and leaving take it. */
    pthread_mutex_t mutex;
    struct visibility_client *clients;
    uint64_t unasked; /* of clients that have left */

    struct namespaces namespaces;
    struct sockets sockets;
    struct holders holders;
    struct processes processes;
    struct answers answers;
    struct turn poll, refresh, refresh_all, resolve, resolve_rest, resolve_far, sweep, free_processes;
    struct counters counters;
};

/* look.c */

/* Opens what is needed and looks at everything for the first time; warns of missing rights. */
int look_begin(struct visibility *visibility, struct error *error);
/* @thread any, after the service's has ended */
void look_end(struct visibility *visibility);

/* Reads what the kernel reports of destroyed sockets. */
void look_at_events(struct visibility *visibility);
/* If it is time: looks at the namespaces and at all their sockets. Returns whether it did. */
bool look_at_all(struct visibility *visibility);
/* Asks the kernel for the one socket of a connection. Returns whether there is one, listeners not counted. */
bool look_at_one(struct visibility *visibility, struct network_namespace *namespace,
                 const struct connection *connection);
/* If there are sockets whose holder is not known, and it is time: finds them. */
void look_for_holders(struct visibility *visibility);

/* answer.c */

/* Takes the questions of all clients; the sockets that they ask for are looked at. */
void answers_take(struct visibility *visibility);
/* Answers what can be answered; `looked`: all sockets were looked at since the last call. */
void answers_give(struct visibility *visibility, bool looked);
/* Forgets the client's questions; NULL: all.
 * @thread any, with the mutex */
void answers_drop(struct visibility *visibility, const struct visibility_client *client);
