#include "app/run/heartbeats.h"

#include "app/run/pipeline_parts.h"
#include "base/clock.h"

void heartbeats_begin(struct pipeline *pipeline) {
    snapshot_clear(&pipeline->heartbeat);
    delivery_count(&pipeline->delivery, &pipeline->heartbeat);
}

void heartbeats_send(struct pipeline *pipeline, bool is_last) {
    struct delivery *delivery = &pipeline->delivery;
    int64_t last_seqs[CONFIG_OUTPUTS_MAX] = {0};
    for (size_t i = 0; i < delivery->count; i++)
        last_seqs[i] = output_last_seq(&delivery->outputs[i]);
    delivery_report(delivery,
                    reporter_make_heartbeat(pipeline->heartbeats, &pipeline->heartbeat, last_seqs,
                                            clock_monotonic(), is_last),
                    true);
}

static void make_heartbeat(struct pipeline *pipeline, bool is_last) {
    heartbeats_begin(pipeline);
    pipeline_count(pipeline, &pipeline->heartbeat.ledger);
    heartbeats_send(pipeline, is_last);
}

void heartbeats_run(struct pipeline *pipeline, int64_t now) {
    if (reporter_due(pipeline->heartbeats, now))
        make_heartbeat(pipeline, false);
}

void heartbeats_end(struct pipeline *pipeline) {
    if (pipeline->heartbeats)
        make_heartbeat(pipeline, true);
}
