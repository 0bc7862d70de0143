/* What a DHCP client says of itself, and the end of the flow with the transaction (NFStream's DHCP plugin):
 * "dhcp.so sessions=256". Fields are null, or empty lists, in flows to other ports than 67, and where more than
 * `sessions` such flows are open at once. */
#include "parameter.h"
#include "session_pool.h"
#include "udp_payload.h"

enum { DHCP_PORT = 67, DHCP_HEADER = 240, CIADDR = 12, CHADDR = 28, OPTIONS_MAX = 255 };

/* Codes of options (RFC 2132). */
enum {
    OPTION_PAD = 0,
    OPTION_HOST_NAME = 12,
    OPTION_REQUESTED_ADDRESS = 50,
    OPTION_MESSAGE_TYPE = 53,
    OPTION_PARAMETER_LIST = 55,
    OPTION_MAXIMUM_SIZE = 57,
    OPTION_VENDOR_CLASS = 60,
    OPTION_USER_CLASS = 77,
    OPTION_END = 255
};

/* Message types. */
enum { REQUEST = 3, DECLINE = 4, ACK = 5, NAK = 6, INFORM = 8 };

enum {
    FIELD_12,
    FIELD_50,
    FIELD_55,
    FIELD_57,
    FIELD_60,
    FIELD_77,
    FIELD_OPTIONS,
    FIELD_ADDRESS,
    FIELD_MESSAGE_TYPE,
    FIELD_OUI,
    FIELDS
};

static const struct flowsensor_field fields[FIELDS] = {
    [FIELD_12] = {"dhcp_12", FLOWSENSOR_STRING, FLOWSENSOR_PII_NAME, "", "Host name (option 12)."},
    [FIELD_50] = {"dhcp_50", FLOWSENSOR_STRING, FLOWSENSOR_PII_ADDRESS, "",
                  "Address that a REQUEST asks for (option 50)."},
    [FIELD_55] = {"dhcp_55", FLOWSENSOR_STRING, FLOWSENSOR_PII_FINGERPRINT, "",
                  "Options that a REQUEST asks for (option 55), separated by commas."},
    [FIELD_57] = {"dhcp_57", FLOWSENSOR_LONG, FLOWSENSOR_PII_NONE, "bytes",
                  "Largest message that the client takes (option 57)."},
    [FIELD_60] = {"dhcp_60", FLOWSENSOR_STRING, FLOWSENSOR_PII_AGENT, "", "Vendor class (option 60)."},
    [FIELD_77] = {"dhcp_77", FLOWSENSOR_STRING, FLOWSENSOR_PII_AGENT, "", "User class (option 77)."},
    [FIELD_OPTIONS] = {"dhcp_options", FLOWSENSOR_INT_ARRAY, FLOWSENSOR_PII_FINGERPRINT, "",
                       "Codes of the options in the last REQUEST, in order."},
    [FIELD_ADDRESS] = {"dhcp_addr", FLOWSENSOR_STRING, FLOWSENSOR_PII_ADDRESS, "",
                       "Address that the client of a REQUEST has already (ciaddr)."},
    [FIELD_MESSAGE_TYPE] =
        {"dhcp_msg_type", FLOWSENSOR_INT, FLOWSENSOR_PII_NONE, "",
         "Type of the flow's first message: 1 DISCOVER, 2 OFFER, 3 REQUEST, 4 DECLINE, 5 ACK, "
         "6 NAK, 7 RELEASE, 8 INFORM; 0: it has none."},
    [FIELD_OUI] = {"dhcp_oui", FLOWSENSOR_STRING, FLOWSENSOR_PII_MAC, "",
                   "First three bytes of the client's MAC address in a REQUEST, like 00:11:22."},
};

/* The bytes of an option. */
struct bytes {
    uint8_t is_set, length;
    uint8_t byte[255];
};

struct session {
    struct bytes host_name, vendor_class, user_class, parameters, options, requested;
    uint8_t is_typed, message_type;
    uint8_t has_oui, has_address;
    uint8_t oui[3], address[4];
    uint8_t has_maximum_size;
    int64_t maximum_size;
};

/* One message; what is missing points nowhere. */
struct message {
    const uint8_t *parameters, *requested;
    uint8_t parameters_length, requested_length, type;
    struct bytes options;
};

