/* SIGHUP: the configuration is read again, from where the start had it, and checked as at the start. All of it is put into
 * force or nothing is: if it is wrong, or differs in an option that isn't reloadable (config/option.h), what was in force
 * stays, and one line names the option and the reason.
 *
 * Outputs may come, change and go (roster.h). While one is still being closed, the next reload waits for it.
 *
 * That takes a thread of its own, `reload`, which ends with it: packets and records don't wait. What can fail is prepared
 * first; then each thread takes its part by itself. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "app/account/reload_account.h"
#include "app/config/config.h"
#include "app/plan/plan.h"
#include "app/run/delivery.h"
#include "app/run/roster.h"

/* A configuration and what was made of it. It stays until the end of the run where outputs were opened by it. */
struct generation {
    struct config config;
    struct plan plan;             /* to check it, and for what follows from several options */
    struct roster_change outputs; /* from the one before it */
    struct generation *next;      /* in the list of those that are kept */
};

struct reload {
    const struct config_source *source; /* NULL: SIGHUP changes nothing */
    const struct plan *plan;            /* the start's */
    struct delivery *delivery;
    struct capture *capture; /* live: the first share's; else NULL */
    struct reload_account account;
    const struct sandbox *sandbox; /* the run's */
    struct generation *latest;     /* whose configuration is in force; NULL: the start's */
    struct generation *kept;       /* that outputs are of, the latest first */
    pthread_t thread;              /* where `runs` is set */
    bool runs;
    atomic_bool ends; /* so does the run: nobody takes anything any more */
    atomic_bool done; /* the thread has ended, or is about to */
};

/* @thread main, before the first poll; what is borrowed stays until reload_end() */
void reload_begin(struct reload *reload, const struct plan *plan, struct delivery *delivery);

/* At housekeeping: begins a reload if SIGHUP asked for one since the last one began, and none is under way.
 * @thread deliver: two atomic loads */
void reload_poll(struct reload *reload);

/* Waits for a reload that is under way.
 * @thread main, after the loops have ended and before the outputs are flushed */
void reload_end(struct reload *reload);

/* Releases what reloads left.
 * @thread main, after the outputs are closed and told of for the last time */
void reload_close(struct reload *reload);
