#include "meter/meter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cache_line.h"
#include "meter/dissect.h"
#include "meter/meter_parts.h"
#include "meter/process/visibility.h"
#include "meter/udps.h"

enum {
    FLOW_TABLE_SIZE_MIN = 1024,
    BLOCK_ALIGNMENT = 8,
    SWEEP_MILLISECONDS = 10,
};

/* Adds a state to a flow's block of `*size` bytes so far. Returns where it lies; 0: there is none. */
static uint32_t block_add(size_t *size, size_t state) {
    if (state == 0)
        return 0;
    size_t offset = (*size + BLOCK_ALIGNMENT - 1) / BLOCK_ALIGNMENT * BLOCK_ALIGNMENT;
    *size = offset + state;
    CHECK(*size <= UINT32_MAX);
    return (uint32_t)offset;
}

/* What lies where in a flow's block; returns its size. */
static size_t block_lay_out(const struct meter_options *options, struct flow_shared *shared,
                            struct block_offsets *offsets) {
    bool by_time = options->publish.early_after > 0 || options->publish.update_interval > 0;
    size_t size = sizeof(struct flow);
    for (size_t i = 0; i < FEATURE_COUNT; i++)
        shared->offset[i] = block_add(&size, feature_table[i]->state_size(options));
    offsets->tcp_end = block_add(&size, options->tcp_end ? sizeof(struct tcp_end) : 0);
    offsets->publication = block_add(&size, by_time ? sizeof(struct publication) : 0);
    return size;
}

static void meter_choose_features(struct meter *meter) {
    for (size_t i = 0; i < FEATURE_COUNT; i++)
        if (meter->shared.offset[i] != 0)
            meter->features[meter->feature_count++] = feature_table[i];
}

static uint64_t options_flows(const struct meter_options *options) {
    return options->flow_table_size > FLOW_TABLE_SIZE_MIN ? options->flow_table_size : FLOW_TABLE_SIZE_MIN;
}

/* One block more than flows: the spare one. */
static struct pool_options options_blocks(const struct meter_options *options, size_t block_size) {
    size_t blocks = options_flows(options) + 1;
    return (struct pool_options){
        .object_size = block_size,
        .max_objects = blocks,
        .preallocate = options->preallocate ? blocks : 1,
    };
}

static int meter_no_memory(const struct meter *meter, struct error *error) {
    return error_set(error, ENOMEM, EX_OSERR,
                     "no memory for a table of %llu flows; lower meter.flow_table_size",
                     (unsigned long long)meter->options.flow_table_size);
}

static struct dissector_options options_dissector(const struct meter_options *options) {
    return (struct dissector_options){
        .n_dissections = options->n_dissections,
        .milliseconds = options->profile != PROFILE_NATIVE,
        .flow_table_size = options_flows(options),
        .states = options->dissection_flows > 0 && options->dissection_flows <= options_flows(options)
                      ? options->dissection_flows
                      : options_flows(options) + 1,
        .preallocate = options->preallocate,
        .parts = options->l7_parts,
    };
}

static int meter_create_dissector(struct meter *meter, struct error *error) {
    if (meter->options.n_dissections == 0)
        return 0;
    struct dissector_options options = options_dissector(&meter->options);
    int result = dissector_create(&options, &meter->dissector, error);
    meter->context.dissector = meter->dissector;
    if (result == 0)
        meter->shared.labels = dissector_labels(meter->dissector);
    return result;
}

static int meter_create_udps(struct meter *meter, struct error *error) {
    if (meter->options.udps == NULL)
        return 0;
    return udps_instance_create(meter->options.udps, meter->native ? 1000000 : 1000, &meter->context.udps,
                                error);
}

static int meter_create_memory(struct meter *meter, struct error *error) {
    int result = 0;
    if (meter->options.seed != NULL)
        meter->seed = *meter->options.seed;
    else
        result = hash_key_random(&meter->seed);
    if (result < 0)
        return error_set(error, -result, EX_OSERR,
                         "the kernel gives no random numbers for the flow table: %s", strerror(-result));
    size_t flows = meter->options.flow_table_size;
    meter->ended = ended_create();
    struct pool_options pool =
        options_blocks(&meter->options, block_lay_out(&meter->options, &meter->shared, &meter->offsets));
    meter_choose_features(meter);
    if (meter_begin_bounds(meter) < 0)
        return meter_no_memory(meter, error);
    meter->blocks = pool_create(&pool);
    if (meter->blocks != NULL)
        meter->spare = pool_take(meter->blocks);
    if (meter->ended == NULL || meter->spare == NULL ||
        table_create(&meter->table, meter->options.preallocate ? flows : 0, pool.object_size) < 0)
        return meter_no_memory(meter, error);
    /* One more: a slice that was cut is exported while its flow goes on. */
    if (meter->options.visibility != NULL &&
        (meter->context.visibility = visibility_join(meter->options.visibility, flows + 1)) == NULL)
        return meter_no_memory(meter, error);
    result = meter_create_dissector(meter, error);
    return result == 0 ? meter_create_udps(meter, error) : result;
}

