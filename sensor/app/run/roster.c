#include "app/run/roster.h"

#include <errno.h>
#include <string.h>

#include "app/plan/anonymization_key.h"
#include "app/run/departure.h"
#include "app/run/written.h"
#include "base/clock.h"

enum { REGISTRY_PATIENCE_MICROSECONDS = 200000 }; /* as at a start */

static int refuse(struct error *error, const char *format, const char *name) {
    return error_set(error, EINVAL, EX_CONFIG, format, name);
}

/* The slot of an output of this name that is, or was, open; CONFIG_OUTPUTS_MAX: there is none. */
static size_t find_slot(const struct roster *roster, const char *name) {
    for (size_t i = 0; i < roster->slots; i++)
        if (strcmp(output_shown_plan(&roster->outputs[i])->name, name) == 0)
            return i;
    return CONFIG_OUTPUTS_MAX;
}

static size_t find_next(const struct plan *next, const char *name) {
    size_t i = 0;
    while (i < next->output_count && strcmp(next->outputs[i].name, name) != 0)
        i++;
    return i;
}

static int check_same(const struct output_plan *now, const struct plan *next, size_t index,
                      struct error *error) {
    int result = config_check_same_output(now->config, next->config, index, error);
    if (result == 0 && strcmp(now->schema->sha256, next->outputs[index].schema->sha256) != 0)
        result = refuse(error, "%s has other contents now, which need a restart", now->schema->name);
    return result;
}

/* What a run can't do without its meters, or the threads beside them, being made anew. */
static int check_can_come(const struct roster_change *change, const struct output_plan *output,
                          struct error *error) {
    bool has_key = change->next->config->anonymization.key_file != NULL;
    if (!change->start->live)
        return refuse(error, "output \"%s\" is new, which needs a restart while files are read",
                      output->name);
    if (output->schema->records != OF_FLOW)
        return refuse(error, "output \"%s\" is new, which needs a restart: its records are not of flows",
                      output->name);
    if ((schema_groups(output->schema) & change->next->groups & ~change->start->groups) != 0)
        return refuse(
            error,
            "output \"%s\" is new, which needs a restart: its schema asks for fields of a group that "
            "this run doesn't compute",
            output->name);
    if (anonymize_policy_is_keyed(&output->policy) && (!change->start->has_pseudonyms || !has_key))
        return refuse(error, "output \"%s\" is new, which needs a restart: its pseudonyms have no key yet",
                      output->name);
    return 0;
}

/* Two can't write one file. */
static int check_file(const struct roster_change *change, const struct output_plan *output,
                      struct error *error) {
    const struct output_config *config = output->config;
    const char *places[] = {config->path, config->dead_letters};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (places[i] && strcmp(places[i], "-") != 0 &&
            !written_is_allowed(change->start, change->sandbox, places[i]))
            return refuse(error, "needs a restart: %s lies outside of what this run may write", places[i]);
    for (size_t i = 0; config->path && i < change->roster->slots; i++) {
        const struct output *other = &change->roster->outputs[i];
        const char *path = output_shown_plan(other)->config->path;
        if (output_state(other) != OUTPUT_CLOSED && path && strcmp(path, config->path) == 0)
            return refuse(
                error,
                "%s is still written by the output that goes; take that away by one reload, and add "
                "the new one by the next",
                config->path);
    }
    return 0;
}

/* Where an output that comes is to be opened. */
static int check_slot(const struct roster *roster, size_t slot, const struct output_plan *output,
                      struct error *error) {
    if (slot >= CONFIG_OUTPUTS_MAX)
        return refuse(error,
                      "output \"%s\" needs a restart: a run has 16 outputs at most, with those that went",
                      output->name);
    if (slot >= roster->slots)
        return 0;
    if (output_state(&roster->outputs[slot]) != OUTPUT_CLOSED)
        return refuse(error, "output \"%s\" is still being closed; try again in a moment", output->name);
    if (output_shown_plan(&roster->outputs[slot])->kinds != output->kinds)
        return refuse(error, "output \"%s\" takes other kinds of records than before, which needs a restart",
                      output->name);
    return 0;
}

static size_t choose_slot(const struct roster_change *change, const char *name) {
    size_t slot = find_slot(change->roster, name), slots = change->roster->slots;
    return slot < CONFIG_OUTPUTS_MAX ? slot : slots + (size_t)__builtin_popcount(change->opens >> slots);
}

/* A closed one goes on counting where it was. */
static void forget_health(struct output_health *health) {
    atomic_store(&health->failed, false);
    atomic_store(&health->mismatch, false);
    atomic_store(&health->schema_cached, false);
    atomic_store(&health->schema_unknown, false);
    atomic_store(&health->waiting_since, 0);
    atomic_store(&health->spooled, 0);
}

static int open_output(struct roster_change *change, const struct output_plan *plan,
                       const struct anonymize_key *key, struct error *error) {
    const struct roster *roster = change->roster;
    size_t slot = choose_slot(change, plan->name);
    int result = check_can_come(change, plan, error);
    if (result == 0)
        result = check_file(change, plan, error);
    if (result == 0)
        result = check_slot(roster, slot, plan, error);
    if (result < 0)
        return result;
    struct output *output = &roster->outputs[slot];
    change->opens |= 1u << slot;
    output->places = change->places;
    forget_health(&output->health);
    result = output_begin(output, plan, &change->run, key, error);
    return result == 0
               ? output_open(output, &change->run, clock_monotonic() + REGISTRY_PATIENCE_MICROSECONDS, error)
               : result;
}

