#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/host/heap.h"
#include "app/host/privileges.h"
#include "app/host/signals.h"
#include "app/run/pipeline.h"
#include "app/run/pipeline_parts.h"
#include "app/run/written.h"
#include "base/check.h"
#include "base/own_sockets.h"
#include "meter/local_pods.h"
#include "meter/process/visibility.h"

/* Files are read by one thread; of an interface each meter has its share. */
static int open_source(struct pipeline *pipeline, struct error *error) {
    const struct plan *plan = pipeline->plan;
    struct capture *captures[PLAN_METERS_MAX] = {0};
    struct capture_options options = plan->capture;
    size_t count = plan->live ? plan->meters : 1;
    options.permission_remedy = plan->live ? privileges_remedy() : NULL;
    int result = count > 1 ? capture_open_shares(&options, count, captures, error)
                           : capture_open(&options, &captures[0], error);
    for (size_t i = 0; i < count; i++) {
        if (result == 0) {
            pipeline->intake_count = i + 1;
            result = intake_open(&pipeline->intakes[i], plan, captures[i], error);
        } else {
            capture_close(captures[i]);
        }
    }
    return result;
}

static int open_lanes(struct pipeline *pipeline, struct error *error) {
    struct meter_options options = pipeline->plan->meter;
    int result = hash_key_random(&pipeline->seed);
    if (result < 0)
        return error_set(error, -result, EX_OSERR, "the kernel gives no random numbers: %s",
                         strerror(-result));
    options.visibility = pipeline->visibility;
    options.local_pods = pipeline->local_pods;
    options.seed = pipeline->plan->live ? NULL : &pipeline->seed;
    for (unsigned i = 0; result == 0 && i < pipeline->plan->meters; i++) {
        pipeline->lane_count = i + 1;
        result = lane_open(&pipeline->lanes[i], i, &options, &pipeline->delivery, error);
    }
    return result;
}

/* Started before the capture, so that sockets which are open at the first packet are known. */
static int open_visibility(struct pipeline *pipeline, struct error *error) {
    struct visibility_options options = {
        .poll_interval = pipeline->plan->config->meter.system_visibility_poll_ms * 1000,
        .enter = privileges_keep_visibility,
    };
    return pipeline->plan->system_visibility ? visibility_start(&options, &pipeline->visibility, error) : 0;
}

/* Opens what needs capabilities, and then gives them up: threads that are started later have none. */
static int open_privileged(struct pipeline *pipeline, struct error *error) {
    const struct plan *plan = pipeline->plan;
    if (plan->live)
        privileges_raise(plan->system_visibility);
    int result = open_visibility(pipeline, error);
    if (result == 0)
        result = open_source(pipeline, error);
    privileges_drop();
    return result;
}

/* Before anything is opened that others may have made. */
static void open_sandbox(struct pipeline *pipeline) {
    const struct plan *plan = pipeline->plan;
    struct written written;
    written_list(plan, &written);
    struct sandbox_options options = {
        .live = plan->live,
        .looks = plan->system_visibility,
        .written = written.places,
        .written_count = written.count,
    };
    if (plan->config->sandbox)
        sandbox_open(&pipeline->sandbox, &options);
}

/* From here on the monitor tells of the run; scrapes ask the delivering thread. */
static int show_to_monitor(struct pipeline *pipeline, struct error *error) {
    struct monitored *monitored = &pipeline->monitored;
    struct health *health = &monitored->health;
    if (!pipeline->monitor)
        return 0;
    if (exchange_open(&pipeline->exchange, pipeline->lanes[0].applications.count) < 0)
        return error_set(error, ENOMEM, EX_OSERR, "out of memory");
    monitored->interface = pipeline->plan->live ? capture_source_name(pipeline->intakes[0].capture) : "";
    monitored->namer = pipeline->lanes[0].meter;
    monitored->capture = pipeline->intakes[0].capture;
    monitored->reload = &pipeline->reload.account;
    monitored->snapshots = &pipeline->exchange;
    health->capture_count = pipeline->intake_count;
    for (size_t i = 0; i < pipeline->intake_count; i++)
        health->captures[i] = &pipeline->intakes[i].heartbeat;
    health->delivery = &pipeline->delivery.heartbeat;
    health->output_count = CONFIG_OUTPUTS_MAX;
    for (size_t i = 0; i < CONFIG_OUTPUTS_MAX; i++)
        health->outputs[i] = &pipeline->delivery.outputs[i].health;
    monitor_start(pipeline->monitor, monitored);
    return 0;
}

