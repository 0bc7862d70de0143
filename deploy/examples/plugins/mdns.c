/* The names that PTR answers of multicast DNS give (NFStream's MDNS plugin): "mdns.so sessions=256". At most 32 names a
 * flow, each once, in order; their commas become blanks. With quirks=1 a message counts only if NFStream's parser knows
 * the type of each of its records: one NSEC record, which mDNS responders like to add, and it sees no name. */
#include "parameter.h"
#include "session_pool.h"
#include "udp_payload.h"

enum { MDNS_PORT = 5353, NAMES_MAX = 32, NAME_MAX_LENGTH = 255, DNS_HEADER = 12, RECORD_HEADER = 10 };

/* Types of records (RFC 1035 and others). */
enum { NS = 2, CNAME = 5, SOA = 6, PTR = 12, MX = 15, TXT = 16, SRV = 33 };

static const struct flowsensor_field fields[] = {
    {"mdns_ptr", FLOWSENSOR_STRING_ARRAY, FLOWSENSOR_PII_NAME, "",
     "Names in the PTR answers of multicast DNS, each once, in order."},
};

struct name {
    uint8_t length;
    char text[NAME_MAX_LENGTH];
};

struct session {
    size_t count;
    struct name names[NAMES_MAX];
};

struct settings {
    struct session_pool pool;
    int quirks;
};

struct dns {
    const uint8_t *bytes;
    size_t length;
};

static unsigned word(const uint8_t *bytes) {
    return (unsigned)bytes[0] << 8 | bytes[1];
}

/* Reads the name at *at and moves *at behind it; `name` may be NULL. 0, or 1: it is no name. A pointer must go back, so
 * that there is an end. */
static int read_name(const struct dns *dns, size_t *at, struct name *name) {
    size_t here = *at, start = here, total = 0;
    int jumped = 0;
    for (;;) {
        if (here >= dns->length)
            return 1;
        size_t label = dns->bytes[here];
        if (label == 0)
            break;
        if (label >= 0xc0) {
            if (here + 2 > dns->length || (word(dns->bytes + here) & 0x3fff) >= start)
                return 1;
            if (!jumped)
                *at = here + 2;
            jumped = 1;
            here = start = word(dns->bytes + here) & 0x3fff;
            continue;
        }
        if (label >= 0x40 || here + 1 + label > dns->length || total + label + 1 > NAME_MAX_LENGTH)
            return 1;
        if (name != NULL) {
            if (total > 0)
                name->text[total - 1] = '.';
            memcpy(name->text + total, dns->bytes + here + 1, label);
        }
        total += label + 1;
        here += 1 + label;
    }
    if (!jumped)
        *at = here + 1;
    if (name != NULL)
        name->length = (uint8_t)(total > 0 ? total - 1 : 0);
    return 0;
}

static void add_name(struct session *session, struct name *name) {
    for (size_t i = 0; i < name->length; i++)
        if (name->text[i] == ',')
            name->text[i] = ' ';
    for (size_t i = 0; i < session->count; i++)
        if (session->names[i].length == name->length &&
            memcmp(session->names[i].text, name->text, name->length) == 0)
            return;
    if (session->count < NAMES_MAX)
        session->names[session->count++] = *name;
}

/* Whether NFStream's parser takes a record with this type and data. */
static int is_known(const struct dns *dns, unsigned type, size_t at, size_t length) {
    static const uint8_t other[] = {1, 10, 13, TXT, 28, 41}; /* A, NULL, HINFO, TXT, AAAA, OPT */
    switch (type) {
    case NS:
    case CNAME:
    case PTR: return read_name(dns, &at, NULL) == 0;
    case SOA:
        return read_name(dns, &at, NULL) == 0 && read_name(dns, &at, NULL) == 0 && dns->length - at >= 20;
    case MX: at += 2; return length >= 2 && read_name(dns, &at, NULL) == 0;
    case SRV: at += 6; return length >= 6 && read_name(dns, &at, NULL) == 0;
    default: return type < 256 && memchr(other, (int)type, sizeof other) != NULL;
    }
}

/* Reads one record and moves *at behind it; a PTR answer's name goes into `session` (NULL: not asked for). 0, or 1: the
 * message ends or is broken here. */
