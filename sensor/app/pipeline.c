#include "app/pipeline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/control.h"
#include "app/progress.h"
#include "app/registry_options.h"
#include "base/clock.h"
#include "base/log.h"
#include "meter/visibility.h"

enum {
    PACKETS_PER_HOUSEKEEPING = 4096,     /* a look at the clock costs as much as a packet */
    HOUSEKEEPING_MICROSECONDS = 1000000, /* kernel drops are looked up this often */
};

struct pipeline {
    const struct plan *plan;
    struct capture *capture;
    struct decoder *decoder;
    struct visibility *visibility;
    struct meter *meter;
    struct output outputs[CONFIG_OUTPUTS_MAX];
    size_t output_count;
    struct ledger ledger;
    struct progress progress;
    int64_t started, housekept; /* monotonic clock */
    int64_t second;             /* of the last frame */
    uint64_t dropped;           /* by kernel and interface at the last look */
    bool output_failed;
    struct error *error; /* of pipeline_run(): the first failure */
};

/* Said at once, since a live source may go on for long; the first one decides the exit code. */
static void fail(struct pipeline *pipeline, const struct error *error) {
    progress_end(&pipeline->progress);
    log_line(LOG_ERROR, "%s", error->text);
    if (pipeline->error->exit_code == 0)
        *pipeline->error = *error;
}

/* The meter's export call. */
static void export_flow(void *context, const struct flow *flow) {
    struct pipeline *pipeline = context;
    struct error error = {0};
    for (size_t i = 0; i < pipeline->output_count; i++) {
        struct output *output = &pipeline->outputs[i];
        if (!output->failed && output_write(output, flow, &error) < 0) {
            pipeline->output_failed = true;
            fail(pipeline, &error);
        }
    }
}

static int open_outputs(struct pipeline *pipeline, struct error *error) {
    struct registry *registry = NULL;
    int result = registry_open_configured(pipeline->plan->config, &registry, error);
    for (size_t i = 0; result == 0 && i < pipeline->plan->output_count; i++) {
        pipeline->output_count = i + 1;
        result =
            output_open(&pipeline->outputs[i], &pipeline->plan->outputs[i], pipeline->plan, registry, error);
    }
    registry_close(registry);
    return result;
}

/* Before the capture: what is open when the first packet comes is known then. */
static int open_visibility(struct pipeline *pipeline, struct error *error) {
    struct visibility_options options = {
        .poll_interval = pipeline->plan->config->meter.system_visibility_poll_ms * 1000,
    };
    return pipeline->plan->system_visibility ? visibility_start(&options, &pipeline->visibility, error) : 0;
}

static int open_meter(struct pipeline *pipeline, struct error *error) {
    struct meter_options options = pipeline->plan->meter;
    options.visibility = pipeline->visibility;
    return meter_create(&options, export_flow, pipeline, &pipeline->meter, error);
}

int pipeline_open(const struct plan *plan, struct pipeline **opened, struct error *error) {
    struct pipeline *pipeline = calloc(1, sizeof *pipeline);
    if (!pipeline)
        return error_set(error, ENOMEM, EX_OSERR, "out of memory");
    pipeline->plan = plan;
    control_install(plan->config->delivery.shutdown_timeout);
    int result = open_visibility(pipeline, error);
    if (result == 0)
        result = capture_open(&plan->capture, &pipeline->capture, error);
    if (result == 0)
        result = open_outputs(pipeline, error);
    if (result == 0)
        result = open_meter(pipeline, error);
    if (result == 0 && !(pipeline->decoder = decoder_create(&plan->decode)))
        result = error_set(error, ENOMEM, EX_OSERR, "out of memory");
    if (result == 0)
        *opened = pipeline;
    else
        pipeline_close(pipeline);
    /* A wait that a signal broke off, as for the first byte of standard input, is no failure. */
    if (result < 0 && control_stopping())
        *error = (struct error){.exit_code = EX_OK};
    return result;
}

void pipeline_close(struct pipeline *pipeline) {
    if (!pipeline)
        return;
    control_watch(NULL);
    for (size_t i = 0; i < pipeline->output_count; i++)
        output_close(&pipeline->outputs[i]);
    meter_destroy(pipeline->meter);
    visibility_stop(pipeline->visibility);
    decoder_destroy(pipeline->decoder);
    capture_close(pipeline->capture);
    free(pipeline);
}

/* A capture of which nothing is decoded would otherwise look like one without flows. */
static void warn_of_link_type(const struct pipeline *pipeline, int link_type) {
    if (pipeline->ledger.ignored[DECODE_link_type] == 1)
        log_line(
            LOG_WARNING,
            "%s: link type %d (DLT) is not decoded; its packets are counted as ignored (link_type); record Ethernet, raw IP or Linux cooked instead",
            capture_source_name(pipeline->capture), link_type);
}

static void meter_frame(struct pipeline *pipeline, const struct frame *frame) {
    struct packet packet;
    enum decode_reason reason = decoder_decode(pipeline->decoder, frame, &packet);
    pipeline->ledger.packets++;
    pipeline->ledger.ignored[reason]++;
    if (reason == DECODE_METERED)
        meter_packet(pipeline->meter, &packet);
    else if (reason == DECODE_link_type)
        warn_of_link_type(pipeline, frame->link_type);
}

