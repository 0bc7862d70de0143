#include "app/control.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

#include "base/clock.h"
#include "capture/capture.h"

static _Atomic(struct capture *) running[CAPTURE_SHARES_MAX];
static atomic_bool stopping, reloading;
static _Atomic int64_t deadline; /* monotonic clock; 0: none */
static int64_t timeout;

static void break_captures(void) {
    for (size_t i = 0; i < CAPTURE_SHARES_MAX; i++) {
        struct capture *capture = atomic_load(&running[i]);
        if (capture)
            capture_break(capture);
    }
}

static void handle(int number) {
    if (atomic_exchange(&stopping, true))
        _exit(128 + number);
    control_end();
    break_captures();
}

static void handle_reload(int number) {
    (void)number;
    atomic_store(&reloading, true);
}

void control_install(int64_t shutdown_timeout) {
    timeout = shutdown_timeout;
    struct sigaction action = {.sa_handler = handle};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    /* A reader of standard output that went away is an output error, not the end of the process. */
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGPIPE, &ignore, NULL);
}

void control_install_reload(void) {
    struct sigaction action = {.sa_handler = handle_reload, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGHUP, &action, NULL);
}

bool control_take_reload(void) {
    return atomic_exchange(&reloading, false);
}

void control_watch(struct capture *const *captures, size_t count) {
    for (size_t i = 0; i < CAPTURE_SHARES_MAX; i++)
        atomic_store(&running[i], i < count ? captures[i] : NULL);
    /* A signal that came before there was a capture. */
    if (control_stopping())
        break_captures();
}

void control_end(void) {
    int64_t none = 0;
    atomic_compare_exchange_strong(&deadline, &none, clock_monotonic() + timeout);
}

int64_t control_deadline(void) {
    return atomic_load(&deadline);
}

bool control_stopping(void) {
    return atomic_load(&stopping);
}
