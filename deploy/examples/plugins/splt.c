/* Direction, size and inter-arrival time of a flow's first packets (NFStream's SPLT plugin, which shows how one would
 * write the built-in meter.splt_analysis): "splt.so sequence_length=20 accounting_mode=0". What a shorter flow leaves
 * over is -1. */
#include "parameter.h"

enum { DIRECTION, SIZE, INTERVAL, FIELDS };

/* The arrays are computed in the host's scratch. */
enum { LENGTH_MAX = FLOWSENSOR_SCRATCH_SIZE / sizeof(int64_t) };

static const struct flowsensor_field fields[FIELDS] = {
    [DIRECTION] =
        {"splt_direction", FLOWSENSOR_INT_ARRAY, FLOWSENSOR_PII_NONE, "",
         "Direction of each of the flow's first packets: 0 source to destination, 1 back, -1 no packet."},
    [SIZE] =
        {"splt_ps", FLOWSENSOR_INT_ARRAY, FLOWSENSOR_PII_NONE, "bytes",
         "Size of each of the flow's first packets, as the parameter accounting_mode counts; -1: no packet."},
    [INTERVAL] = {"splt_piat_ms", FLOWSENSOR_LONG_ARRAY, FLOWSENSOR_PII_NONE, "milliseconds",
                  "Time from the flow's previous packet to each of its first packets; -1: no packet."},
};

struct place {
    int64_t interval;
    uint32_t size;
    uint8_t direction;
};

struct settings {
    size_t sequence_length;
    long accounting_mode;
};

/* Places beyond flow->bidirectional.packets are zero. */
struct state {
    uint64_t length;
    struct place places[];
};

static int configure(const struct flowsensor_parameter *parameters, size_t count,
                     struct flowsensor_setup *setup) {
    struct number numbers[] = {{"sequence_length", 1, LENGTH_MAX, 20}, {"accounting_mode", 0, 3, 0}};
    if (read_numbers(parameters, count, numbers, 2, setup) != 0)
        return 1;
    struct settings *settings = malloc(sizeof *settings);
    if (settings == NULL) {
        snprintf(setup->message, setup->message_size, "no memory");
        return 1;
    }
    settings->sequence_length = (size_t)numbers[0].value;
    settings->accounting_mode = numbers[1].value;
    setup->context = settings;
    setup->state_size = sizeof(struct state) + settings->sequence_length * sizeof(struct place);
    return 0;
}

static uint32_t size_of(const struct flowsensor_packet *packet, long accounting_mode) {
    switch (accounting_mode) {
    case 0: return packet->raw_size;
    case 1: return packet->ip_size;
    case 2: return packet->transport_size;
    default: return packet->payload_size;
    }
}

static enum flowsensor_verdict on_packet(void *context, const struct flowsensor_packet *packet,
                                         const struct flowsensor_flow *flow, void *opaque) {
    const struct settings *settings = context;
    struct state *state = opaque;
    if (state->length < settings->sequence_length)
        state->places[state->length++] = (struct place){
            .interval = packet->interval / (int64_t)(flow->ticks_per_second / 1000),
            .size = size_of(packet, settings->accounting_mode),
            .direction = packet->direction,
        };
    return FLOWSENSOR_GO_ON;
}

static int64_t item(const struct place *place, size_t field) {
    return field == DIRECTION ? place->direction : field == SIZE ? place->size : place->interval;
}

static void get(void *context, const struct flowsensor_flow *flow, const void *opaque, size_t field,
                struct flowsensor_value *value) {
    const struct settings *settings = context;
    const struct state *state = opaque;
    int64_t *items = value->scratch;
    (void)flow;
    for (size_t i = 0; i < settings->sequence_length; i++)
        items[i] = i < state->length ? item(&state->places[i], field) : -1;
    flowsensor_set_integers(value, items, settings->sequence_length);
}

FLOWSENSOR_PLUGIN = {
    FLOWSENSOR_PLUGIN_INTERFACE,
    .name = "splt",
    .version = "1",
    .fields = fields,
    .field_count = FIELDS,
    .configure = configure,
    .on_init = on_packet,
    .on_update = on_packet,
    .get = get,
    .cleanup = free,
};
