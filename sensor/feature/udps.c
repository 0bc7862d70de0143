/* User-defined fields: what counters count, and the calls of plugins. What they are is loaded by meter/udps.c. */
#include "meter/feature.h"

#include <string.h>

#include "meter/l7.h"
#include "meter/options.h"
#include "meter/udps.h"
#include "record/field/field_getters.h"

static size_t udps_state_size(const struct meter_options *options) {
    return options->udps != NULL ? options->udps->state_size : 0;
}

static void *udps_plugin_state(struct udps_state *state, const struct udps_plugin *plugin) {
    return (char *)state + plugin->state_offset;
}

static void udps_on_init(const struct feature_context *context, struct flow *flow) {
    struct udps_state *state = flow_feature(flow, FEATURE_udps);
    memset(state, 0, context->options->udps->state_size);
    state->instance = context->udps;
}

static struct flowsensor_counters udps_view_counters(const struct flow *flow, enum flow_direction direction) {
    const struct flow_counters counters = flow_counters(flow, direction);
    if (counters.packets == 0)
        return (struct flowsensor_counters){0};
    return (struct flowsensor_counters){flow_wall_time(flow, counters.first_seen),
                                        flow_wall_time(flow, counters.last_seen), counters.packets,
                                        counters.bytes};
}

static void udps_view_flow(const struct udps_instance *instance, const struct flow *flow,
                           struct flowsensor_flow *view) {
    const struct l7_label *label = flow_has(flow, FEATURE_l7) ? l7_label(flow) : NULL;
    *view = (struct flowsensor_flow){
        .ticks_per_second = instance->ticks_per_second,
        .bidirectional = udps_view_counters(flow, BIDIRECTIONAL),
        .src2dst = udps_view_counters(flow, SRC2DST),
        .dst2src = udps_view_counters(flow, DST2SRC),
        .source = flow_source(flow),
        .destination = flow_destination(flow),
        .source_mac = flow->source_mac,
        .destination_mac = flow->destination_mac,
        .application_name = label != NULL ? label->name : NULL,
        .application_category_name = label != NULL ? label->category_name : NULL,
        .slice = flow->slice,
        .source_port = flow_source_port(flow),
        .destination_port = flow_destination_port(flow),
        .vlan_id = flow->key.vlan_id,
        .ip_version = flow->ip_version,
        .protocol = flow->key.protocol,
        .tunnel_id = flow_tunnel(flow),
    };
}

static void udps_view_packet(const struct flow *flow, const struct packet *packet,
                             enum flow_direction direction, struct flowsensor_packet *view) {
    *view = (struct flowsensor_packet){
        .time = flow_wall_time(flow, packet->time),
        .interval =
            flow_packets(flow, BIDIRECTIONAL) > 0 ? packet->time - flow_last_seen(flow, BIDIRECTIONAL) : 0,
        .ip = packet->ip,
        .ip_captured = packet->ip_captured,
        .raw_size = packet->size[ACCOUNT_RAW],
        .ip_size = packet->size[ACCOUNT_IP],
        .transport_size = packet->size[ACCOUNT_TRANSPORT],
        .payload_size = packet->size[ACCOUNT_PAYLOAD],
        .source = packet->source,
        .destination = packet->destination,
        .source_mac = packet->source_mac,
        .destination_mac = packet->destination_mac,
        .source_port = packet->source_port,
        .destination_port = packet->destination_port,
        .vlan_id = packet->vlan_id,
        .direction = direction == SRC2DST ? FLOWSENSOR_SRC2DST : FLOWSENSOR_DST2SRC,
        .ip_version = packet->ip_version,
        .protocol = packet->protocol,
        .tunnel_id = packet->tunnel,
        .tcp_flags = packet->tcp_flags,
    };
}

static void udps_count_view(struct flowsensor_counters *counters, int64_t time, uint32_t size) {
    if (counters->packets == 0)
        counters->first_seen = time;
    counters->last_seen = time;
    counters->packets++;
    counters->bytes += size;
}

