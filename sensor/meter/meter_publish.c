/* Publishes the states of open flows: at numbers of packets, and at times (struct publish_options). */
#include "meter/meter_parts.h"

static struct publication *publication_of(const struct meter *meter, struct flow *flow) {
    return (struct publication *)((char *)flow + meter->offsets.publication);
}

static struct flow *flow_of(const struct meter *meter, struct publication *publication) {
    return (struct flow *)((char *)publication - meter->offsets.publication);
}

static bool publishes_by_time(const struct meter *meter) {
    return meter->offsets.publication != 0;
}

void meter_begin_publishing(struct meter *meter) {
    const struct publish_options *options = &meter->options.publish;
    unsigned count = options->early_packet_count;
    CHECK(count <= EARLY_PACKETS_MAX && options->early_after >= 0 && options->update_interval >= 0);
    CHECK(meter->native || (count == 0 && options->early_after == 0 && options->update_interval == 0));
    for (unsigned i = 0; i < count; i++)
        CHECK(options->early_packets[i] > (i > 0 ? options->early_packets[i - 1] : 0));
    meter->early_packets_last = count > 0 ? options->early_packets[count - 1] : 0;
    meter->publishes = count > 0 || options->early_after > 0 || options->update_interval > 0;
    if (options->early_after > 0)
        due_begin(&meter->earlies, options->early_after);
    if (options->update_interval > 0)
        due_begin(&meter->updates, options->update_interval);
}

/* Exports the flow as it is now; all that later records say of it stays. */
static void publish(struct meter *meter, struct flow *flow, enum record_kind kind) {
    if (flow->elsewhere || meter_is_elsewhere(meter, flow))
        return;
    if (publishes_by_time(meter))
        publication_of(meter, flow)->packets = flow_packets(flow, BIDIRECTIONAL);
    flow->record_kind = (uint8_t)kind;
    meter->shared.record_time = meter_record_time(meter);
    for (size_t i = 0; i < meter->feature_count; i++)
        if (meter->features[i]->on_show != NULL)
            meter->features[i]->on_show(&meter->context, flow);
    bool taken = meter->export_flow(meter->export_context, flow);
    for (size_t i = 0; i < meter->feature_count; i++)
        if (meter->features[i]->on_hide != NULL)
            meter->features[i]->on_hide(&meter->context, flow);
    flow->record_kind = RECORD_FINAL;
    flow->revision += taken;
    *(kind == RECORD_EARLY ? &meter->statistics.early_records : &meter->statistics.update_records) += taken;
}

void meter_begin_slice(struct meter *meter, struct flow *flow) {
    flow->revision = 0;
    if (!publishes_by_time(meter))
        return;
    struct publication *publication = publication_of(meter, flow);
    *publication = (struct publication){.began = meter->time};
    int64_t after = meter->options.publish.early_after;
    if (after > 0)
        due_add(&meter->earlies, &publication->early, meter->time + after, meter->time);
}

static void forget(struct meter *meter, struct flow *flow) {
    due_remove(&meter->earlies, &publication_of(meter, flow)->early);
    due_remove(&meter->updates, &publication_of(meter, flow)->update);
}

void meter_end_slice(struct meter *meter, struct flow *flow) {
    if (!publishes_by_time(meter))
        return;
    meter_publish_due(meter, flow);
    forget(meter, flow);
}

static bool is_early_number(const struct publish_options *options, uint64_t number) {
    for (unsigned i = 0; i < options->early_packet_count; i++)
        if (options->early_packets[i] == number)
            return true;
    return false;
}

/* At the next multiple of the interval. */
static void await_update(struct meter *meter, struct publication *publication) {
    int64_t interval = meter->options.publish.update_interval;
    int64_t passed = (meter->time - publication->began) / interval;
    due_add(&meter->updates, &publication->update, publication->began + (passed + 1) * interval, meter->time);
}

void meter_publish_after_packet(struct meter *meter, struct flow *flow) {
    uint64_t packets = flow_packets(flow, BIDIRECTIONAL);
    if (packets <= meter->early_packets_last && is_early_number(&meter->options.publish, packets))
        publish(meter, flow, RECORD_EARLY);
    if (meter->options.publish.update_interval == 0 || flow->elsewhere)
        return;
    struct publication *publication = publication_of(meter, flow);
    if (!due_is_queued(&publication->update))
        await_update(meter, publication);
}

/* Whether the flow's time was not over yet, though it may be now. */
static bool was_open_at(const struct meter *meter, struct flow *flow, int64_t time) {
    return !meter_was_idle_at(flow, time, &meter->timeouts) &&
           !(tcp_is_closed(flow) && tcp_end_is_due(meter_tcp_end(meter, flow), time));
}

/* What is due next of the two. NULL: nothing. */
static struct due_node *next_of(struct publication *publication) {
    struct due_node *early = &publication->early, *update = &publication->update;
    if (!due_is_queued(update))
        return due_is_queued(early) ? early : NULL;
    return due_is_queued(early) && early->time <= update->time ? early : update;
}

void meter_publish_due(struct meter *meter, struct flow *flow) {
    if (!publishes_by_time(meter))
        return;
    struct publication *publication = publication_of(meter, flow);
    struct due_node *node;
    while ((node = next_of(publication)) != NULL && node->time <= meter->time) {
        if (!was_open_at(meter, flow, node->time)) {
            forget(meter, flow);
        } else if (node == &publication->early) {
            due_remove(&meter->earlies, node);
            publish(meter, flow, RECORD_EARLY);
        } else {
            due_remove(&meter->updates, node);
            if (publication->packets != flow_packets(flow, BIDIRECTIONAL))
                publish(meter, flow, RECORD_UPDATE);
        }
    }
}

/* A flow of which something is due. NULL: there is none. */
static struct flow *next_due(struct meter *meter) {
    struct due_node *early = due_first(&meter->earlies, meter->time);
    if (early != NULL)
        return flow_of(meter, (struct publication *)((char *)early - offsetof(struct publication, early)));
    struct due_node *update = due_first(&meter->updates, meter->time);
    if (update != NULL)
        return flow_of(meter, (struct publication *)((char *)update - offsetof(struct publication, update)));
    return NULL;
}

bool meter_publish_sweep(struct meter *meter, uint64_t limit) {
    if (!publishes_by_time(meter))
        return false;
    for (uint64_t i = 0; i < limit; i++) {
        struct flow *flow = next_due(meter);
        if (flow == NULL || !meter_has_room(meter))
            return false;
        meter_publish_due(meter, flow);
    }
    return true;
}
