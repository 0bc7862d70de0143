/* A plugin that checks what the sensor hands it and reports what it saw; built several times, each with another defect
 * (-DDEFECT_...), to see it refused. Parameters: end=N ends a flow at its N-th packet, wild=1 gives values that no
 * record may hold, state=N wants a state of N bytes, fail=1 fails. */
#include <flowsensor/plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT, INTEGER, LONG, REAL, TRUTH, TIME, INTS, LONGS, TEXTS, ABSENT, FIELDS };

#ifdef DEFECT_name
#define FIRST_NAME "not-a-name"
#else
#define FIRST_NAME "probe_text"
#endif
#ifdef DEFECT_twice
#define LAST_NAME "probe_text"
#else
#define LAST_NAME "probe_absent"
#endif
#ifdef DEFECT_type
#define FIRST_TYPE FLOWSENSOR_TYPES
#else
#define FIRST_TYPE FLOWSENSOR_STRING
#endif
#ifdef DEFECT_pii
#define FIRST_PII FLOWSENSOR_PII_CLASSES
#else
#define FIRST_PII FLOWSENSOR_PII_NAME
#endif
#ifdef DEFECT_doc
#define FIRST_DOC ""
#else
#define FIRST_DOC "Calls so far: i(nit), u(pdate), e(xpire)."
#endif

static const struct flowsensor_field fields[FIELDS] = {
    [TEXT] = {FIRST_NAME, FIRST_TYPE, FIRST_PII, "", FIRST_DOC},
    [INTEGER] = {"probe_int", FLOWSENSOR_INT, FLOWSENSOR_PII_NONE, "bytes", "Sum of IP sizes."},
    [LONG] = {"probe_long", FLOWSENSOR_LONG, FLOWSENSOR_PII_NONE, NULL, "Sum of intervals."},
    [REAL] = {"probe_double", FLOWSENSOR_DOUBLE, FLOWSENSOR_PII_NONE, "", "Half the packets."},
    [TRUTH] = {"probe_boolean", FLOWSENSOR_BOOLEAN, FLOWSENSOR_PII_NONE, "", "Whether on_expire came."},
    [TIME] = {"probe_time", FLOWSENSOR_TIMESTAMP, FLOWSENSOR_PII_NONE, "", "A \"quoted\" \\ doc."},
    [INTS] = {"probe_ints", FLOWSENSOR_INT_ARRAY, FLOWSENSOR_PII_NONE, "", "Directions."},
    [LONGS] = {"probe_longs", FLOWSENSOR_LONG_ARRAY, FLOWSENSOR_PII_NONE, "", "Sizes."},
    [TEXTS] = {"probe_texts", FLOWSENSOR_STRING_ARRAY, FLOWSENSOR_PII_ADDRESS, "", "End reason and label."},
    [ABSENT] = {LAST_NAME, FLOWSENSOR_STRING, FLOWSENSOR_PII_NONE, "", "Never there."},
};

enum { CALLS_MAX = 24 };

struct state {
    char calls[CALLS_MAX];
    int64_t sizes[CALLS_MAX], directions[CALLS_MAX], intervals;
    uint64_t packets;
    int expired;
};

struct context {
    long end, wild;
};

/* Contexts and states that were not given back; tests look it up. */
__attribute__((visibility("default"))) int probe_open;

static void must(int truth, const char *what) {
    if (truth)
        return;
    fprintf(stderr, "probe: %s\n", what);
    abort();
}

static int configure(const struct flowsensor_parameter *parameters, size_t count,
                     struct flowsensor_setup *setup) {
    struct context context = {0};
    for (size_t i = 0; i < count; i++) {
        long value = strtol(parameters[i].value, NULL, 10);
        if (strcmp(parameters[i].name, "end") == 0)
            context.end = value;
        else if (strcmp(parameters[i].name, "wild") == 0)
            context.wild = value;
        else if (strcmp(parameters[i].name, "state") == 0)
            setup->state_size = (size_t)value;
        else {
            memset(setup->message, 'x', setup->message_size);
            if (strcmp(parameters[i].name, "fail") != 0)
                snprintf(setup->message, setup->message_size, "unknown parameter %s", parameters[i].name);
            return 1;
        }
    }
    struct context *kept = malloc(sizeof *kept);
    must(kept != NULL, "no memory");
    *kept = context;
    setup->context = kept;
    __atomic_add_fetch(&probe_open, 1, __ATOMIC_RELAXED);
    return 0;
}

static void cleanup(void *context) {
    free(context);
    __atomic_sub_fetch(&probe_open, 1, __ATOMIC_RELAXED);
}

static void note(struct state *state, char call) {
    size_t length = strlen(state->calls);
    if (length + 1 < CALLS_MAX)
        state->calls[length] = call;
}

static void check_views(const struct flowsensor_packet *packet, const struct flowsensor_flow *flow,
                        const struct state *state) {
    const struct flowsensor_counters *both = &flow->bidirectional;
    must(both->packets == state->packets, "the flow counts this packet");
    must(flow->src2dst.packets + flow->dst2src.packets == both->packets, "directions add up");
    must(both->last_seen == packet->time, "the flow was last seen now");
    must(flow->ip_version == packet->ip_version && flow->protocol == packet->protocol,
         "flow and packet agree");
    int back = packet->direction == FLOWSENSOR_DST2SRC;
    must(memcmp(packet->source, back ? flow->destination : flow->source, 4) == 0, "addresses by direction");
    must(packet->source_port == (back ? flow->destination_port : flow->source_port), "ports by direction");
    must(flow->end_reason == NULL, "no reason before the end");
}