/* All plugins see the packet, even if one of them ends the flow, as in NFStream. */
static void udps_call_plugins(const struct udps_instance *instance, struct flow *flow,
                              const struct packet *packet, enum flow_direction direction, uint32_t size) {
    bool first = flow_packets(flow, BIDIRECTIONAL) == 0;
    struct udps_state *state = flow_feature(flow, FEATURE_udps);
    struct flowsensor_packet packet_view;
    struct flowsensor_flow flow_view;
    udps_view_packet(flow, packet, direction, &packet_view);
    udps_view_flow(instance, flow, &flow_view);
    udps_count_view(&flow_view.bidirectional, packet_view.time, size);
    udps_count_view(direction == SRC2DST ? &flow_view.src2dst : &flow_view.dst2src, packet_view.time, size);
    for (size_t i = 0; i < instance->udps->plugin_count; i++) {
        const struct udps_plugin *plugin = &instance->udps->plugins[i];
        enum flowsensor_verdict (*call)(void *, const struct flowsensor_packet *,
                                        const struct flowsensor_flow *, void *) =
            first ? plugin->descriptor->on_init : plugin->descriptor->on_update;
        if (call != NULL && call(instance->contexts[i], &packet_view, &flow_view,
                                 udps_plugin_state(state, plugin)) == FLOWSENSOR_END_FLOW)
            flow->end_reason = END_PLUGIN;
    }
}

static void udps_on_update(const struct feature_context *context, struct flow *flow,
                           const struct packet *packet, enum flow_direction direction, uint32_t size) {
    struct udps_state *state = flow_feature(flow, FEATURE_udps);
    const struct udps *udps = context->options->udps;
    for (size_t i = 0; i < udps->counter_count; i++) {
        if (!packet_filter_matches(udps->counters[i].filter, packet))
            continue;
        uint64_t step = udps->counters[i].bytes ? size : 1;
        if (direction == SRC2DST)
            state->counts[i].source += step;
        else
            state->counts[i].destination += step;
    }
    if (udps->plugin_count > 0)
        udps_call_plugins(context->udps, flow, packet, direction, size);
}

static void udps_on_expire(const struct feature_context *context, struct flow *flow) {
    struct udps_state *state = flow_feature(flow, FEATURE_udps);
    const struct udps *udps = context->options->udps;
    struct flowsensor_flow view;
    if (udps->plugin_count == 0)
        return;
    udps_view_flow(context->udps, flow, &view);
    view.end_reason = flow_end_reason(flow);
    for (size_t i = 0; i < udps->plugin_count; i++)
        if (udps->plugins[i].descriptor->on_expire != NULL)
            udps->plugins[i].descriptor->on_expire(context->udps->contexts[i], &view,
                                                   udps_plugin_state(state, &udps->plugins[i]));
}

static void udps_on_release(const struct feature_context *context, struct flow *flow, struct flow *next) {
    struct udps_state *state = flow_feature(flow, FEATURE_udps);
    const struct udps *udps = context->options->udps;
    (void)next;
    if (flow->elsewhere) /* plugins saw none of its packets */
        return;
    for (size_t i = 0; i < udps->plugin_count; i++)
        if (udps->plugins[i].descriptor->on_release != NULL)
            udps->plugins[i].descriptor->on_release(context->udps->contexts[i],
                                                    udps_plugin_state(state, &udps->plugins[i]));
}

/* Asks for the field's value of a flow that is being exported. *value is valid until the next call for a flow of the same
 * meter. */
static void udps_value(const struct flow *flow, const struct udps_field *field,
                       struct flowsensor_value *value) {
    struct udps_state *state = flow_feature(flow, FEATURE_udps);
    struct udps_instance *instance = state->instance;
    *value = (struct flowsensor_value){.scratch = instance->scratch};
    if (field->is_counter) {
        const struct udps_counts *counts = &state->counts[field->source];
        uint64_t count = (field->direction != DST2SRC ? counts->source : 0) +
                         (field->direction != SRC2DST ? counts->destination : 0);
        flowsensor_set_integer(value, count > INT64_MAX ? INT64_MAX : (int64_t)count);
        return;
    }
    const struct udps_plugin *plugin = &instance->udps->plugins[field->source];
    struct flowsensor_flow view;
    udps_view_flow(instance, flow, &view);
    view.end_reason = flow_end_reason(flow);
    plugin->descriptor->get(instance->contexts[field->source], &view, udps_plugin_state(state, plugin),
                            field->index, value);
}

const struct feature feature_udps = {
    .name = "udps",
    .state_size = udps_state_size,
    .on_init = udps_on_init,
    .on_update = udps_on_update,
    .on_expire = udps_on_expire,
    .on_release = udps_on_release,
};

/* A record is its fields; encodings ask for no more than that it is there. */
void get_udps(const struct record_source *source, enum flow_direction direction, struct value *value) {
    (void)source;
    (void)direction;
    value->is_null = false;
}

static int64_t bounded_int(int64_t integer) {
    return integer > INT32_MAX ? INT32_MAX : integer < INT32_MIN ? INT32_MIN : integer;
}