static int read_record(const struct dns *dns, size_t *at, int quirks, struct session *session) {
    if (read_name(dns, at, NULL) != 0 || *at + RECORD_HEADER > dns->length)
        return 1;
    unsigned type = word(dns->bytes + *at);
    size_t length = word(dns->bytes + *at + 8), data = *at + RECORD_HEADER, name_at = data;
    *at = data + length;
    if (quirks && !is_known(dns, type, data, length))
        return 1;
    struct name name;
    if (type == PTR && session != NULL && read_name(dns, &name_at, &name) == 0)
        add_name(session, &name);
    return 0;
}

/* Reads the whole message; 1 if it is broken somewhere. */
static int read_message(const struct dns *dns, int quirks, struct session *session) {
    size_t at = DNS_HEADER;
    if (dns->length < DNS_HEADER)
        return 1;
    for (unsigned i = word(dns->bytes + 4); i > 0; i--) {
        if (read_name(dns, &at, NULL) != 0 || at + 4 > dns->length)
            return 1;
        at += 4;
    }
    unsigned answers = word(dns->bytes + 6);
    unsigned records = answers + word(dns->bytes + 8) + word(dns->bytes + 10);
    for (unsigned i = 0; i < records; i++)
        if (read_record(dns, &at, quirks, i < answers ? session : NULL) != 0)
            return 1;
    return 0;
}

static enum flowsensor_verdict on_packet(void *context, const struct flowsensor_packet *packet,
                                         const struct flowsensor_flow *flow, void *state) {
    const struct settings *settings = context;
    const uint32_t *number = state;
    struct dns dns;
    (void)flow;
    if (*number == 0 || (dns.bytes = udp_payload(packet, &dns.length)) == NULL)
        return FLOWSENSOR_GO_ON;
    if (!settings->quirks || read_message(&dns, 1, NULL) == 0)
        read_message(&dns, settings->quirks, session_pool_get(&settings->pool, *number));
    return FLOWSENSOR_GO_ON;
}

static enum flowsensor_verdict on_init(void *context, const struct flowsensor_packet *packet,
                                       const struct flowsensor_flow *flow, void *state) {
    struct settings *settings = context;
    uint32_t *number = state;
    if (flow->destination_port == MDNS_PORT && flow->protocol == PROTOCOL_UDP && flow->ip_version == 4)
        *number = session_pool_take(&settings->pool);
    return on_packet(context, packet, flow, state);
}

static void on_release(void *context, void *state) {
    struct settings *settings = context;
    const uint32_t *number = state;
    session_pool_give(&settings->pool, *number);
}

static void get(void *context, const struct flowsensor_flow *flow, const void *state, size_t field,
                struct flowsensor_value *value) {
    const struct settings *settings = context;
    const uint32_t *number = state;
    struct flowsensor_text *texts = value->scratch;
    size_t count = 0;
    (void)flow;
    (void)field;
    if (*number != 0) {
        const struct session *session = session_pool_get(&settings->pool, *number);
        for (; count < session->count; count++)
            texts[count] = (struct flowsensor_text){session->names[count].text, session->names[count].length};
    }
    flowsensor_set_texts(value, texts, count);
}

static int configure(const struct flowsensor_parameter *parameters, size_t count,
                     struct flowsensor_setup *setup) {
    struct number numbers[] = {{"sessions", 1, 1000000, 256}, {"quirks", 0, 1, 0}};
    if (read_numbers(parameters, count, numbers, 2, setup) != 0)
        return 1;
    struct settings *settings = malloc(sizeof *settings);
    if (settings == NULL ||
        session_pool_open(&settings->pool, (uint32_t)numbers[0].value, sizeof(struct session)) != 0) {
        free(settings);
        snprintf(setup->message, setup->message_size, "no memory for %ld sessions", numbers[0].value);
        return 1;
    }
    settings->quirks = (int)numbers[1].value;
    setup->context = settings;
    return 0;
}

static void cleanup(void *context) {
    struct settings *settings = context;
    session_pool_close(&settings->pool);
    free(settings);
}

FLOWSENSOR_PLUGIN = {
    FLOWSENSOR_PLUGIN_INTERFACE,
    .name = "mdns",
    .version = "1",
    .fields = fields,
    .field_count = 1,
    .state_size = sizeof(uint32_t),
    .configure = configure,
    .on_init = on_init,
    .on_update = on_packet,
    .get = get,
    .on_release = on_release,
    .cleanup = cleanup,
};
