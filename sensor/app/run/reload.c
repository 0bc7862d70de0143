#include "app/run/reload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/host/signals.h"
#include "app/plan/plan_check.h"
#include "app/run/rekeying.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"

/* One configuration on its way into force. */
struct change {
    struct reload *reload;
    const struct config *now;
    struct generation *next;
    struct rekeying rekeying;
    struct retiming_change retiming;
};

static int no_memory(struct error *error) {
    return error_set(error, ENOMEM, EX_OSERR, "out of memory");
}

static int needs_restart(const char *what, struct error *error) {
    return error_set(error, EINVAL, EX_CONFIG, "%s has other contents now, which need a restart", what);
}

/* Files that are named as before may have other contents. */
static int check_files(const struct plan *now, const struct plan *next, struct error *error) {
    const struct config *config = next->config;
    if (config->identity.key_file &&
        memcmp(&now->identity.key, &next->identity.key, sizeof now->identity.key) != 0)
        return needs_restart("identity.key_file", error);
    if (config->identity.conn_key_file &&
        memcmp(&now->identity.conn_key, &next->identity.conn_key, sizeof now->identity.conn_key) != 0)
        return needs_restart("identity.conn_key_file", error);
    return 0;
}

static int read_next(struct change *change, struct error *error) {
    const struct config_source *source = change->reload->source;
    change->next = calloc(1, sizeof *change->next);
    if (!change->next)
        return no_memory(error);
    int result = source->read(source->context, &change->next->config, error);
    if (result == 0)
        result = plan_make_run(&change->next->config, &change->next->plan, error);
    if (result == 0)
        result = config_check_reload(change->now, &change->next->config, error);
    return result == 0 ? check_files(change->reload->plan, &change->next->plan, error) : result;
}

static bool is_same_text(const char *one, const char *other) {
    return one && other ? strcmp(one, other) == 0 : one == other;
}

static int change_filter(const struct change *change, struct error *error) {
    struct reload *reload = change->reload;
    const char *filter = change->next->config.capture.bpf_filter;
    if (is_same_text(change->now->capture.bpf_filter, filter))
        return 0;
    if (!reload->capture)
        return error_set(
            error, EINVAL, EX_CONFIG,
            "capture.bpf_filter has another value now, which needs a restart while files are read");
    return capture_change_filter(reload->capture, filter, &reload->ends, error);
}

static int prepare_outputs(struct change *change, struct error *error) {
    struct roster_change *outputs = &change->next->outputs;
    outputs->roster = &change->reload->delivery->roster;
    outputs->places = change->reload->delivery->places;
    outputs->start = change->reload->plan;
    outputs->next = &change->next->plan;
    outputs->sandbox = change->reload->sandbox;
    return roster_prepare(outputs, error);
}

/* All that can fail. The filter is the last, since it is in force then. */
static int prepare(struct change *change, struct error *error) {
    struct reload *reload = change->reload;
    struct output *outputs = reload->delivery->outputs;
    size_t count = reload->delivery->roster.slots;
    change->rekeying = (struct rekeying){.outputs = outputs, .count = count};
    change->retiming = (struct retiming_change){.outputs = outputs, .count = count, .plan = reload->plan};
    if (!roster_wait(&reload->delivery->roster, &reload->ends))
        return error_set(error, EINTR, EX_UNAVAILABLE, "the run ends");
    int result = rekeying_prepare(&change->rekeying, reload->plan, &change->next->plan, error);
    if (result == 0)
        result = retiming_prepare(&change->retiming, change->now, &change->next->plan, error);
    if (result == 0)
        result = prepare_outputs(change, error);
    return result == 0 ? change_filter(change, error) : result;
}

static void set_log_level(const struct config *config) {
    enum log_level level;
    if (log_level_parse(config->log.level, &level) == 0)
        log_set_level(level);
}

static void put_into_force(struct change *change) {
    plan_forget_key(&change->next->plan);
    rekeying_end(&change->rekeying, true);
    retiming_run(&change->retiming, &change->reload->delivery->retiming, &change->reload->ends);
    roster_run(&change->next->outputs, &change->reload->ends);
    set_log_level(&change->next->config);
}

static const char *fate_of(const struct roster_change *outputs, uint32_t slot) {
    if ((outputs->opens & slot) != 0)
        return "is open";
    if ((outputs->changes & slot) != 0)
        return "changes";
    return (outputs->leaves & slot) != 0 ? "closes" : NULL;
}