static enum flowsensor_verdict on_packet(void *context, const struct flowsensor_packet *packet,
                                         const struct flowsensor_flow *flow, struct state *state) {
    const struct context *settings = context;
    if (state->packets < CALLS_MAX) {
        state->sizes[state->packets] = packet->ip_size;
        state->directions[state->packets] = packet->direction;
    }
    state->packets++;
    state->intervals += packet->interval;
    check_views(packet, flow, state);
    return settings->end == (long)state->packets ? FLOWSENSOR_END_FLOW : FLOWSENSOR_GO_ON;
}

static enum flowsensor_verdict on_init(void *context, const struct flowsensor_packet *packet,
                                       const struct flowsensor_flow *flow, void *state) {
    static const struct state nothing;
    must(memcmp(state, &nothing, sizeof nothing) == 0, "the state is zeroed");
    must((uintptr_t)state % 8 == 0, "the state is aligned");
    must(packet->interval == 0, "no interval before the first packet");
    note(state, 'i');
    __atomic_add_fetch(&probe_open, 1, __ATOMIC_RELAXED);
    return on_packet(context, packet, flow, state);
}

static enum flowsensor_verdict on_update(void *context, const struct flowsensor_packet *packet,
                                         const struct flowsensor_flow *flow, void *state) {
    note(state, 'u');
    return on_packet(context, packet, flow, state);
}

static void on_expire(void *context, const struct flowsensor_flow *flow, void *opaque) {
    struct state *state = opaque;
    (void)context;
    must(flow->bidirectional.packets == state->packets, "all packets are counted at the end");
    must(flow->end_reason != NULL, "there is a reason at the end");
    note(state, 'e');
    state->expired = 1;
}

static void on_release(void *context, void *state) {
    (void)context;
    memset(state, 0xff, sizeof(struct state));
    __atomic_sub_fetch(&probe_open, 1, __ATOMIC_RELAXED);
}

/* What no record may hold: too long, too large, too many, no UTF-8. */
static void get_wild(size_t field, struct flowsensor_value *value) {
    static char text[FLOWSENSOR_TEXT_MAX + 10];
    static int64_t integers[FLOWSENSOR_ITEMS_MAX + 1];
    static struct flowsensor_text texts[FLOWSENSOR_ITEMS_MAX + 1];
    memset(text, 'a', sizeof text);
    memcpy(text + FLOWSENSOR_TEXT_MAX - 1, "\xc3\xa9", 2); /* a character across the limit */
    for (size_t i = 0; i <= FLOWSENSOR_ITEMS_MAX; i++) {
        integers[i] = INT64_MIN;
        texts[i] = (struct flowsensor_text){"\xff\"\\\n", 4};
    }
    switch (field) {
    case TEXT: flowsensor_set_text(value, text, sizeof text); break;
    case INTEGER: flowsensor_set_integer(value, INT64_MAX); break;
    case INTS:
    case LONGS: flowsensor_set_integers(value, integers, FLOWSENSOR_ITEMS_MAX + 1); break;
    case TEXTS: flowsensor_set_texts(value, texts, FLOWSENSOR_ITEMS_MAX + 1); break;
    case ABSENT: flowsensor_set_text(value, NULL, 7); break;
    default: break;
    }
}

static void get(void *context, const struct flowsensor_flow *flow, const void *opaque, size_t field,
                struct flowsensor_value *value) {
    const struct context *settings = context;
    const struct state *state = opaque;
    memset(value->scratch, 0x5a, FLOWSENSOR_SCRATCH_SIZE);
    must((uintptr_t)value->scratch % 16 == 0, "the scratch is aligned");
    if (settings->wild) {
        get_wild(field, value);
        return;
    }
    int64_t sum = 0;
    for (size_t i = 0; i < state->packets && i < CALLS_MAX; i++)
        sum += state->sizes[i];
    struct flowsensor_text *texts = value->scratch;
    switch (field) {
    case TEXT:
        memcpy(value->scratch, state->calls, CALLS_MAX);
        flowsensor_set_text(value, value->scratch, strlen(state->calls));
        break;
    case INTEGER: flowsensor_set_integer(value, sum); break;
    case LONG: flowsensor_set_integer(value, state->intervals); break;
    case REAL: flowsensor_set_real(value, (double)state->packets / 2); break;
    case TRUTH: flowsensor_set_integer(value, state->expired ? 7 : 0); break;
    case TIME: flowsensor_set_integer(value, flow->bidirectional.first_seen); break;
    case INTS: flowsensor_set_integers(value, state->directions, state->packets); break;
    case LONGS: flowsensor_set_integers(value, state->sizes, state->packets); break;
    case TEXTS:
        texts[0] = (struct flowsensor_text){flow->end_reason, strlen(flow->end_reason)};
        texts[1] = (struct flowsensor_text){"", 0};
        flowsensor_set_texts(value, texts, 2);
        break;
    default: break;
    }
}

#ifdef DEFECT_symbol
extern const struct flowsensor_plugin other_name;
const struct flowsensor_plugin other_name
#else
FLOWSENSOR_PLUGIN
#endif
    = {
        FLOWSENSOR_PLUGIN_INTERFACE,
#ifndef DEFECT_version
        .version = "3",
#endif
        .name = "probe",
        .fields = fields,
        .field_count = FIELDS,
        .state_size = sizeof(struct state),
#ifndef DEFECT_parameters
        .configure = configure,
        .cleanup = cleanup,
#endif
        .on_init = on_init,
        .on_update = on_update,
        .on_expire = on_expire,
#ifndef DEFECT_get
        .get = get,
#endif
        .on_release = on_release,
#ifdef DEFECT_abi
        .abi = FLOWSENSOR_PLUGIN_ABI + 1,
#endif
#ifdef DEFECT_size
        .flow_size = sizeof(struct flowsensor_flow) - 8,
#endif
};
