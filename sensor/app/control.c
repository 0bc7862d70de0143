#include "app/control.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

#include "capture/capture.h"

static _Atomic(struct capture *) running;
static atomic_bool stopping;

static void handle(int number)
{
    if (atomic_exchange(&stopping, true))
        _exit(128 + number);
    struct capture *capture = atomic_load(&running);
    if (capture)
        capture_break(capture);
}

void control_install(struct capture *capture)
{
    atomic_store(&running, capture);
    struct sigaction action = {.sa_handler = handle};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    /* A reader of standard output that went away is an output error, not the end of the process. */
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGPIPE, &ignore, NULL);
}

bool control_stopping(void)
{
    return atomic_load(&stopping);
}