static void keep(struct bytes *bytes, const uint8_t *from, size_t length) {
    bytes->is_set = 1;
    bytes->length = (uint8_t)length;
    memcpy(bytes->byte, from, length);
}

/* Big-endian number of at most 8 bytes. */
static int64_t number_of(const uint8_t *bytes, size_t length) {
    uint64_t number = 0;
    for (size_t i = 0; i < length; i++)
        number = number << 8 | bytes[i];
    return (int64_t)number;
}

static void take_option(struct session *session, struct message *message, uint8_t code, const uint8_t *value,
                        uint8_t length) {
    switch (code) {
    case OPTION_HOST_NAME:
        if (length > 0)
            keep(&session->host_name, value, length);
        break;
    case OPTION_VENDOR_CLASS: keep(&session->vendor_class, value, length); break;
    case OPTION_USER_CLASS: keep(&session->user_class, value, length); break;
    case OPTION_MAXIMUM_SIZE:
        session->has_maximum_size = length <= sizeof(int64_t);
        session->maximum_size = session->has_maximum_size ? number_of(value, length) : 0;
        break;
    case OPTION_MESSAGE_TYPE: message->type = length > 0 ? value[length - 1] : 0; break;
    case OPTION_PARAMETER_LIST:
        message->parameters = value;
        message->parameters_length = length;
        break;
    case OPTION_REQUESTED_ADDRESS:
        message->requested = value;
        message->requested_length = length;
        break;
    default: break;
    }
    if (message->options.length < OPTIONS_MAX)
        message->options.byte[message->options.length++] = code;
}

/* A truncated option is taken as far as it was captured. */
static void take_options(struct session *session, struct message *message, const uint8_t *at,
                         const uint8_t *end) {
    while (at < end && *at != OPTION_END) {
        if (*at == OPTION_PAD || end - at < 2) {
            at++;
            continue;
        }
        size_t length = at[1];
        if (length > (size_t)(end - at - 2))
            length = (size_t)(end - at - 2);
        take_option(session, message, at[0], at + 2, (uint8_t)length);
        at += 2 + length;
    }
}

static void take_request(struct session *session, const struct message *message, const uint8_t *header) {
    static const uint8_t nowhere[4];
    session->has_oui = 1;
    memcpy(session->oui, header + CHADDR, sizeof session->oui);
    session->options = message->options;
    session->parameters.is_set = session->requested.is_set = 0;
    if (message->parameters != NULL)
        keep(&session->parameters, message->parameters, message->parameters_length);
    if (message->requested != NULL)
        keep(&session->requested, message->requested, message->requested_length);
    if (memcmp(header + CIADDR, nowhere, sizeof nowhere) != 0) {
        session->has_address = 1;
        memcpy(session->address, header + CIADDR, sizeof session->address);
    }
}

static int is_unspecified(const struct flowsensor_flow *flow) {
    static const uint8_t nowhere[4];
    return flow->ip_version == 4 && memcmp(flow->source, nowhere, sizeof nowhere) == 0;
}

static enum flowsensor_verdict on_packet(void *context, const struct flowsensor_packet *packet,
                                         const struct flowsensor_flow *flow, void *state) {
    const uint32_t *number = state;
    size_t length = 0;
    if (flow->destination_port != DHCP_PORT || *number == 0)
        return FLOWSENSOR_GO_ON;
    const uint8_t *payload = udp_payload(packet, &length);
    if (payload == NULL || length < DHCP_HEADER)
        return FLOWSENSOR_GO_ON;
    struct session *session = session_pool_get(context, *number);
    struct message message = {.type = 0};
    take_options(session, &message, payload + DHCP_HEADER, payload + length);
    if (message.type == REQUEST)
        take_request(session, &message, payload);
    if (!session->is_typed) {
        session->is_typed = 1;
        session->message_type = message.type;
    }
    int is_end =
        message.type == ACK || message.type == NAK || message.type == INFORM || message.type == DECLINE;
    return is_end || is_unspecified(flow) ? FLOWSENSOR_END_FLOW : FLOWSENSOR_GO_ON;
}

static enum flowsensor_verdict on_init(void *context, const struct flowsensor_packet *packet,
                                       const struct flowsensor_flow *flow, void *state) {
    uint32_t *number = state;
    if (flow->destination_port == DHCP_PORT && flow->protocol == PROTOCOL_UDP)
        *number = session_pool_take(context);
    return on_packet(context, packet, flow, state);
}