/* Cut to FLOWSENSOR_TEXT_MAX bytes, between characters. */
static struct flowsensor_text bounded_text(struct flowsensor_text text) {
    if (text.bytes == NULL)
        text.length = 0;
    if (text.length > FLOWSENSOR_TEXT_MAX) {
        text.length = FLOWSENSOR_TEXT_MAX;
        for (int i = 0; i < 3 && ((unsigned char)text.bytes[text.length] & 0xc0) == 0x80; i++)
            text.length--;
    }
    return text;
}

/* Copies a text, made clean, to `room`, which has text_sanitized_bound() bytes: the plugin's memory is valid for the
 * call only. Returns the copy's end. */
static char *copy_text(struct flowsensor_text from, char *room, struct text *to) {
    *to = text_sanitize(from.bytes, from.length, room);
    if (to->bytes != room && to->length > 0)
        memcpy(room, to->bytes, to->length);
    to->bytes = room;
    return room + to->length;
}

/* Memory of the field's own, kept from record to record; NULL: there is none, and the record fails. */
static void *take_room(const struct record_source *source, size_t size) {
    const struct udps *udps = source->identity->meter->udps;
    struct buffer *room = &source->scratch->udps[source->row->udps - udps->fields];
    room->length = 0;
    void *bytes = buffer_reserve(room, size);
    if (bytes == NULL)
        source->scratch->failed = true;
    return bytes;
}

static void set_text(const struct record_source *source, const struct flowsensor_value *from,
                     struct value *value) {
    struct flowsensor_text text = bounded_text(from->text);
    char *room = take_room(source, text_sanitized_bound(text.length) + 1);
    value->is_null = room == NULL;
    if (room != NULL)
        copy_text(text, room, &value->text);
}

static void set_integers(const struct record_source *source, const struct flowsensor_value *from,
                         struct value *value) {
    size_t count = from->integers == NULL               ? 0
                   : from->count > FLOWSENSOR_ITEMS_MAX ? FLOWSENSOR_ITEMS_MAX
                                                        : from->count;
    int64_t *items = take_room(source, count * sizeof *items + 1);
    value->is_null = items == NULL;
    if (items == NULL)
        return;
    bool narrow = source->row->udps->type == FLOWSENSOR_INT_ARRAY;
    for (size_t i = 0; i < count; i++)
        items[i] = narrow ? bounded_int(from->integers[i]) : from->integers[i];
    value->integers.items = items;
    value->integers.count = count;
}

/* How many of the texts fit into a record, and the bytes that they may take once they are clean. */
static size_t count_texts(const struct flowsensor_value *from, size_t *bytes) {
    size_t count = 0;
    *bytes = 0;
    while (from->texts != NULL && count < from->count && count < FLOWSENSOR_ITEMS_MAX) {
        size_t bound = text_sanitized_bound(bounded_text(from->texts[count]).length);
        if (*bytes + bound > TEXT_MAX)
            break;
        *bytes += bound;
        count++;
    }
    return count;
}

static void set_texts(const struct record_source *source, const struct flowsensor_value *from,
                      struct value *value) {
    size_t bytes;
    size_t count = count_texts(from, &bytes);
    struct text *texts = take_room(source, count * sizeof *texts + bytes + 1);
    value->is_null = texts == NULL;
    if (texts == NULL)
        return;
    char *room = (char *)(texts + count);
    for (size_t i = 0; i < count; i++)
        room = copy_text(bounded_text(from->texts[i]), room, &texts[i]);
    value->texts.items = texts;
    value->texts.count = count;
}

void get_udps_field(const struct record_source *source, enum flow_direction direction, struct value *value) {
    struct flowsensor_value from;
    (void)direction;
    udps_value(source->flow, source->row->udps, &from);
    if (!from.is_set) {
        value_null(value);
        return;
    }
    switch (source->row->udps->type) {
    case FLOWSENSOR_BOOLEAN: value_boolean(value, from.integer != 0); break;
    case FLOWSENSOR_INT: value_integer(value, bounded_int(from.integer)); break;
    case FLOWSENSOR_LONG:
    case FLOWSENSOR_TIMESTAMP: value_integer(value, from.integer); break;
    case FLOWSENSOR_DOUBLE: value_real(value, from.real); break;
    case FLOWSENSOR_STRING: set_text(source, &from, value); break;
    case FLOWSENSOR_INT_ARRAY:
    case FLOWSENSOR_LONG_ARRAY: set_integers(source, &from, value); break;
    case FLOWSENSOR_STRING_ARRAY: set_texts(source, &from, value); break;
    case FLOWSENSOR_TYPES: value_null(value); break;
    }
}
