/* Each test confines itself for good, so it does it in a child. */
#include "app/host/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/host/landlock.h"
#include "scratch.h"
#include "skip.h"

enum { PASSED = 0, FAILED = 1, NOT_HERE = 2 };

/* What the child's check gives, or minus the signal that ended it. */
static int outcome(int (*check)(void *context), void *context) {
    int status;
    pid_t child = fork();
    if (child == 0)
        _exit(check(context));
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static bool open_sandbox(struct sandbox *sandbox) {
    const struct sandbox_options options = {.looks = true}; /* without Landlock */
    sandbox_open(sandbox, &options);
    return sandbox->filter == 0;
}

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__

static int no_filter_is_set(void *context) {
    struct sandbox sandbox;
    (void)context;
    bool good =
        !open_sandbox(&sandbox) && sandbox.filter == -ENOTSUP && symlink("x", "") < 0 && errno == ENOENT;
    sandbox_close(&sandbox);
    return good ? PASSED : FAILED;
}

/* What looks for leaks at the end, or for races, needs what the filter refuses. Other builds have the tests below. */
static void a_sanitizers_build_has_no_filter(void **state) {
    (void)state;
    assert_int_equal(outcome(no_filter_is_set, NULL), PASSED);
}

#define FILTER_TESTS cmocka_unit_test(a_sanitizers_build_has_no_filter)

#else

static void *return_context(void *context) {
    return context;
}

static int needed_calls_pass(void *context) {
    struct sandbox sandbox;
    pthread_t thread;
    (void)context;
    if (!open_sandbox(&sandbox))
        return NOT_HERE;
    sandbox_tighten(&sandbox);
    int file = open("/dev/null", O_WRONLY | O_CLOEXEC);
    int near[2], tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool good = sandbox.filter == 0 && file >= 0 && tcp >= 0 && write(file, "x", 1) == 1 &&
                socketpair(AF_UNIX, SOCK_STREAM, 0, near) == 0 &&
                pthread_create(&thread, NULL, return_context, NULL) == 0 && pthread_join(thread, NULL) == 0;
    sandbox_close(&sandbox);
    return good && seccomp_refused() == 0 ? PASSED : FAILED;
}

/* Where nothing can be made, should the filter let it pass. */
static bool symlink_is_refused(void) {
    return symlink("/", "/proc/flowsensor-test") < 0 && errno == EPERM;
}

/* The last one is refused in the run alone. */
static int others_are_refused_and_counted(void *context) {
    struct sandbox sandbox;
    (void)context;
    if (!open_sandbox(&sandbox))
        return NOT_HERE;
    bool listens = sandbox.guard.listener >= 0;
    int tcp = socket(AF_INET, SOCK_STREAM, 0);
    bool good = listen(tcp, 1) == 0;
    good &= socket(AF_INET, SOCK_RAW, 1) < 0 && errno == EPERM;
    good &= symlink_is_refused();
    good &= seccomp_refused() == (listens ? 2 : 0);
    sandbox_tighten(&sandbox);
    good &= listen(tcp, 1) < 0 && errno == EPERM;
    good &= symlink_is_refused();
    sandbox_close(&sandbox);
    return good ? PASSED : FAILED;
}

static void the_filter_lets_pass_what_is_needed(void **state) {
    (void)state;
    int result = outcome(needed_calls_pass, NULL);
    if (result == NOT_HERE)
        skip_because("the kernel has no filter of system calls");
    assert_int_equal(result, PASSED);
}

static void the_filter_refuses_all_else(void **state) {
    (void)state;
    int result = outcome(others_are_refused_and_counted, NULL);
    if (result == NOT_HERE)
        skip_because("the kernel has no filter of system calls");
#ifdef FLOWSENSOR_CHECKS
    assert_int_equal(result, -SIGSYS);
#else
    assert_int_equal(result, PASSED);
#endif
}

#define FILTER_TESTS \
    cmocka_unit_test(the_filter_lets_pass_what_is_needed), cmocka_unit_test(the_filter_refuses_all_else)

#endif

struct places {
    char folder[SCRATCH_SIZE], state[SCRATCH_SIZE + 32], output[SCRATCH_SIZE + 48], fifo[SCRATCH_SIZE + 32];
    char other[SCRATCH_SIZE + 32], absent[SCRATCH_SIZE + 48];
};

static bool writes(const char *path) {
    int file = open(path, O_WRONLY | O_CREAT | O_NONBLOCK | O_CLOEXEC, 0600);
    bool refused = file < 0 && errno == EACCES;
    if (file >= 0)
        close(file);
    return !refused;
}

static int writing_is_restricted(void *context) {
    const struct places *places = context;
    const char *const written[] = {places->output, places->fifo, places->absent, ""};
    if (landlock_restrict_writing(written, 4) < 0)
        return NOT_HERE;
    bool good =
        writes(places->output) && writes(places->fifo) && writes("/dev/null") && !writes(places->other);
    /* What is said of them is the same. */
    good &= landlock_covers(written, 4, places->output) && landlock_covers(written, 4, places->fifo) &&
            landlock_covers(written, 4, places->absent) && !landlock_covers(written, 4, places->other);
    /* The folder goes, and somebody makes it again. */
    good &= unlink(places->output) == 0 && rmdir(places->state) == 0 && mkdir(places->state, 0700) == 0 &&
            writes(places->output);
    /* And one that was never there. */
    good &= mkdir(places->absent, 0700) == 0;
    good &= open(places->other, O_RDONLY | O_CLOEXEC) >= 0 || errno == ENOENT;
    return good ? PASSED : FAILED;
}

static void files_are_written_where_they_may(void **state) {
    (void)state;
    struct places places;
    assert_non_null(scratch_make(places.folder));
    snprintf(places.state, sizeof places.state, "%s/own", places.folder);
    assert_int_equal(mkdir(places.state, 0700), 0);
    snprintf(places.state, sizeof places.state, "%s/own/out", places.folder);
    assert_int_equal(mkdir(places.state, 0700), 0);
    snprintf(places.output, sizeof places.output, "%s/own/out/x.csv", places.folder);
    snprintf(places.absent, sizeof places.absent, "%s/own/cache/", places.folder);
    snprintf(places.fifo, sizeof places.fifo, "%s/fifo", places.folder);
    snprintf(places.other, sizeof places.other, "%s/other", places.folder);
    assert_int_equal(mkfifo(places.fifo, 0600), 0);
    int result = outcome(writing_is_restricted, &places);
    scratch_remove(places.folder);
    if (result == NOT_HERE)
        skip_because("the kernel has no Landlock");
    assert_int_equal(result, PASSED);
}

static void one_that_was_not_opened_does_nothing(void **state) {
    (void)state;
    struct sandbox none = {0};
    sandbox_tighten(&none);
    sandbox_log(&none, LOG_INFO);
    sandbox_close(&none);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FILTER_TESTS,
        cmocka_unit_test(files_are_written_where_they_may),
        cmocka_unit_test(one_that_was_not_opened_does_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
