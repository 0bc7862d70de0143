/* Ends a flow at its limit-th packet (NFStream's FlowSlicer): "flow_slicer.so limit=10". It has no fields. */
#include "parameter.h"

static int configure(const struct flowsensor_parameter *parameters, size_t count,
                     struct flowsensor_setup *setup) {
    struct number limit = {"limit", 1, 1000000000, 0};
    if (read_numbers(parameters, count, &limit, 1, setup) != 0)
        return 1;
    if (limit.value == 0) {
        snprintf(setup->message, setup->message_size, "the parameter limit=PACKETS is missing");
        return 1;
    }
    uint64_t *context = malloc(sizeof *context);
    if (context == NULL) {
        snprintf(setup->message, setup->message_size, "no memory");
        return 1;
    }
    *context = (uint64_t)limit.value;
    setup->context = context;
    return 0;
}

static enum flowsensor_verdict on_packet(void *context, const struct flowsensor_packet *packet,
                                         const struct flowsensor_flow *flow, void *state) {
    const uint64_t *limit = context;
    (void)packet;
    (void)state;
    return flow->bidirectional.packets == *limit ? FLOWSENSOR_END_FLOW : FLOWSENSOR_GO_ON;
}

FLOWSENSOR_PLUGIN = {
    FLOWSENSOR_PLUGIN_INTERFACE, .name = "flow_slicer",  .version = "1",  .configure = configure,
    .on_init = on_packet,        .on_update = on_packet, .cleanup = free,
};
