/* An output becomes another under its name: SIGHUP changed its options (roster.h).
 *
 * What can fail without what it is now is prepared first: recorders, policy, keys, the registry's settings, a place where
 * records wait. Then each meter takes its next recorder at its housekeeping, between two packets. Records made before are
 * those of what the output was, records made after those of what it becomes: whose recorder made a record, its origin says.
 * The first get to the old sink, which is drained and closed (departure.h). Only then is the new one opened, so that it
 * finds in the folder and the spool what the old one left. Until then the others wait, in memory and in order: each output
 * has its part of PLAN_WAITING_BYTES. Once half of that is full, what it was is closed at once, if a spool on disk keeps what it has
 * not delivered. What finds no room is dropped and counted (not_open). Counters and seq go on. */
#pragma once

#include "app/run/output.h"

/* Prepares it; `run` and `plan` are borrowed until the end of the run. Fails as output_begin() and output_schema_settle()
 * do, which has to wait until that moment; output_drop_next() frees what was made then.
 * @thread reload, while the output is open or waiting */
int output_prepare_next(struct output *output, const struct output_plan *plan, const struct plan *run,
                        const struct anonymize_key *key, int64_t until, struct error *error);
/* @thread reload, of what is not in force; main at the end */
void output_drop_next(struct output *output);

/* From here on records of what it becomes may come. What it was may never have come to be opened: then what waits for that is
 * dropped.
 * @thread deliver */
void output_begin_change(struct output *output);
/* A meter makes records of what it becomes from here on.
 * @thread meter */
void output_take_next(struct output *output, unsigned meter);
/* It is what was prepared. Frees what it was, whose sink is closed, but for the counters.
 * @thread its own, while it is closing */
void output_become_next(struct output *output);

/* Sends a record (output_send()), or lets it wait until the output is open and those before it are sent.
 * @thread deliver (this and all that follow) */
int output_send_or_wait(struct output *output, const struct message *message, struct error *error);
/* At the end of a run, before each record: whether there is little room where it waits, and will be more once what it was
 * is closed, which has to be quick from then on. */
bool output_is_short(struct output *output);
/* What it was, which is being closed, leaves half of the time until the run's end to what it becomes.
 * @thread deliver, or who has the output at the end */
void output_share_end(struct output *output);
/* At housekeeping: sends some thousands of those that wait, if the output is open or goes. Fails as output_send() does. */
int output_end_waits(struct output *output, struct error *error);
/* All of them, wherever it is. */
int output_end_all_waits(struct output *output, struct error *error);