static void on_release(void *context, void *state) {
    const uint32_t *number = state;
    session_pool_give(context, *number);
}

static void set_bytes(struct flowsensor_value *value, const struct bytes *bytes) {
    if (bytes->is_set)
        flowsensor_set_text(value, (const char *)bytes->byte, bytes->length);
}

static void set_address(struct flowsensor_value *value, const uint8_t *bytes) {
    int length = snprintf(value->scratch, FLOWSENSOR_SCRATCH_SIZE, "%u.%u.%u.%u", bytes[0], bytes[1],
                          bytes[2], bytes[3]);
    flowsensor_set_text(value, value->scratch, (size_t)length);
}

static void set_list(struct flowsensor_value *value, const struct bytes *bytes) {
    char *text = value->scratch;
    int length = 0;
    if (!bytes->is_set)
        return;
    for (size_t i = 0; i < bytes->length; i++)
        length += snprintf(text + length, FLOWSENSOR_SCRATCH_SIZE - (size_t)length, "%s%u", i > 0 ? "," : "",
                           bytes->byte[i]);
    flowsensor_set_text(value, text, (size_t)length);
}

static void set_numbers(struct flowsensor_value *value, const struct bytes *bytes) {
    int64_t *items = value->scratch;
    for (size_t i = 0; i < bytes->length; i++)
        items[i] = bytes->byte[i];
    flowsensor_set_integers(value, items, bytes->length);
}

static void set_oui(struct flowsensor_value *value, const struct session *session) {
    int length = snprintf(value->scratch, FLOWSENSOR_SCRATCH_SIZE, "%02x:%02x:%02x", session->oui[0],
                          session->oui[1], session->oui[2]);
    flowsensor_set_text(value, value->scratch, (size_t)length);
}

static void get(void *context, const struct flowsensor_flow *flow, const void *state, size_t field,
                struct flowsensor_value *value) {
    static const struct session nothing;
    const uint32_t *number = state;
    const struct session *session = *number != 0 ? session_pool_get(context, *number) : &nothing;
    (void)flow;
    switch (field) {
    case FIELD_12: set_bytes(value, &session->host_name); break;
    case FIELD_50:
        if (session->requested.is_set && session->requested.length == 4)
            set_address(value, session->requested.byte);
        break;
    case FIELD_55: set_list(value, &session->parameters); break;
    case FIELD_57:
        if (session->has_maximum_size)
            flowsensor_set_integer(value, session->maximum_size);
        break;
    case FIELD_60: set_bytes(value, &session->vendor_class); break;
    case FIELD_77: set_bytes(value, &session->user_class); break;
    case FIELD_OPTIONS: set_numbers(value, &session->options); break;
    case FIELD_ADDRESS:
        if (session->has_address)
            set_address(value, session->address);
        break;
    case FIELD_MESSAGE_TYPE:
        if (session->is_typed)
            flowsensor_set_integer(value, session->message_type);
        break;
    default:
        if (session->has_oui)
            set_oui(value, session);
    }
}

static int configure(const struct flowsensor_parameter *parameters, size_t count,
                     struct flowsensor_setup *setup) {
    struct number sessions = {"sessions", 1, 1000000, 256};
    if (read_numbers(parameters, count, &sessions, 1, setup) != 0)
        return 1;
    struct session_pool *pool = malloc(sizeof *pool);
    if (pool == NULL || session_pool_open(pool, (uint32_t)sessions.value, sizeof(struct session)) != 0) {
        free(pool);
        snprintf(setup->message, setup->message_size, "no memory for %ld sessions", sessions.value);
        return 1;
    }
    setup->context = pool;
    return 0;
}

static void cleanup(void *context) {
    session_pool_close(context);
    free(context);
}

FLOWSENSOR_PLUGIN = {
    FLOWSENSOR_PLUGIN_INTERFACE,
    .name = "dhcp",
    .version = "1",
    .fields = fields,
    .field_count = FIELDS,
    .state_size = sizeof(uint32_t),
    .configure = configure,
    .on_init = on_init,
    .on_update = on_packet,
    .get = get,
    .on_release = on_release,
    .cleanup = cleanup,
};
