/* What a conversation of DNS (port 53) asked and was answered, by the messages themselves (RFC 1035, 4.1): the first message's id and
 * type, and the first response with that id. Of a TCP stream a message is read that begins a segment, as far as the segment has it.
 * Like the label, a later slice keeps what is known. */
#include "meter/feature.h"

#include <netinet/in.h>
#include <string.h>

#include "decode/walk/payload.h"
#include "meter/options.h"
#include "record/field/field_getters.h"

enum {
    DNS_PORT = 53,
    DNS_HEADER = 12,
    DNS_LENGTH = 2,        /* before each message of TCP (RFC 1035, 4.2.2) */
    DNS_QUESTION_TAIL = 4, /* type, class */
    DNS_RECORD_TAIL = 10,  /* type, class, TTL, length of the data */
    DNS_QR = 0x80,         /* in the third byte: a response */
    DNS_RCODE = 0x0f,      /* in the fourth */
    DNS_POINTER =
        0xc0, /* both bits: the rest of the name is elsewhere; one of them is of no kind of label in use */
    DNS_TYPE_A = 1,
    DNS_TYPE_AAAA = 28,
};

enum dns_known {
    DNS_HAS_QUERY = 1 << 0, /* the id */
    DNS_HAS_TYPE = 1 << 1,
    DNS_HAS_RESPONSE = 1 << 2,
    DNS_HAS_TTL = 1 << 3,
    DNS_LENGTH_CAME =
        1
        << 4, /* and << 5, by flow_way(): the length came in a segment of its own, and the message is next */
};

/* What flow_feature(flow, FEATURE_dns) points to. */
struct dns {
    uint32_t answer_ttl; /* seconds */
    uint16_t query_id, query_type, answers;
    uint8_t response_code;
    uint8_t known; /* enum dns_known */
};
_Static_assert(sizeof(struct dns) == 12, "every open flow costs these bytes");

static size_t dns_state_size(const struct meter_options *options) {
    return meter_asks_for(options, FEATURE_dns) ? sizeof(struct dns) : 0;
}

static void dns_on_init(const struct feature_context *context, struct flow *flow) {
    (void)context;
    memset(flow_feature(flow, FEATURE_dns), 0, sizeof(struct dns));
}

/* Moves *offset behind a name (4.1.4). False: it isn't all there, or is none. */
static bool dns_skip_name(struct bytes message, size_t *offset) {
    while (bytes_have(message, *offset, 1)) {
        uint8_t length = bytes_u8(message, *offset);
        bool is_pointer = (length & DNS_POINTER) == DNS_POINTER;
        if (!is_pointer && (length & DNS_POINTER) != 0)
            return false;
        *offset += is_pointer ? 2 : (size_t)length + 1;
        if (is_pointer || length == 0)
            return *offset <= message.length;
    }
    return false;
}

/* Moves *offset behind a question; its type is the last thing but the class. */
static bool dns_skip_question(struct bytes message, size_t *offset, uint16_t *type) {
    if (!dns_skip_name(message, offset) || !bytes_have(message, *offset, DNS_QUESTION_TAIL))
        return false;
    *type = bytes_u16(message, *offset);
    *offset += DNS_QUESTION_TAIL;
    return true;
}

static void dns_note_query(struct dns *dns, struct bytes message) {
    size_t offset = DNS_HEADER;
    dns->query_id = bytes_u16(message, 0);
    dns->known |= DNS_HAS_QUERY;
    if (bytes_u16(message, 4) > 0 && dns_skip_question(message, &offset, &dns->query_type))
        dns->known |= DNS_HAS_TYPE;
}

/* A lifetime with its highest bit set is 0 (RFC 2181, 8). */
static void dns_note_ttl(struct dns *dns, uint32_t ttl) {
    dns->answer_ttl = ttl > INT32_MAX ? 0 : ttl;
    dns->known |= DNS_HAS_TTL;
}

