/* What nDPI says of a flow: the label, and the texts that it found. The dissector is the meter's (meter/dissect.h), and so is the
 * state (meter/l7.h), which accounts read too. */
#include "meter/feature.h"

#include <stdio.h>
#include <string.h>

#include "meter/dissect.h"
#include "meter/l7.h"
#include "meter/options.h"
#include "record/field/field_getters.h"

static size_t l7_state_size(const struct meter_options *options) {
    return options->n_dissections > 0 ? sizeof(struct l7) : 0;
}

static void l7_on_init(const struct feature_context *context, struct flow *flow) {
    struct l7 *l7 = flow_feature(flow, FEATURE_l7);
    memset(l7, 0, sizeof *l7);
    /* A later slice takes over what is known. */
    if ((context->overload & 1u << OVERLOAD_no_dissection) != 0 && flow->slice == 0 && !flow->elsewhere)
        dissector_skip(context->dissector, l7);
}

static void l7_on_update(const struct feature_context *context, struct flow *flow,
                         const struct packet *packet, enum flow_direction direction, uint32_t size) {
    (void)direction;
    (void)size;
    struct l7 *l7 = flow_feature(flow, FEATURE_l7);
    if (!l7->is_done)
        dissector_packet(context->dissector, l7, packet, flow_packets(flow, BIDIRECTIONAL) + 1);
}

static void l7_on_expire(const struct feature_context *context, struct flow *flow) {
    struct l7 *l7 = flow_feature(flow, FEATURE_l7);
    if (l7->label == 0 && l7->state == NULL)
        dissector_guess(context->dissector, l7, flow);
    else
        dissector_decide(context->dissector, l7);
}

static void l7_on_show(const struct feature_context *context, struct flow *flow) {
    dissector_show(context->dissector, flow_feature(flow, FEATURE_l7));
}

static void l7_on_hide(const struct feature_context *context, struct flow *flow) {
    dissector_hide(context->dissector, flow_feature(flow, FEATURE_l7));
}

/* The next slice keeps the label, except one that nDPI had to settle on before it had seen enough packets. */
static bool l7_is_kept(const struct feature_context *context, const struct flow *flow) {
    const struct l7 *l7 = flow_feature(flow, FEATURE_l7);
    bool known = l7_label(flow)->application != 0 && !l7->guessed;
    return known || flow->slice > 0 || flow_packets(flow, BIDIRECTIONAL) >= context->options->n_dissections;
}

static void l7_on_release(const struct feature_context *context, struct flow *flow, struct flow *next) {
    struct l7 *l7 = flow_feature(flow, FEATURE_l7);
    if (next != NULL && l7_is_kept(context, flow))
        *(struct l7 *)flow_feature(next, FEATURE_l7) = *l7;
    else
        dissector_release(context->dissector, l7);
}

const struct feature feature_l7 = {
    .name = "l7",
    .state_size = l7_state_size,
    .on_init = l7_on_init,
    .on_update = l7_on_update,
    .on_expire = l7_on_expire,
    .on_show = l7_on_show,
    .on_hide = l7_on_hide,
    .on_release = l7_on_release,
};

static const struct l7 *l7_of(const struct record_source *source) {
    return flow_feature(source->flow, FEATURE_l7);
}

/* The first of `count` texts that is not empty. */
static void first_text(const struct record_source *source, const enum l7_text *texts, size_t count,
                       struct value *value) {
    const char *bytes = "";
    for (size_t i = 0; i < count && bytes[0] == '\0'; i++)
        bytes = l7_text(l7_of(source), texts[i]);
    value_foreign_text(source, bytes, value);
}

/* `clean` is the name's length, or 0 if it has to be made clean. */
static void label_name(const struct record_source *source, const char *name, size_t clean,
                       struct value *value) {
    if (clean > 0)
        value_text(value, name, clean);
    else
        value_foreign_text(source, name, value);
}

void get_application_name(const struct record_source *source, enum flow_direction direction,
                          struct value *value) {
    (void)direction;
    const struct l7_label *label = l7_label(source->flow);
    if (label != NULL)
        label_name(source, label->name, label->name_clean, value);
    else
        value_foreign_text(source, "Unknown", value);
}

void get_application_category_name(const struct record_source *source, enum flow_direction direction,
                                   struct value *value) {
    (void)direction;
    const struct l7_label *label = l7_label(source->flow);
    if (label != NULL)
        label_name(source, label->category_name, label->category_clean, value);
    else
        value_foreign_text(source, "Unspecified", value);
}

