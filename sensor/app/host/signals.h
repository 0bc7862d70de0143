/* What signals do to a run; the table is in signals.c, and for users in deploy/running.md. The first SIGINT or SIGTERM
 * asks for an orderly end, a second one ends the process at once. SIGHUP is the same where the run's terminal has gone;
 * else it asks for the configuration to be read again. */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct capture;

/* Installs the handlers. From a signal on, the process has `shutdown_timeout` microseconds to end.
 * @thread main, before others are started */
void signals_install(int64_t shutdown_timeout);

/* The signals that may ask for the end. One thread alone takes them: the one whose blocked read() they have to break off.
 * @thread any */
void signals_that_end(sigset_t *signals);

/* Whether SIGHUP asked for the configuration since the last call.
 * @thread deliver: one atomic exchange */
bool signals_take_reload(void);

/* The captures that a signal breaks off (at most CAPTURE_SHARES_MAX). Before they are closed: none.
 * @thread main */
void signals_watch(struct capture *const *captures, size_t count);

/* Starts the time of `shutdown_timeout` without a signal: a live source came to its end.
 * @thread any, and signal handlers */
void shutdown_begin(void);

/* When waiting has to end (monotonic clock); 0 while the process may go on.
 * @thread any */
int64_t shutdown_deadline(void);

/* Whether a signal asked for the end.
 * @thread any */
bool shutdown_asked(void);