/* Each step is at least 5 bytes of the message, so there are few however many it announces. */
static void dns_find_address(struct dns *dns, struct bytes message) {
    size_t offset = DNS_HEADER;
    uint16_t type;
    for (unsigned left = bytes_u16(message, 4); left > 0; left--)
        if (!dns_skip_question(message, &offset, &type))
            return;
    for (unsigned left = dns->answers; left > 0; left--) {
        if (!dns_skip_name(message, &offset) || !bytes_have(message, offset, DNS_RECORD_TAIL))
            return;
        type = bytes_u16(message, offset);
        if (type == DNS_TYPE_A || type == DNS_TYPE_AAAA) {
            dns_note_ttl(dns, bytes_u32(message, offset + 4));
            return;
        }
        offset += DNS_RECORD_TAIL + (size_t)bytes_u16(message, offset + 8);
    }
}

static void dns_note_response(struct dns *dns, struct bytes message) {
    dns->response_code = bytes_u8(message, 3) & DNS_RCODE;
    dns->answers = bytes_u16(message, 6);
    dns->known |= DNS_HAS_RESPONSE;
    dns_find_address(dns, message);
}

/* The message that a segment begins with; empty where it has none. Some senders write the length by itself. */
static struct bytes dns_of_segment(struct dns *dns, struct bytes payload, enum flow_direction direction) {
    unsigned came = (unsigned)DNS_LENGTH_CAME << flow_way(direction);
    if ((dns->known & came) != 0) {
        dns->known &= (uint8_t)~came;
        return payload;
    }
    if (payload.length == DNS_LENGTH)
        dns->known |= (uint8_t)came;
    return bytes_from(payload, DNS_LENGTH);
}

static void dns_take_message(struct dns *dns, struct bytes message) {
    if (!bytes_have(message, 0, DNS_HEADER))
        return;
    if ((dns->known & DNS_HAS_QUERY) == 0)
        dns_note_query(dns, message);
    if ((bytes_u8(message, 2) & DNS_QR) != 0 && bytes_u16(message, 0) == dns->query_id)
        dns_note_response(dns, message);
}

static void dns_on_update(const struct feature_context *context, struct flow *flow,
                          const struct packet *packet, enum flow_direction direction, uint32_t size) {
    (void)context, (void)size;
    struct dns *dns = flow_feature(flow, FEATURE_dns);
    if ((packet->source_port != DNS_PORT && packet->destination_port != DNS_PORT) ||
        (dns->known & DNS_HAS_RESPONSE) != 0)
        return;
    struct bytes payload = packet_payload(packet);
    if (packet->protocol == IPPROTO_UDP)
        dns_take_message(dns, payload);
    else if (packet->protocol == IPPROTO_TCP && payload.length > 0)
        dns_take_message(dns, dns_of_segment(dns, payload, direction));
}

static void dns_on_release(const struct feature_context *context, struct flow *flow, struct flow *next) {
    (void)context;
    if (next != NULL)
        memcpy(flow_feature(next, FEATURE_dns), flow_feature(flow, FEATURE_dns), sizeof(struct dns));
}

const struct feature feature_dns = {
    .name = "dns",
    .state_size = dns_state_size,
    .on_init = dns_on_init,
    .on_update = dns_on_update,
    .on_release = dns_on_release,
};

#define DNS_GETTER(name, member, bit)                                                  \
    void get_##name(const struct record_source *source, enum flow_direction direction, \
                    struct value *value) {                                             \
        const struct dns *dns = flow_feature(source->flow, FEATURE_dns);               \
        (void)direction;                                                               \
        value_integer(value, dns->member);                                             \
        value->is_null = (dns->known & (bit)) == 0;                                    \
    }
DNS_GETTER(dns_query_id, query_id, DNS_HAS_QUERY)
DNS_GETTER(dns_query_type, query_type, DNS_HAS_TYPE)
DNS_GETTER(dns_response_code, response_code, DNS_HAS_RESPONSE)
DNS_GETTER(dns_answers, answers, DNS_HAS_RESPONSE)
DNS_GETTER(dns_answer_ttl, answer_ttl, DNS_HAS_TTL)
