/* What signals do is for good, so each test has a child for it. */
#include "app/host/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { CALM = 0, NO_TERMINAL, WRONG_EFFECT, SPOILT_ERRNO };

/* Puts a terminal on standard input; the descriptor that it ends with, or -1. */
static int take_terminal(void) {
    int far = posix_openpt(O_RDWR | O_NOCTTY);
    if (far < 0 || grantpt(far) < 0 || unlockpt(far) < 0)
        return -1;
    int near = open(ptsname(far), O_RDWR | O_NOCTTY);
    return near >= 0 && dup2(near, STDIN_FILENO) == STDIN_FILENO ? far : -1;
}

static int hang_up(bool terminal_goes) {
    signal(SIGHUP, SIG_DFL);
    int far = take_terminal();
    if (far < 0)
        return NO_TERMINAL;
    signals_install(1000000);
    if (terminal_goes)
        close(far);
    errno = EINTR;
    raise(SIGHUP);
    if (errno != EINTR)
        return SPOILT_ERRNO;
    return shutdown_asked() == terminal_goes && signals_take_reload() != terminal_goes ? CALM : WRONG_EFFECT;
}

static int outcome(bool terminal_goes) {
    int status;
    pid_t child = fork();
    if (child == 0)
        _exit(hang_up(terminal_goes));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void a_terminal_that_goes_ends_and_leaves_errno(void **state) {
    (void)state;
    assert_int_equal(outcome(true), CALM);
}

static void a_hangup_on_a_terminal_that_stays_reloads(void **state) {
    (void)state;
    assert_int_equal(outcome(false), CALM);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_terminal_that_goes_ends_and_leaves_errno),
        cmocka_unit_test(a_hangup_on_a_terminal_that_stays_reloads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