static void look_for_drops(struct pipeline *pipeline) {
    struct capture_statistics statistics;
    capture_statistics(pipeline->capture, &statistics);
    uint64_t dropped = statistics.dropped_kernel + statistics.dropped_interface;
    if (dropped == pipeline->dropped)
        return;
    pipeline->dropped = dropped;
    for (size_t i = 0; i < pipeline->output_count; i++)
        recorder_loss(pipeline->outputs[i].recorder, decoder_time(pipeline->decoder));
}

static void poll_outputs(struct pipeline *pipeline) {
    struct error error = {0};
    for (size_t i = 0; i < pipeline->output_count; i++) {
        struct output *output = &pipeline->outputs[i];
        if (!output->failed && output_poll(output, &error) < 0) {
            pipeline->output_failed = true;
            fail(pipeline, &error);
        }
    }
}

/* Every so many packets; on a live link too slow for that, but never quiet, once a second of the packets' time. */
static bool housekeeping_due(struct pipeline *pipeline, const struct frame *frame) {
    bool new_second = pipeline->plan->live && frame->seconds != pipeline->second;
    pipeline->second = frame->seconds;
    return new_second || pipeline->ledger.packets % PACKETS_PER_HOUSEKEEPING == 0;
}

static void keep_house(struct pipeline *pipeline) {
    int64_t now = clock_monotonic();
    poll_outputs(pipeline);
    if (pipeline->progress.on) {
        struct capture_statistics statistics;
        struct meter_statistics meter;
        capture_statistics(pipeline->capture, &statistics);
        meter_statistics(pipeline->meter, &meter);
        progress_show(&pipeline->progress, statistics.bytes_read, statistics.bytes_total,
                      pipeline->ledger.packets, meter.flows_opened);
    }
    if (pipeline->plan->live && now - pipeline->housekept >= HOUSEKEEPING_MICROSECONDS) {
        pipeline->housekept = now;
        look_for_drops(pipeline);
    }
}

/* A quiet live link: packet time goes on with the host's clock, so that idle flows end. */
static void meter_silence(struct pipeline *pipeline) {
    int64_t now = clock_realtime();
    meter_tick(pipeline->meter, decoder_advance(pipeline->decoder, now / 1000000, (int32_t)(now % 1000000)));
    keep_house(pipeline);
}

/* Until the end of the source, a signal, or an output that can't go on. */
static void read_source(struct pipeline *pipeline) {
    struct frame frame;
    struct error error = {0};
    enum capture_event event = CAPTURE_FRAME;
    while (event != CAPTURE_END && !pipeline->output_failed) {
        if (capture_next(pipeline->capture, &frame, &event, &error) < 0) {
            fail(pipeline, &error);
            return;
        }
        if (event == CAPTURE_FRAME) {
            meter_frame(pipeline, &frame);
            if (housekeeping_due(pipeline, &frame))
                keep_house(pipeline);
        } else if (event == CAPTURE_IDLE) {
            meter_silence(pipeline);
        }
    }
}

/* How long an output may still take, in microseconds: one that failed has had its time. */
static int64_t flush_limit(const struct pipeline *pipeline, const struct output *output) {
    int64_t deadline = control_deadline();
    if (output->failed)
        return 0;
    if (deadline == 0)
        return pipeline->plan->config->delivery.timeout;
    int64_t left = deadline - clock_monotonic();
    return left > 0 ? left : 0;
}

static void flush_outputs(struct pipeline *pipeline) {
    for (size_t i = 0; i < pipeline->output_count; i++) {
        struct output *output = &pipeline->outputs[i];
        struct error error = {0};
        bool patient = control_deadline() == 0;
        if (output->plan->sink->flush(output->sink, flush_limit(pipeline, output), patient, &error) < 0 &&
            !output->failed)
            fail(pipeline, &error);
    }
}

int pipeline_run(struct pipeline *pipeline, struct error *error) {
    *error = (struct error){0};
    pipeline->error = error;
    control_watch(pipeline->capture);
    pipeline->started = clock_monotonic();
    progress_start(&pipeline->progress, !pipeline->plan->live);

    read_source(pipeline);
    bool shut_down = control_stopping() || pipeline->plan->live;
    if (shut_down)
        control_end();
    meter_finish(pipeline->meter, shut_down ? END_SHUTDOWN : END_OF_INPUT);
    flush_outputs(pipeline);

    progress_end(&pipeline->progress);
    pipeline->ledger.seconds = (double)(clock_monotonic() - pipeline->started) / 1e6;
    return error->exit_code == 0 ? 0 : -EIO;
}

void pipeline_log_ledger(struct pipeline *pipeline) {
    capture_statistics(pipeline->capture, &pipeline->ledger.capture);
    meter_statistics(pipeline->meter, &pipeline->ledger.meter);
    pipeline->ledger.times_raised = decoder_times_raised(pipeline->decoder);
    if (pipeline->visibility)
        visibility_statistics(pipeline->visibility, &pipeline->ledger.processes);
    ledger_log(&pipeline->ledger, pipeline->outputs, pipeline->output_count);
}
