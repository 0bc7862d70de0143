#include "app/run/roster.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "app/plan/plan_check.h"
#include "app/run/departure.h"
#include "app/run/output_change.h"
#include "app/run/written.h"
#include "base/clock.h"

enum {
    REGISTRY_PATIENCE_MICROSECONDS = 200000, /* as at a start */
    LOOK_MICROSECONDS = 20000,               /* between two looks at what is waited for */
};

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

static int needs_restart(struct error *error, const char *name, const char *what, const char *why) {
    return error_set(error, EINVAL, EX_CONFIG, "output \"%s\" %s, which needs a restart%s", name, what, why);
}

/* What a run can't do without its meters, or the threads beside them, being made anew. `what` happens to the output. */
static int check_can_come(const struct roster_change *change, const struct output_plan *output,
                          const char *what, struct error *error) {
    bool has_key = change->next->config->anonymization.key_file != NULL;
    if (!change->start->live)
        return needs_restart(error, output->name, what, " while files are read");
    if (output->schema->records != OF_FLOW)
        return needs_restart(error, output->name, what, ": its records are not of flows");
    if ((schema_groups(output->schema) & change->next->groups & ~change->start->groups) != 0)
        return needs_restart(error, output->name, what,
                             ": its schema asks for fields of a group that this run doesn't compute");
    if (anonymize_policy_is_keyed(&output->policy) && (!change->start->has_pseudonyms || !has_key))
        return needs_restart(error, output->name, what, ": its pseudonyms have no key yet");
    return 0;
}

