/* The version that each end of a QUIC connection speaks: that of its first long header (RFC 8999, 5.1) which isn't a Version Negotiation
 * packet. Headers are read of all UDP flows, since the label comes later. Like the label, a later slice keeps it. */
#include "meter/feature.h"

#include <netinet/in.h>
#include <string.h>

#include "decode/walk/payload.h"
#include "meter/l7.h"
#include "meter/options.h"
#include "record/field/field_getters.h"

enum { QUIC_LONG_HEADER = 0x80, QUIC_VERSION_END = 5 };

/* What flow_feature(flow, FEATURE_quic) points to. */
struct quic {
    uint32_t version[FLOW_WAYS]; /* by flow_way(); 0: not seen */
};

static size_t quic_state_size(const struct meter_options *options) {
    return meter_asks_for(options, FEATURE_quic) ? sizeof(struct quic) : 0;
}

static void quic_on_init(const struct feature_context *context, struct flow *flow) {
    (void)context;
    *(struct quic *)flow_feature(flow, FEATURE_quic) = (struct quic){0};
}

static void quic_on_update(const struct feature_context *context, struct flow *flow,
                           const struct packet *packet, enum flow_direction direction, uint32_t size) {
    (void)context, (void)size;
    uint32_t *version = &((struct quic *)flow_feature(flow, FEATURE_quic))->version[flow_way(direction)];
    if (packet->protocol != IPPROTO_UDP || *version != 0)
        return;
    struct bytes payload = packet_payload(packet);
    if (bytes_have(payload, 0, QUIC_VERSION_END) && (bytes_u8(payload, 0) & QUIC_LONG_HEADER) != 0)
        *version = bytes_u32(payload, 1);
}

static void quic_on_release(const struct feature_context *context, struct flow *flow, struct flow *next) {
    (void)context;
    if (next != NULL)
        *(struct quic *)flow_feature(next, FEATURE_quic) =
            *(const struct quic *)flow_feature(flow, FEATURE_quic);
}

const struct feature feature_quic = {
    .name = "quic",
    .state_size = quic_state_size,
    .on_init = quic_on_init,
    .on_update = quic_on_update,
    .on_release = quic_on_release,
};

/* nDPI's name of the protocol is stable, where its number is not. */
static bool is_quic(const struct l7_label *label) {
    static const char name[] = "QUIC";
    enum { LENGTH = sizeof name - 1 };
    return label != NULL && strncmp(label->name, name, LENGTH) == 0 &&
           (label->name[LENGTH] == '\0' || label->name[LENGTH] == '.');
}

void get_quic_version(const struct record_source *source, enum flow_direction direction,
                      struct value *value) {
    const struct quic *quic = flow_feature(source->flow, FEATURE_quic);
    uint32_t version = quic->version[flow_way(direction)];
    value_integer(value, version);
    value->is_null = version == 0 || !is_quic(l7_label(source->flow));
}
