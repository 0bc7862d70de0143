/* The local process at an end of the flow (NFStream's system visibility): asked for at the flow's first packet, collected
 * for each of its records. */
#include "meter/feature.h"

#include <netinet/in.h>
#include <string.h>

#include "meter/options.h"
#include "meter/process/visibility.h"
#include "record/field/field_getters.h"

/* What flow_feature(flow, FEATURE_process) points to. */
struct process_feature {
    const struct process *process; /* NULL: unknown; valid as long as the flow */
    uint32_t ticket;               /* the client's; 0: not asked */
    uint8_t end;                   /* enum visibility_end: where the process is */
    uint8_t asked;                 /* in this slice or an earlier one */
};

static size_t process_state_size(const struct meter_options *options) {
    return options->system_visibility ? sizeof(struct process_feature) : 0;
}

static void process_on_init(const struct feature_context *context, struct flow *flow) {
    (void)context;
    memset(flow_feature(flow, FEATURE_process), 0, sizeof(struct process_feature));
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
    struct process_feature *state = flow_feature(flow, FEATURE_process);
    if (state->asked)
        return;
    state->asked = true;
    if (packet_has_socket(packet))
        state->ticket = process_ask(context, packet);
}

/* Takes the answer, which may come later than a record of the open flow. */
static void process_collect(const struct feature_context *context, struct flow *flow) {
    struct process_feature *state = flow_feature(flow, FEATURE_process);
    enum visibility_end end = END_NONE;
    if (state->ticket != 0)
        visibility_answer(context->visibility, state->ticket, &state->process, &end);
    state->end = (uint8_t)end;
}

static void process_on_release(const struct feature_context *context, struct flow *flow, struct flow *next) {
    struct process_feature *state = flow_feature(flow, FEATURE_process);
    if (next != NULL)
        *(struct process_feature *)flow_feature(next, FEATURE_process) = *state;
    else
        visibility_release(context->visibility, state->ticket);
}

const struct feature feature_process = {
    .name = "process",
    .state_size = process_state_size,
    .on_init = process_on_init,
    .on_update = process_on_update,
    .on_expire = process_collect,
    .on_show = process_collect,
    .on_release = process_on_release,
};

static const struct process *process_of(const struct record_source *source) {
    const struct process_feature *state = flow_feature(source->flow, FEATURE_process);
    return state->process;
}

/* The kernel tells what the process or its files are named, which may be anything. */
#define TEXT_GETTER(field, member)                                                         \
    void get_##field(const struct record_source *source, enum flow_direction direction,    \
                     struct value *value) {                                                \
        const struct process *process = process_of(source);                                \
        (void)direction;                                                                   \
        value_foreign_text_or_null(source, process != NULL ? process->member : "", value); \
    }
TEXT_GETTER(system_process_name, name)
TEXT_GETTER(system_process_executable, executable)
TEXT_GETTER(system_cgroup, cgroup)
TEXT_GETTER(system_container_id, container_id)

void get_system_process_pid(const struct record_source *source, enum flow_direction direction,
                            struct value *value) {
    const struct process *process = process_of(source);
    (void)direction;
    if (process != NULL)
        value_integer(value, process->pid);
    else
        value_null(value);
}

void get_system_user_id(const struct record_source *source, enum flow_direction direction,
                        struct value *value) {
    const struct process *process = process_of(source);
    (void)direction;
    if (process != NULL && process->user_id >= 0)
        value_integer(value, process->user_id);
    else
        value_null(value);
}

void get_system_process_end(const struct record_source *source, enum flow_direction direction,
                            struct value *value) {
    const struct process_feature *state = flow_feature(source->flow, FEATURE_process);
    (void)direction;
    if (state->process != NULL)
        value_text(value, state->end == END_SOURCE ? "src" : "dst", 3);
    else
        value_null(value);
}

/* NFStream's columns are never null. */
void get_system_process_pid_number(const struct record_source *source, enum flow_direction direction,
                                   struct value *value) {
    const struct process *process = process_of(source);
    (void)direction;
    value_integer(value, process != NULL ? process->pid : -1);
}

void get_system_process_name_text(const struct record_source *source, enum flow_direction direction,
                                  struct value *value) {
    const struct process *process = process_of(source);
    (void)direction;
    value_foreign_text(source, process != NULL ? process->name : "", value);
}