int meter_create(const struct meter_options *options, meter_export_call *export_flow, void *context,
                 struct meter **meter, struct error *error) {
    CHECK(options->n_dissections <= UINT8_MAX && options->splt_analysis <= UINT16_MAX && export_flow != NULL);
    CHECK((!options->tcp_end && options->udp_answered_timeout == 0) || options->profile == PROFILE_NATIVE);
    CHECK(options->udp_answered_timeout <= options->idle_timeout);
    struct meter *new = cache_line_calloc(1, sizeof(*new));
    if (new == NULL)
        return error_set(error, ENOMEM, EX_OSERR, "no memory for a meter; free some");
    new->magic = METER_MAGIC;
    new->options = *options;
    new->shared.record_time = INT64_MIN;
    new->options.flow_table_size = options_flows(options);
    new->native = options->profile == PROFILE_NATIVE;
    new->sweep_interval = new->native ? SWEEP_MILLISECONDS * 1000 : SWEEP_MILLISECONDS;
    new->export_flow = export_flow;
    new->export_context = context;
    new->context.options = new->shared.options = &new->options;
    new->context.loss_gap_bytes = &new->statistics.loss_gap_bytes;
    meter_begin_overload(new);
    meter_begin_publishing(new);
    int result = meter_create_memory(new, error);
    if (result < 0) {
        meter_destroy(new);
        return result;
    }
    *meter = new;
    return 0;
}

bool meter_takes_timeouts(const struct meter_options *from, const struct meter_options *to) {
    /* Sizes of the states, not of the block: one may grow by what another shrinks. */
    for (size_t i = 0; i < FEATURE_COUNT; i++)
        if (feature_table[i]->state_size(from) != feature_table[i]->state_size(to))
            return false;
    return true;
}

void meter_set_timeouts(struct meter *meter, int64_t idle_timeout, int64_t active_timeout) {
    CHECK(IS_VALID(meter, METER_MAGIC));
    meter->options.idle_timeout = idle_timeout;
    meter->options.active_timeout = active_timeout;
    meter_obey_timeouts(meter);
}

void meter_ask_for_room(struct meter *meter, meter_room_call *has_room) {
    CHECK(IS_VALID(meter, METER_MAGIC));
    meter->has_room = has_room;
}

void meter_destroy(struct meter *meter) {
    if (meter == NULL)
        return;
    CHECK(IS_VALID(meter, METER_MAGIC));
    struct flow *flow;
    while ((flow = expiry_victim(&meter->expiry, 0)) != NULL) {
        expiry_remove(&meter->expiry, flow);
        meter_release_features(meter, flow, NULL);
    }
    visibility_leave(meter->context.visibility);
    pool_destroy(meter->blocks);
    table_destroy(&meter->table);
    dissector_destroy(meter->dissector);
    udps_instance_destroy(meter->context.udps);
    ended_destroy(meter->ended);
    open_slices_destroy(meter->slices);
    MAGIC_CLEAR(meter);
    free(meter);
}

void meter_begin_recording(struct meter *meter) {
    meter_finish(meter, END_OF_INPUT);
    meter->time = meter->last_sweep = 0;
    meter->shared.record_time = INT64_MIN;
    meter->turned = meter->held_last = 0;
    meter->held_most = 0;
    meter->is_behind = false;
    ended_begin_recording(meter->ended);
}

size_t meter_protocol_count(const struct meter *meter) {
    return meter->dissector != NULL ? dissector_protocol_count(meter->dissector) : 0;
}

const char *meter_protocol_name(const struct meter *meter, size_t number) {
    CHECK(number < meter_protocol_count(meter));
    return dissector_protocol_name(meter->dissector, number);
}

bool meter_protocol(const struct meter *meter, size_t number, struct l7_protocol *protocol) {
    CHECK(number < meter_protocol_count(meter));
    return dissector_protocol(meter->dissector, number, protocol);
}

void meter_statistics(const struct meter *meter, struct meter_statistics *statistics) {
    CHECK(IS_VALID(meter, METER_MAGIC));
    *statistics = meter->statistics;
    statistics->flows_open = meter->table.count;
    statistics->overload_level = meter->overload.level;
    statistics->overload_time = meter->overload.time;
    memcpy(statistics->overload_entered, meter->overload.entered, sizeof meter->overload.entered);
    statistics->memory =
        sizeof(*meter) + ended_memory_for() + table_memory(&meter->table) + pool_memory(meter->blocks);
    if (meter->slices != NULL)
        statistics->memory += open_slices_memory();
    if (meter->dissector != NULL) {
        statistics->memory += dissector_memory(meter->dissector);
        statistics->flows_undecided = dissector_undecided(meter->dissector);
        statistics->flows_undissected = dissector_undissected(meter->dissector);
    }
}

void meter_back_memory(const struct meter *meter, const atomic_bool *stop) {
    CHECK(IS_VALID(meter, METER_MAGIC));
    pool_back(meter->blocks, stop);
    if (meter->dissector != NULL)
        dissector_back_memory(meter->dissector, stop);
}

void meter_budget(const struct meter_options *options, struct meter_budget *budget) {
    struct flow_shared shared;
    struct block_offsets offsets;
    struct pool_options blocks = options_blocks(options, block_lay_out(options, &shared, &offsets));
    struct dissector_options labels = options_dissector(options);
    *budget = (struct meter_budget){0};
    budget->flows = sizeof(struct meter) + ended_memory_for() + table_memory_for(options_flows(options)) +
                    pool_memory_for(&blocks, blocks.max_objects);
    if (options->bounds)
        budget->flows += open_slices_memory();
    if (options->system_visibility)
        budget->flows += visibility_memory_for(options_flows(options) + 1);
    if (options->n_dissections > 0)
        dissector_budget(&labels, &budget->dissector);
}

uint64_t meter_flows_exported(const struct meter_statistics *statistics) {
    uint64_t exported = 0;
    for (int i = 0; i < END_REASON_COUNT; i++)
        exported += statistics->flows_exported[i];
    return exported;
}

uint64_t meter_exports(const struct meter_statistics *statistics, enum record_kind kind) {
    switch (kind) {
    case RECORD_EARLY: return statistics->early_records;
    case RECORD_UPDATE: return statistics->update_records;
    default: return meter_flows_exported(statistics);
    }
}
