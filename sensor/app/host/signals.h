/* What signals do to a run; the table is in control.c, and for people in deploy/running.md. The first SIGINT or SIGTERM
 * asks for an orderly end, a second one ends the process at once. SIGHUP is the same where the run's terminal has gone;
 * else it asks for keys to be read again. */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct capture;

/* Installs the handlers. From a signal on, the process has `shutdown_timeout` microseconds to end. */
void signals_install(int64_t shutdown_timeout);

/* Those that may ask for the end: a thread in whose blocked read() they shall be delivered has them to itself. */
void signals_that_end(sigset_t *signals);

/* Whether SIGHUP asked for keys since the last call. */
bool signals_take_reload(void);

/* The captures that a signal stops (at most CAPTURE_SHARES_MAX); none before they are closed. */
void signals_watch(struct capture *const *captures, size_t count);

/* Starts that time without a signal: a live source came to its end. */
void shutdown_begin(void);

/* When waiting has to end (monotonic clock); 0 while the process may go on. */
int64_t shutdown_deadline(void);

/* Whether a signal asked for the end. */
bool shutdown_asked(void);
