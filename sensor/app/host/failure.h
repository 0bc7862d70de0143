/* The first failure of a run decides its exit code. Each failure is logged at once, since a live source may go on for
 * long. */
#pragma once

#include <pthread.h>

#include "app/host/progress.h"
#include "base/error.h"

struct failure {
    pthread_mutex_t lock;
    struct progress *progress;
    struct error first; /* exit_code 0: none yet; to be read when all threads have ended */
};

/* `progress` (borrowed): its bar makes way for the line.
 * @thread main, before the others are started */
void failure_init(struct failure *failure, struct progress *progress);

/* Logs the error and keeps it if it is the first. EX_OK: the run ends early, and that is no failure.
 * @thread any, takes the lock */
void failure_note(struct failure *failure, const struct error *error);

/* When all is done: 0, or -errno with the first failure in *error, whose text is empty, since it was logged.
 * @thread main, after the others have ended */
int failure_result(const struct failure *failure, struct error *error);