static bool describe_interface(const void *context, uint16_t interface, char name[PLACE_NAME_SIZE],
                               const char **role) {
    return capture_interface(context, interface, name, role);
}

static bool has_interface(const void *context, uint16_t interface) {
    return capture_has_interface(context, interface);
}

static int open_local_pods(struct pipeline *pipeline, struct error *error) {
    if (!pipeline->plan->pods_once)
        return 0;
    pipeline->local_pods = local_pods_create(has_interface, pipeline->intakes[0].capture);
    return pipeline->local_pods != NULL ? 0 : error_set(error, ENOMEM, EX_OSERR, "out of memory");
}

/* What records say of where a flow was seen. */
static void tell_places(struct pipeline *pipeline) {
    const struct capture *capture = pipeline->intakes[0].capture;
    pipeline->delivery.capture_files = capture_file_names(capture);
    pipeline->places = (struct places){.describe = describe_interface, .context = capture};
    pipeline->delivery.places = pipeline->plan->live ? &pipeline->places : NULL;
}

int pipeline_open(const struct plan *plan, struct pipeline **opened, struct error *error) {
    struct pipeline *pipeline = cache_line_calloc(1, sizeof *pipeline);
    if (!pipeline)
        return error_set(error, ENOMEM, EX_OSERR, "out of memory");
    pipeline->magic = PIPELINE_MAGIC;
    pipeline->plan = plan;
    reload_begin(&pipeline->reload, plan, &pipeline->delivery);
    heap_keep_freed();
    failure_init(&pipeline->failure, &pipeline->progress);
    signals_install(plan->config->delivery.shutdown_timeout);
    service_manager_open(&pipeline->service_manager);
    own_sockets_enable(plan->decode.ignore_own_sockets);
    open_sandbox(pipeline);
    bool has_loss_gaps = meter_asks_for(&plan->meter, FEATURE_tcp_gaps);
    int result = monitor_open(plan, &pipeline->monitor, error);
    if (result == 0)
        result = open_privileged(pipeline, error);
    if (result == 0)
        tell_places(pipeline);
    if (result == 0)
        result = open_local_pods(pipeline, error);
    if (result == 0)
        result = delivery_open(&pipeline->delivery, plan, &pipeline->failure, error);
    if (result == 0)
        result = open_lanes(pipeline, error);
    if (result == 0 && plan->report_interval > 0)
        result = reporter_open(plan->report_interval, has_loss_gaps, &pipeline->reporter, error);
    if (result == 0 && plan->heartbeat_interval > 0)
        result = reporter_open(plan->heartbeat_interval, has_loss_gaps, &pipeline->heartbeats, error);
    if (result == 0)
        result = show_to_monitor(pipeline, error);
    sandbox_tighten(&pipeline->sandbox);
    if (result == 0)
        *opened = pipeline;
    else
        pipeline_close(pipeline);
    /* A wait that a signal broke off, as for the first byte of standard input, is no failure. */
    if (result < 0 && shutdown_asked())
        *error = (struct error){.exit_code = EX_OK};
    return result;
}

void pipeline_close(struct pipeline *pipeline) {
    if (!pipeline)
        return;
    CHECK(IS_VALID(pipeline, PIPELINE_MAGIC));
    signals_watch(NULL, 0);
    monitor_close(pipeline->monitor);
    exchange_close(&pipeline->exchange);
    service_manager_close(&pipeline->service_manager);
    prefault_stop(&pipeline->prefault);
    reporter_close(pipeline->reporter);
    reporter_close(pipeline->heartbeats);
    delivery_close(&pipeline->delivery);
    for (size_t i = 0; i < pipeline->lane_count; i++)
        lane_close(&pipeline->lanes[i]);
    for (size_t i = 0; i < pipeline->intake_count; i++)
        intake_close(&pipeline->intakes[i]);
    visibility_stop(pipeline->visibility);
    local_pods_destroy(pipeline->local_pods);
    own_sockets_release();
    reload_close(&pipeline->reload);
    sandbox_close(&pipeline->sandbox);
    MAGIC_CLEAR(pipeline);
    free(pipeline);
}

void pipeline_reload_from(struct pipeline *pipeline, const struct config_source *source) {
    pipeline->reload.source = source;
    pipeline->reload.sandbox = &pipeline->sandbox;
    pipeline->reload.capture = pipeline->plan->live ? pipeline->intakes[0].capture : NULL;
}
