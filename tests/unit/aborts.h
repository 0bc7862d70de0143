/* Whether a call ends the process as a failed check does (base/check.h). Include after cmocka.h. */
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs the call in a child, without its log line and without a core dump. */
static inline bool aborts(void (*call)(void *context), void *context) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGABRT, SIG_DFL); /* cmocka catches it */
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
        call(context);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

/* DEBUG_CHECK() is in builds with FLOWSENSOR_CHECKS only; in others such a call must not be made. */
#ifdef FLOWSENSOR_CHECKS
#define assert_debug_aborts(call, context) assert_true(aborts(call, context))
#else
#define assert_debug_aborts(call, context) ((void)aborts, (void)(call), (void)(context))
#endif