/* Two can't write one file. */
static int check_file(const struct roster_change *change, const struct output_plan *output, size_t slot,
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
        if (i != slot && output_state(other) != OUTPUT_CLOSED && path && strcmp(path, config->path) == 0)
            return refuse(
                error,
                "%s is still written by another output; take it from that one by one reload, and give it "
                "to this one by the next",
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
    const struct output *before = &roster->outputs[slot];
    if (!before->in_force && output_state(before) != OUTPUT_CLOSED)
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
    atomic_store(&health->unopened, false);
    atomic_store(&health->mismatch, false);
    atomic_store(&health->schema_cached, false);
    atomic_store(&health->schema_unknown, false);
    atomic_store(&health->waiting_since, 0);
    atomic_store(&health->spooled, 0);
}

static int check_output(const struct roster_change *change, const struct output_plan *plan, size_t slot,
                        const char *what, struct error *error) {
    int result = check_can_come(change, plan, what, error);
    if (result == 0)
        result = check_file(change, plan, slot, error);
    return result == 0 ? check_slot(change->roster, slot, plan, error) : result;
}

static int64_t registry_patience(void) {
    return clock_monotonic() + REGISTRY_PATIENCE_MICROSECONDS;
}

static int open_output(struct roster_change *change, const struct output_plan *plan, struct error *error) {
    size_t slot = choose_slot(change, plan->name);
    int result = check_output(change, plan, slot, "is new", error);
    if (result < 0)
        return result;
    struct output *output = &change->roster->outputs[slot];
    change->opens |= 1u << slot;
    output->places = change->places;
    forget_health(&output->health);
    result = output_begin(output, plan, &change->run, &change->next->key, error);
    return result == 0 ? output_open(output, &change->run, registry_patience(), error) : result;
}

static int change_output(struct roster_change *change, size_t slot, const struct output_plan *plan,
                         struct error *error) {
    struct output *output = &change->roster->outputs[slot];
    int result = check_output(change, plan, slot, "has other options now", error);
    if (result < 0)
        return result;
    result = plan_check_output(change->next, plan, error);
    if (result < 0)
        return result;
    change->changes |= 1u << slot;
    return output_prepare_next(output, plan, &change->run, &change->next->key, registry_patience(), error);
}

/* The start's plan is what meters run by; the rest follows the configuration. */
static void make_plan(struct roster_change *change) {
    change->run = *change->start;
    change->run.config = change->next->config;
    change->run.meter.idle_timeout = change->next->meter.idle_timeout;
    change->run.meter.active_timeout = change->next->meter.active_timeout;
    change->run.identity.meter = &change->run.meter;
    change->run.output_count = change->next->output_count;
    change->run.joins = true;
}

static int check_can_leave(const struct roster_change *change, const struct output_plan *plan,
                           struct error *error) {
    if (!change->start->live)
        return needs_restart(error, plan->name, "is missing", " while files are read");
    if (plan->schema->records != OF_FLOW)
        return needs_restart(error, plan->name, "is missing", ": its records are not of flows");
    return 0;
}

static int find_leaving(struct roster_change *change, struct error *error) {
    const struct roster *roster = change->roster;
    for (size_t i = 0; i < roster->slots; i++) {
        const struct output_plan *plan = output_shown_plan(&roster->outputs[i]);
        if (!roster->outputs[i].in_force || find_next(change->next, plan->name) < change->next->output_count)
            continue;
        int result = check_can_leave(change, plan, error);
        if (result < 0)
            return result;
        change->leaves |= 1u << i;
    }
    return 0;
}

/* One that is there, or is to come. */
static int prepare_output(struct roster_change *change, size_t index, struct error *error) {
    const struct output_plan *plan = &change->next->outputs[index];
    size_t slot = find_slot(change->roster, plan->name);
    if (slot == CONFIG_OUTPUTS_MAX || !change->roster->outputs[slot].in_force)
        return open_output(change, plan, error);
    const struct output_plan *now = output_shown_plan(&change->roster->outputs[slot]);
    int result = check_same(now, change->next, index, error);
    bool can_change = change->start->live && now->schema->records == OF_FLOW;
    return result < 0 && can_change ? change_output(change, slot, plan, error) : result;
}

int roster_prepare(struct roster_change *change, struct error *error) {
    make_plan(change);
    int result = find_leaving(change, error);
    for (size_t i = 0; result == 0 && i < change->next->output_count; i++)
        result = prepare_output(change, i, error);
    return result;
}

void roster_undo(struct roster_change *change) {
    for (size_t i = 0; i < CONFIG_OUTPUTS_MAX; i++) {
        if ((change->opens & 1u << i) != 0)
            output_shut(&change->roster->outputs[i]);
        if ((change->changes & 1u << i) != 0)
            output_drop_next(&change->roster->outputs[i]);
    }
    change->opens = change->changes = 0;
}

static bool is_being_closed(const struct output *output) {
    enum output_state state = output_state(output);
    return output->in_force && state != OUTPUT_OPEN && state != OUTPUT_WAITING;
}

bool roster_wait(const struct roster *roster, const atomic_bool *given_up) {
    for (size_t i = 0; i < roster->slots; i++)
        while (is_being_closed(&roster->outputs[i])) {
            if (atomic_load(given_up))
                return false;
            usleep(LOOK_MICROSECONDS);
        }
    return true;
}

/* What the threads take; none of them looks before the handout. */
static void set_up(struct roster_change *change) {
    struct roster *roster = change->roster;
    for (size_t i = 0; i < CONFIG_OUTPUTS_MAX; i++) {
        struct output *output = &change->roster->outputs[i];
        if ((change->opens & 1u << i) != 0) {
            atomic_store(&output->state, OUTPUT_READY);
            roster->slots = i >= roster->slots ? i + 1 : roster->slots;
            output->in_force = true;
        }
        if ((change->leaves & 1u << i) != 0)
            output->in_force = false;
        if (((change->leaves | change->changes) & 1u << i) != 0)
            output->departure.limit = change->next->config->delivery.shutdown_timeout;
    }
    roster->takes = (roster->takes | change->opens) & ~change->leaves;
    roster->changes = change->changes;
    roster->leaves = change->leaves;
    roster->swapped = false;
}

/* The meters make their records. */
static void set_up_rekeying(const struct roster_change *change) {
    for (size_t i = 0; i < change->roster->slots; i++)
        if ((change->changes & 1u << i) != 0)
            change->roster->outputs[i].may_rekey =
                output_plan_may_rekey(change->roster->outputs[i].next.plan, &change->run);
}

void roster_run(struct roster_change *change, const atomic_bool *given_up) {
    struct roster *roster = change->roster;
    atomic_store(&roster->retries, true);
    if ((change->opens | change->changes | change->leaves) == 0)
        return;
    set_up(change);
    if (!handout_run(&roster->deliver, 1, given_up))
        return;
    roster->shown = roster->slots;
    if (!handout_run(&roster->meters, change->start->meters, given_up))
        return;
    set_up_rekeying(change);
    roster->swapped = true;
    handout_run(&roster->deliver, 1, given_up);
}

static void serve(struct output *output) {
    output->past = output->departure.shown;
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

/* A thread may have an output, to try and open it, or what has waited for it is not handed over yet. */
static bool can_take(const struct roster *roster) {
    for (size_t i = 0; i < roster->served; i++) {
        const struct output *output = &roster->outputs[i];
        enum output_state state = output_state(output);
        bool is_touched = ((roster->changes | roster->leaves) & 1u << i) != 0;
        if (is_touched && (state == OUTPUT_CLOSING || (state == OUTPUT_OPEN && output->waiting)))
            return false;
    }
    return true;
}

static void take(struct roster *roster) {
    serve_new(roster);
    for (size_t i = 0; i < roster->served; i++) {
        bool changes = (roster->changes & 1u << i) != 0, leaves = (roster->leaves & 1u << i) != 0;
        if (changes && !roster->swapped)
            output_begin_change(&roster->outputs[i]);
        if ((changes || leaves) && roster->swapped)
            departure_begin(&roster->outputs[i]);
    }
    roster->counted = roster->shown;
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
    bool retries = atomic_exchange(&roster->retries, false);
    for (size_t i = 0; i < roster->served; i++) {
        if (retries && output_state(&roster->outputs[i]) == OUTPUT_WAITING)
            departure_try_now(&roster->outputs[i]);
        departure_poll(&roster->outputs[i], failure);
    }
    roster->due |= handout_is_due(&roster->deliver, &roster->turn);
    if (!roster->due || !can_take(roster))
        return;
    take(roster);
    roster->due = false;
    handout_took(&roster->deliver);
}

void roster_settle(struct roster *roster) {
    roster->counted = roster->shown;
}
