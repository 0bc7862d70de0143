#include "app/host/signals.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <termios.h>
#include <unistd.h>

#include "base/clock.h"
#include "capture/capture.h"

static _Atomic(struct capture *) watched[CAPTURE_SHARES_MAX];
static atomic_bool stopping, reloading;
static _Atomic int64_t deadline; /* monotonic clock; 0: none */
static int64_t timeout;
static int terminal = -1; /* a standard descriptor on the terminal that the run belongs to; -1: to none */

static void break_captures(void) {
    for (size_t i = 0; i < CAPTURE_SHARES_MAX; i++) {
        struct capture *capture = atomic_load(&watched[i]);
        if (capture)
            capture_break(capture);
    }
}

static void handle_end(int number) {
    if (atomic_exchange(&stopping, true))
        _exit(128 + number);
    shutdown_begin();
    break_captures();
}

/* One that was hung up has no attributes any more. */
static bool terminal_is_gone(void) {
    struct termios attributes;
    return terminal >= 0 && tcgetattr(terminal, &attributes) < 0;
}

/* Whoever is interrupted looks at errno next: a wait that ended by EINTR would be taken for one that failed. */
static void handle_hangup(int number) {
    int interrupted = errno;
    if (terminal_is_gone())
        handle_end(number);
    else
        atomic_store(&reloading, true);
    errno = interrupted;
}

/* SIGPIPE and SIGXFSZ are ignored, since the write itself fails then and tells why: the reader went away, or the file
 * is as large as it may get. */
static const struct {
    int number;
    void (*handler)(int);
    int flags;
} effects[] = {
    {SIGINT, handle_end, 0}, {SIGTERM, handle_end, 0}, {SIGHUP, handle_hangup, SA_RESTART},
    {SIGPIPE, SIG_IGN, 0},   {SIGXFSZ, SIG_IGN, 0},    {SIGUSR1, SIG_IGN, 0},
    {SIGUSR2, SIG_IGN, 0},
};

/* A run under nohup(1) outlives its terminal. */
static int find_terminal(void) {
    struct sigaction hangup = {0};
    sigaction(SIGHUP, NULL, &hangup);
    for (int descriptor = 0; descriptor < 3 && hangup.sa_handler != SIG_IGN; descriptor++)
        if (isatty(descriptor))
            return descriptor;
    return -1;
}

void signals_install(int64_t shutdown_timeout) {
    timeout = shutdown_timeout;
    terminal = find_terminal();
    for (size_t i = 0; i < sizeof effects / sizeof *effects; i++) {
        struct sigaction action = {.sa_handler = effects[i].handler, .sa_flags = effects[i].flags};
        sigemptyset(&action.sa_mask);
        sigaction(effects[i].number, &action, NULL);
    }
}

void signals_that_end(sigset_t *signals) {
    sigemptyset(signals);
    sigaddset(signals, SIGINT);
    sigaddset(signals, SIGTERM);
    sigaddset(signals, SIGHUP);
}

bool signals_take_reload(void) {
    return atomic_exchange(&reloading, false);
}

void signals_watch(struct capture *const *captures, size_t count) {
    for (size_t i = 0; i < CAPTURE_SHARES_MAX; i++)
        atomic_store(&watched[i], i < count ? captures[i] : NULL);
    /* A signal that came before there was a capture. */
    if (shutdown_asked())
        break_captures();
}

void shutdown_begin(void) {
    int64_t none = 0;
    atomic_compare_exchange_strong(&deadline, &none, clock_monotonic() + timeout);
}

int64_t shutdown_deadline(void) {
    return atomic_load(&deadline);
}

bool shutdown_asked(void) {
    return atomic_load(&stopping);
}
