/* Threads, made in one place: each has a name and starts with every signal blocked, so that a signal is always
 * delivered to a thread that waits for it. Threads that such a thread starts, also inside a library, inherit that. */
#pragma once

#include <pthread.h>

/* `name`: at most 15 characters. The caller joins the thread. 0 or -errno.
 * @thread any: nothing is shared */
int thread_start(pthread_t *thread, const char *name, void *(*run)(void *context), void *context);
