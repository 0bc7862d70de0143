#include "meter/feature/process.h"

#include <netinet/in.h>
#include <string.h>

#include "meter/feature.h"
#include "meter/options.h"

static size_t process_state_size(const struct meter_options *options) {
    return options->system_visibility ? sizeof(struct process_feature) : 0;
}

static void process_on_init(const struct feature_context *context, struct flow *flow) {
    (void)context;
    memset(flow->feature[FEATURE_process], 0, sizeof(struct process_feature));
}

/* The addresses inside a tunnel may be anybody's, so nobody is asked for them. */
static bool packet_has_socket(const struct packet *packet) {
    return (packet->protocol == IPPROTO_TCP || packet->protocol == IPPROTO_UDP) &&
           packet->tunnel == TUNNEL_NONE;
}

/* A packet whose time was raised has passed before: live, at most by what the kernel holds packets back. */
enum { RAISED_MICROSECONDS = 200000 };

static uint32_t process_ask(const struct feature_context *context, const struct packet *packet) {
    int64_t tick = context->options->profile == PROFILE_NFSTREAM ? 1000 : 1; /* microseconds */
    struct visibility_question question = {
        .earliest = packet->time * tick,
        .latest = packet->time * tick + tick - 1,
        .source_port = packet->source_port,
        .destination_port = packet->destination_port,
        .ip_version = packet->ip_version,
        .protocol = packet->protocol,
        .has_mac = (packet->flags & PACKET_HAS_MAC) != 0,
        .opening = (packet->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN,
    };
    if ((packet->flags & PACKET_TIME_RAISED) != 0)
        question.earliest -= RAISED_MICROSECONDS;
    memcpy(question.source, packet->source, sizeof(question.source));
    memcpy(question.destination, packet->destination, sizeof(question.destination));
    memcpy(question.source_mac, packet->source_mac, sizeof(question.source_mac));
    memcpy(question.destination_mac, packet->destination_mac, sizeof(question.destination_mac));
    return visibility_ask(context->visibility, &question);
}

static void process_on_update(const struct feature_context *context, struct flow *flow,
                              const struct packet *packet, enum flow_direction direction, uint32_t size) {
    (void)direction;
    (void)size;
    struct process_feature *state = flow->feature[FEATURE_process];
    if (state->asked)
        return;
    state->asked = true;
    if (packet_has_socket(packet))
        state->ticket = process_ask(context, packet);
}

static void process_on_expire(const struct feature_context *context, struct flow *flow) {
    struct process_feature *state = flow->feature[FEATURE_process];
    enum visibility_end end = END_NONE;
    if (state->ticket != 0)
        visibility_answer(context->visibility, state->ticket, &state->process, &end);
    state->end = (uint8_t)end;
}

static void process_on_release(const struct feature_context *context, struct flow *flow, struct flow *next) {
    struct process_feature *state = flow->feature[FEATURE_process];
    if (next != NULL)
        *(struct process_feature *)next->feature[FEATURE_process] = *state;
    else
        visibility_release(context->visibility, state->ticket);
}

const struct feature feature_process = {
    .name = "process",
    .state_size = process_state_size,
    .on_init = process_on_init,
    .on_update = process_on_update,
    .on_expire = process_on_expire,
    .on_release = process_on_release,
};