/* The start's plan is what meters run by; the rest follows the configuration. */
static void make_plan(struct roster_change *change) {
    change->run = *change->start;
    change->run.config = change->next->config;
    change->run.meter.idle_timeout = change->next->meter.idle_timeout;
    change->run.meter.active_timeout = change->next->meter.active_timeout;
    change->run.identity.meter = &change->run.meter;
    change->run.output_count = CONFIG_OUTPUTS_MAX; /* others wait while one waits */
}

static int find_leaving(struct roster_change *change, struct error *error) {
    const struct roster *roster = change->roster;
    for (size_t i = 0; i < roster->slots; i++) {
        const struct output *output = &roster->outputs[i];
        if (output_state(output) != OUTPUT_OPEN)
            continue;
        size_t place = find_next(change->next, output->plan->name);
        if (place < change->next->output_count) {
            int result = check_same(output->plan, change->next, place, error);
            if (result < 0)
                return result;
            continue;
        }
        if (!change->start->live)
            return refuse(error, "output \"%s\" is missing, which needs a restart while files are read",
                          output->plan->name);
        if (!output_is_of_flows(output))
            return refuse(error,
                          "output \"%s\" is missing, which needs a restart: its records are not of flows",
                          output->plan->name);
        change->leaves |= 1u << i;
    }
    return 0;
}

static bool is_open(const struct roster *roster, const char *name) {
    size_t slot = find_slot(roster, name);
    return slot < CONFIG_OUTPUTS_MAX && output_state(&roster->outputs[slot]) == OUTPUT_OPEN;
}

int roster_prepare(struct roster_change *change, struct error *error) {
    struct anonymize_key key = {0};
    const struct config *config = change->next->config;
    make_plan(change);
    int result = find_leaving(change, error);
    if (result == 0 && change->start->has_pseudonyms && config->anonymization.key_file)
        result = anonymization_load_key(config, 0, &key, error);
    for (size_t i = 0; result == 0 && i < change->next->output_count; i++)
        if (!is_open(change->roster, change->next->outputs[i].name))
            result = open_output(change, &change->next->outputs[i], &key, error);
    anonymize_key_wipe(&key);
    return result;
}

void roster_undo(struct roster_change *change) {
    for (size_t i = 0; i < CONFIG_OUTPUTS_MAX; i++)
        if ((change->opens & 1u << i) != 0)
            output_shut(&change->roster->outputs[i]);
    change->opens = 0;
}

/* What the threads take; none of them looks before the handout. */
static void set_up(struct roster_change *change) {
    struct roster *roster = change->roster;
    for (size_t i = 0; i < CONFIG_OUTPUTS_MAX; i++) {
        struct output *output = &change->roster->outputs[i];
        if ((change->opens & 1u << i) != 0) {
            atomic_store(&output->state, OUTPUT_READY);
            roster->slots = i >= roster->slots ? i + 1 : roster->slots;
        }
        if ((change->leaves & 1u << i) != 0)
            output->departure.limit = change->next->config->delivery.shutdown_timeout;
    }
    roster->takes = (roster->takes | change->opens) & ~change->leaves;
}

void roster_run(struct roster_change *change, const atomic_bool *given_up) {
    struct roster *roster = change->roster;
    if ((change->opens | change->leaves) == 0)
        return;
    set_up(change);
    if (!handout_run(&roster->deliver, 1, given_up))
        return;
    roster->shown = roster->slots;
    if (!handout_run(&roster->meters, change->start->meters, given_up))
        return;
    for (size_t i = 0; i < roster->slots; i++)
        if ((change->leaves & 1u << i) != 0)
            atomic_store(&change->roster->outputs[i].state, OUTPUT_LEAVING);
    handout_run(&roster->deliver, 1, given_up);
}

static void serve(struct output *output) {
    output->past = output->departure.shown.sink;
    atomic_store_explicit(&output->health.plan, output->plan, memory_order_release);
    atomic_store(&output->health.gone, false);
    atomic_store(&output->state, OUTPUT_OPEN);
}

static void serve_new(struct roster *roster) {
    for (size_t i = 0; i < CONFIG_OUTPUTS_MAX; i++) {
        if (output_state(&roster->outputs[i]) != OUTPUT_READY)
            continue;
        serve(&roster->outputs[i]);
        roster->served = i >= roster->served ? i + 1 : roster->served;
    }
}

void roster_begin(struct roster *roster, struct output *outputs, size_t count) {
    *roster = (struct roster){.outputs = outputs};
    for (size_t i = 0; i < count; i++) {
        output_start(&outputs[i]);
        roster->takes |= output_is_of_flows(&outputs[i]) ? 1u << i : 0;
    }
    roster->slots = roster->shown = roster->served = roster->counted = count;
}

void roster_follow(struct roster *roster, struct failure *failure) {
    if (handout_is_due(&roster->deliver, &roster->turn)) {
        serve_new(roster);
        roster->counted = roster->shown;
        handout_took(&roster->deliver);
    }
    for (size_t i = 0; i < roster->served; i++)
        departure_poll(&roster->outputs[i], failure);
}

void roster_settle(struct roster *roster) {
    roster->counted = roster->shown;
}
