/* C11 threads for ThreadSanitizer, which knows threads of POSIX only: librdkafka makes its own by thrd_create(), and
 * the first allocation in one of them would crash. Linked in place of the C library's where threads are sanitized. */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>

struct call {
    thrd_start_t function;
    void *argument;
};

static void *run(void *context) {
    struct call call = *(struct call *)context;
    free(context);
    return (void *)(intptr_t)call.function(call.argument);
}

int thrd_create(thrd_t *thread, thrd_start_t function, void *argument) {
    struct call *call = malloc(sizeof *call);
    if (call == NULL)
        return thrd_nomem;
    *call = (struct call){function, argument};
    if (pthread_create(thread, NULL, run, call) == 0)
        return thrd_success;
    free(call);
    return thrd_error;
}

int thrd_join(thrd_t thread, int *result) {
    void *answer = NULL;
    if (pthread_join(thread, &answer) != 0)
        return thrd_error;
    if (result != NULL)
        *result = (int)(intptr_t)answer;
    return thrd_success;
}

int mtx_lock(mtx_t *mutex) {
    return pthread_mutex_lock((pthread_mutex_t *)mutex) == 0 ? thrd_success : thrd_error;
}

int mtx_unlock(mtx_t *mutex) {
    return pthread_mutex_unlock((pthread_mutex_t *)mutex) == 0 ? thrd_success : thrd_error;
}

int cnd_signal(cnd_t *condition) {
    return pthread_cond_signal((pthread_cond_t *)condition) == 0 ? thrd_success : thrd_error;
}

int cnd_broadcast(cnd_t *condition) {
    return pthread_cond_broadcast((pthread_cond_t *)condition) == 0 ? thrd_success : thrd_error;
}

int cnd_wait(cnd_t *condition, mtx_t *mutex) {
    return pthread_cond_wait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex) == 0 ? thrd_success
                                                                                         : thrd_error;
}

int cnd_timedwait(cnd_t *condition, mtx_t *mutex, const struct timespec *until) {
    int result = pthread_cond_timedwait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex, until);
    return result == 0 ? thrd_success : result == ETIMEDOUT ? thrd_timedout : thrd_error;
}