/* Both ids of a label as nDPI takes them (ndpi_get_upper_proto, ndpi_get_lower_proto): a label of one part has that one as
 * both, whichever of its two numbers nDPI put it in. */
void get_application_id(const struct record_source *source, enum flow_direction direction,
                        struct value *value) {
    (void)direction;
    const struct l7_label *label = l7_label(source->flow);
    value_integer(value, label == NULL ? 0 : label->application != 0 ? label->application : label->master);
}

void get_application_protocol_id(const struct record_source *source, enum flow_direction direction,
                                 struct value *value) {
    (void)direction;
    const struct l7_label *label = l7_label(source->flow);
    value_integer(value, label == NULL ? 0 : label->master != 0 ? label->master : label->application);
}

void get_application_is_guessed(const struct record_source *source, enum flow_direction direction,
                                struct value *value) {
    (void)direction;
    value_boolean(value, l7_of(source)->guessed);
}

void get_application_is_guessed_number(const struct record_source *source, enum flow_direction direction,
                                       struct value *value) {
    (void)direction;
    value_integer(value, l7_of(source)->guessed);
}

void get_application_confidence(const struct record_source *source, enum flow_direction direction,
                                struct value *value) {
    (void)direction;
    value_integer(value, l7_of(source)->confidence);
}

void get_ndpi_version(const struct record_source *source, enum flow_direction direction,
                      struct value *value) {
    (void)direction;
    value_text(value, source->identity->ndpi_version, strlen(source->identity->ndpi_version));
}

/* Of records of nDPI's protocols. */
void get_protocol_id(const struct record_source *source, enum flow_direction direction, struct value *value) {
    (void)direction;
    value_integer(value, source->protocol->id);
}

void get_protocol_name(const struct record_source *source, enum flow_direction direction,
                       struct value *value) {
    (void)direction;
    value_foreign_text(source, source->protocol->name, value);
}

void get_category_id(const struct record_source *source, enum flow_direction direction, struct value *value) {
    (void)direction;
    value_integer(value, source->protocol->category);
}

void get_category_name(const struct record_source *source, enum flow_direction direction,
                       struct value *value) {
    (void)direction;
    value_foreign_text(source, source->protocol->category_name, value);
}

void get_breed(const struct record_source *source, enum flow_direction direction, struct value *value) {
    (void)direction;
    value_foreign_text(source, source->protocol->breed, value);
}

void get_application_breed(const struct record_source *source, enum flow_direction direction,
                           struct value *value) {
    (void)direction;
    const struct l7_label *label = l7_label(source->flow);
    if (label != NULL)
        value_foreign_text(source, label->breed, value);
    else
        value_null(value);
}

/* While a direction may still come, none is missing. */
static uint64_t risks_of(const struct record_source *source) {
    const struct flow *flow = source->flow;
    bool one_way = flow_packets(flow, SRC2DST) == 0 || flow_packets(flow, DST2SRC) == 0;
    uint64_t risks = l7_risks(l7_of(source));
    return one_way && flow->record_kind == RECORD_FINAL ? risks : dissector_risks_of_both_ways(risks);
}

/* A bit without a name would be of a library that has more risks than the header that it was built with. */
static struct text risk_name(const struct record_source *source, unsigned bit) {
    enum { NAME_SIZE = sizeof "risk_63" };
    const char *name = dissector_risk_name(bit);
    if (name != NULL)
        return (struct text){name, strlen(name)};
    char *made = scratch_text(source, NAME_SIZE);
    if (made == NULL)
        return (struct text){"", 0};
    return (struct text){made, (size_t)snprintf(made, NAME_SIZE, "risk_%u", bit % RECORD_RISKS_MAX)};
}

void get_ndpi_risks(const struct record_source *source, enum flow_direction direction, struct value *value) {
    (void)direction;
    struct text *names = source->scratch->risks;
    uint64_t risks = risks_of(source);
    size_t count = 0;
    for (unsigned bit = 0; risks >> bit != 0; bit++) {
        if ((risks >> bit & 1) != 0)
            names[count++] = risk_name(source, bit);
        if (bit == RECORD_RISKS_MAX - 1)
            break;
    }
    value->is_null = l7_of(source)->unseen;
    value->texts.items = names;
    value->texts.count = count;
}

void get_ndpi_risk_score(const struct record_source *source, enum flow_direction direction,
                         struct value *value) {
    (void)direction;
    value_integer(value, dissector_risk_score(risks_of(source)));
    value->is_null = l7_of(source)->unseen;
}

/* Numbers of which 0 is none. */
static void number_or_null(struct value *value, int64_t number) {
    value_integer(value, number);
    value->is_null = number == 0;
}

