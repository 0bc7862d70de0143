#include "app/monitor/monitor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/host/privileges.h"
#include "app/monitor/http.h"
#include "app/monitor/metrics.h"
#include "app/monitor/probes.h"
#include "app/plan/budget.h"
#include "base/clock.h"

enum {
    PATIENCE = 500000, /* microseconds; live, housekeeping comes ten times a second; probes wait behind it */
    FRESH = 100000,    /* who scrapes more often gets the same snapshot */
};

struct monitor {
    const struct plan *plan;
    struct http_server *server;
    int64_t opened;              /* monotonic clock */
    uint64_t budget;             /* bytes; 0: none */
    const struct monitored *run; /* valid once the stage is not STARTING */
    _Atomic int stage;           /* enum stage */
};

static enum stage stage_of(const struct monitor *monitor) {
    return (enum stage)atomic_load_explicit(&monitor->stage, memory_order_acquire);
}

/* NULL while it is being opened. */
static const struct monitored *run_of(const struct monitor *monitor) {
    return stage_of(monitor) != STAGE_STARTING ? monitor->run : NULL;
}

static const struct health *health_of(const struct monitor *monitor) {
    const struct monitored *run = run_of(monitor);
    return run ? &run->health : NULL;
}

static void print_metrics(struct monitor *monitor, FILE *stream) {
    struct metric_source source = {
        .plan = monitor->plan, .budget = monitor->budget, .waited_since = monitor->opened};
    source.run = run_of(monitor);
    if (source.run)
        source.snapshot = exchange_fetch(source.run->snapshots, PATIENCE, FRESH);
    if (source.snapshot)
        source.waited_since = source.snapshot->time;
    source.now = clock_monotonic();
    source.realtime = clock_realtime();
    process_facts_read(&source.process);
    metrics_print(&source, stream);
}

static bool print_answer(struct monitor *monitor, const char *path, struct http_answer *answer,
                         FILE *stream) {
    enum stage stage = stage_of(monitor);
    int64_t now = clock_monotonic();
    bool good = true;
    answer->content_type = "text/plain; charset=utf-8";
    if (strcmp(path, "/metrics") == 0) {
        answer->content_type = "text/plain; version=0.0.4; charset=utf-8";
        answer->is_last = true;
        print_metrics(monitor, stream);
    } else if (strcmp(path, "/livez") == 0) {
        good = probe_live(health_of(monitor), stage, now, stream);
    } else if (strcmp(path, "/readyz") == 0) {
        good = probe_ready(health_of(monitor), stage, now, stream);
    } else if (strcmp(path, "/startupz") == 0) {
        good = probe_started(stage, stream);
    } else {
        return false;
    }
    answer->status = good ? 200 : 503;
    return true;
}

static bool answer_path(void *context, const char *path, struct http_answer *answer) {
    FILE *stream = open_memstream(&answer->body, &answer->length);
    if (!stream)
        return true;
    bool known = print_answer(context, path, answer, stream);
    bool complete = fclose(stream) == 0;
    if (known && complete)
        return true;
    free(answer->body);
    answer->body = NULL;
    return known;
}

int monitor_open(const struct plan *plan, struct monitor **opened, struct error *error) {
    struct listen_address address;
    if (!plan->config->monitoring.listen)
        return 0;
    int result = listen_address_parse(plan->config->monitoring.listen, &address, error);
    if (result < 0)
        return result;
    struct monitor *monitor = calloc(1, sizeof *monitor);
    if (!monitor)
        return error_set(error, ENOMEM, EX_OSERR, "out of memory");
    monitor->plan = plan;
    monitor->opened = clock_monotonic();
    monitor->budget = budget_total(plan);
    result = http_server_open(&address, privileges_drop, answer_path, monitor, &monitor->server, error);
    if (result < 0)
        monitor_close(monitor);
    else
        *opened = monitor;
    return result;
}

void monitor_start(struct monitor *monitor, const struct monitored *monitored) {
    if (!monitor)
        return;
    monitor->run = monitored;
    atomic_store_explicit(&monitor->stage, STAGE_RUNNING, memory_order_release);
}

void monitor_stop(struct monitor *monitor) {
    if (monitor)
        atomic_store_explicit(&monitor->stage, STAGE_STOPPING, memory_order_release);
}

void monitor_close(struct monitor *monitor) {
    if (!monitor)
        return;
    http_server_close(monitor->server);
    free(monitor);
}
