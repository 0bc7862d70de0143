/* Counts a flow's packets whose IP packet has 40 bytes: NFStream's first example of a plugin.
 * The same without code, for IPv4: udps.packets = [ "packet_with_40_ip_size=ip[2:2] = 40" ] */
#include <flowsensor/plugin.h>

static const struct flowsensor_field fields[] = {
    {"packet_with_40_ip_size", FLOWSENSOR_LONG, FLOWSENSOR_PII_NONE, "packets",
     "Packets whose IP packet has 40 bytes."},
};

static enum flowsensor_verdict on_packet(void *context, const struct flowsensor_packet *packet,
                                         const struct flowsensor_flow *flow, void *state) {
    int64_t *count = state;
    (void)context;
    (void)flow;
    *count += packet->ip_size == 40;
    return FLOWSENSOR_GO_ON;
}

static void get(void *context, const struct flowsensor_flow *flow, const void *state, size_t field,
                struct flowsensor_value *value) {
    const int64_t *count = state;
    (void)context;
    (void)flow;
    (void)field;
    flowsensor_set_integer(value, *count);
}

FLOWSENSOR_PLUGIN = {
    FLOWSENSOR_PLUGIN_INTERFACE,
    .name = "packet_with_40_ip_size",
    .version = "1",
    .fields = fields,
    .field_count = 1,
    .state_size = sizeof(int64_t),
    .on_init = on_packet,
    .on_update = on_packet,
    .get = get,
};