void get_tls_version(const struct record_source *source, enum flow_direction direction, struct value *value) {
    (void)direction;
    number_or_null(value, l7_tls(l7_of(source)).version);
}

void get_tls_cipher(const struct record_source *source, enum flow_direction direction, struct value *value) {
    (void)direction;
    number_or_null(value, l7_tls(l7_of(source)).cipher);
}

static const int64_t microseconds_per_second = 1000000;

void get_tls_not_before(const struct record_source *source, enum flow_direction direction,
                        struct value *value) {
    (void)direction;
    number_or_null(value, l7_tls(l7_of(source)).not_before * microseconds_per_second);
}

void get_tls_not_after(const struct record_source *source, enum flow_direction direction,
                       struct value *value) {
    (void)direction;
    number_or_null(value, l7_tls(l7_of(source)).not_after * microseconds_per_second);
}

void get_http_method(const struct record_source *source, enum flow_direction direction, struct value *value) {
    (void)direction;
    const char *method = dissector_http_method(l7_http(l7_of(source)).method);
    if (method != NULL)
        value_text(value, method, strlen(method));
    else
        value_null(value);
}

void get_http_status(const struct record_source *source, enum flow_direction direction, struct value *value) {
    (void)direction;
    number_or_null(value, l7_http(l7_of(source)).status);
}

/* Natively an empty text is one that was not seen. */
#define TEXT_GETTER(name, text)                                                        \
    void get_##name(const struct record_source *source, enum flow_direction direction, \
                    struct value *value) {                                             \
        (void)direction;                                                               \
        value_foreign_text_or_null(source, l7_text(l7_of(source), text), value);       \
    }
TEXT_GETTER(requested_server_name, L7_SERVER_NAME)
TEXT_GETTER(user_agent, L7_USER_AGENT)
TEXT_GETTER(content_type, L7_CONTENT_TYPE)
TEXT_GETTER(ja3, L7_JA3_CLIENT)
TEXT_GETTER(ja3s, L7_JA3_SERVER)
TEXT_GETTER(ja4, L7_JA4_CLIENT)
TEXT_GETTER(hassh, L7_HASSH_CLIENT)
TEXT_GETTER(hassh_server, L7_HASSH_SERVER)
TEXT_GETTER(dhcp_fingerprint, L7_DHCP_FINGERPRINT)
TEXT_GETTER(tls_alpn_offered, L7_ALPN_OFFERED)
TEXT_GETTER(tls_alpn_selected, L7_ALPN_SELECTED)
TEXT_GETTER(tls_issuer, L7_TLS_ISSUER)
TEXT_GETTER(tls_subject, L7_TLS_SUBJECT)

/* Most flows have none of these texts. */
void get_l7_texts(const struct record_source *source, enum flow_direction direction, struct value *values) {
    static const enum l7_text texts[] = {L7_SERVER_NAME,  L7_USER_AGENT,   L7_CONTENT_TYPE,
                                         L7_JA3_CLIENT,   L7_JA3_SERVER,   L7_JA4_CLIENT,
                                         L7_HASSH_CLIENT, L7_HASSH_SERVER, L7_DHCP_FINGERPRINT};
    const struct l7 *l7 = l7_of(source);
    unsigned present = l7_texts_present(l7);
    (void)direction;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        value_null(&values[i]);
        if ((present & 1u << texts[i]) != 0)
            value_foreign_text_or_null(source, l7_text(l7, texts[i]), &values[i]);
    }
}

/* NFStream's columns are never null. Of the kinds of fingerprint a flow has at most one per end, since each belongs to
 * another protocol; JA3 is left out, because NFStream 6.6 puts JA4 there. */
#define FIRST_TEXT_GETTER(name, ...)                                                   \
    void get_##name(const struct record_source *source, enum flow_direction direction, \
                    struct value *value) {                                             \
        static const enum l7_text texts[] = {__VA_ARGS__};                             \
        (void)direction;                                                               \
        first_text(source, texts, sizeof texts / sizeof texts[0], value);              \
    }
FIRST_TEXT_GETTER(requested_server_name_text, L7_SERVER_NAME)
FIRST_TEXT_GETTER(user_agent_text, L7_USER_AGENT)
FIRST_TEXT_GETTER(content_type_text, L7_CONTENT_TYPE)
FIRST_TEXT_GETTER(client_fingerprint, L7_DHCP_FINGERPRINT, L7_HASSH_CLIENT, L7_JA4_CLIENT)
FIRST_TEXT_GETTER(server_fingerprint, L7_HASSH_SERVER, L7_JA3_SERVER)