/* Which outputs come, change and go. */
static bool print_outputs(FILE *stream, const struct change *change) {
    const struct roster_change *outputs = &change->next->outputs;
    for (size_t i = 0; i < CONFIG_OUTPUTS_MAX; i++) {
        const struct output_plan *plan = output_shown_plan(&change->reload->delivery->outputs[i]);
        const char *fate = fate_of(outputs, 1u << i);
        if (plan && fate)
            fprintf(stream, "; output \"%s\" %s", plan->name, fate);
    }
    return (outputs->opens | outputs->changes | outputs->leaves) != 0;
}

/* Which options have other values. */
static void log_success(const struct change *change) {
    struct log_draft draft;
    FILE *stream = log_draft_begin(&draft);
    bool any = false;
    if (!stream)
        return;
    fputs("SIGHUP: the configuration was read again", stream);
    for (size_t i = 0; i < option_row_count; i++) {
        if (option_is_same(&option_rows[i], change->now, &change->next->config))
            continue;
        fprintf(stream, "%s%s", any ? ", " : "; in force with other values: ", option_rows[i].path);
        any = true;
    }
    any |= print_outputs(stream, change);
    if (!any)
        fputs("; no option has another value", stream);
    log_draft_end(&draft, LOG_INFO);
}

static void free_generation(struct generation *generation) {
    if (!generation)
        return;
    plan_release(&generation->plan);
    config_release(&generation->config);
    free(generation);
}

static bool is_used(const struct generation *generation) {
    return generation && (generation->outputs.opens | generation->outputs.changes) != 0;
}

/* The options are those of the next configuration from here on. */
static void keep(struct change *change) {
    struct reload *reload = change->reload;
    if (!is_used(reload->latest))
        free_generation(reload->latest);
    reload->latest = change->next;
    change->next = NULL;
    if (is_used(reload->latest)) {
        reload->latest->next = reload->kept;
        reload->kept = reload->latest;
    }
    atomic_store_explicit(&reload->account.succeeded, clock_realtime(), memory_order_relaxed);
}

static void give_up(struct change *change, const struct error *error) {
    rekeying_end(&change->rekeying, false);
    if (change->next)
        roster_undo(&change->next->outputs);
    log_line(LOG_ERROR, "SIGHUP: %s; the configuration before it stays in force", error->text);
}

static void *reload_run(void *context) {
    struct reload *reload = context;
    struct error error = {0};
    struct change change = {.reload = reload,
                            .now = reload->latest ? &reload->latest->config : reload->plan->config};
    int result = read_next(&change, &error);
    if (result == 0)
        result = prepare(&change, &error);
    if (result == 0) {
        put_into_force(&change);
        log_success(&change);
        keep(&change);
    } else {
        give_up(&change, &error);
    }
    atomic_store_explicit(&reload->account.failed, result < 0, memory_order_relaxed);
    free_generation(change.next);
    atomic_store(&reload->done, true);
    return NULL;
}

void reload_begin(struct reload *reload, const struct plan *plan, struct delivery *delivery) {
    *reload = (struct reload){.plan = plan, .delivery = delivery};
    atomic_store(&reload->account.succeeded, clock_realtime());
}

static void reload_start(struct reload *reload) {
    atomic_store(&reload->done, false);
    int result = thread_start(&reload->thread, "reload", reload_run, reload);
    reload->runs = result == 0;
    if (result == 0)
        return;
    atomic_store_explicit(&reload->account.failed, true, memory_order_relaxed);
    log_line(LOG_ERROR,
             "SIGHUP: no thread to read the configuration again: %s; the one before it stays in force",
             strerror(-result));
}

static void reload_join(struct reload *reload) {
    if (reload->runs)
        pthread_join(reload->thread, NULL);
    reload->runs = false;
}

void reload_poll(struct reload *reload) {
    if (reload->runs && !atomic_load(&reload->done))
        return;
    reload_join(reload);
    if (reload->source && signals_take_reload())
        reload_start(reload);
}

void reload_end(struct reload *reload) {
    atomic_store(&reload->ends, true);
    reload_join(reload);
}

void reload_close(struct reload *reload) {
    if (!is_used(reload->latest))
        free_generation(reload->latest);
    reload->latest = NULL;
    while (reload->kept) {
        struct generation *generation = reload->kept;
        reload->kept = generation->next;
        free_generation(generation);
    }
}
