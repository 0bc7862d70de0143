/* The interface between flowsensor and its plugins: shared objects that add fields to every flow and may end flows.
 * Installed as <flowsensor/plugin.h>; needs C17 (or C++20) and nothing else of flowsensor.
 *
 * A plugin defines one constant, `flowsensor_plugin`, which begins with FLOWSENSOR_PLUGIN_INTERFACE:
 *
 *     FLOWSENSOR_PLUGIN = {
 *         FLOWSENSOR_PLUGIN_INTERFACE,
 *         .name = "example", .version = "1",
 *         .fields = fields, .field_count = 1, .state_size = sizeof(struct state),
 *         .on_update = on_update, .get = get,
 *     };
 *
 * Life of a flow: on_init with its first packet, on_update with each later one, on_expire when it has ended, get for
 * each field and output, on_release. Where states of open flows are published (meter.early_packets and such), get is
 * also called in between, as often as that, for what the state is by then: on_expire comes later. The arguments of a
 * call are borrowed for the call. The state is the plugin's: state_size bytes in each flow, aligned to 8 and zeroed
 * before on_init.
 *
 * Threads: several meters may run at once, each in a thread of its own. A context (made by configure) and the states
 * of its flows are used by one thread at a time, so neither needs a lock. configure and cleanup are called while no
 * flow is open. Static variables are shared by all meters and must be constant.
 *
 * The calls from on_init to on_release are on the path of packets: they must not wait, and should not allocate. If the
 * state is not enough, allocate memory in configure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Version of this interface. The sensor refuses a plugin of another version. */
#define FLOWSENSOR_PLUGIN_ABI 1

enum {
    FLOWSENSOR_TEXT_MAX = 4096,     /* bytes of one text; the rest is cut off */
    FLOWSENSOR_ITEMS_MAX = 65535,   /* items of one array; of texts, as many as fit into 64 KiB */
    FLOWSENSOR_SCRATCH_SIZE = 65536 /* see struct flowsensor_value */
};

/* Avro type of a field. In records every field may be null. */
enum flowsensor_type {
    FLOWSENSOR_BOOLEAN,
    FLOWSENSOR_INT,       /* 32 bits; a value out of range becomes the nearest one */
    FLOWSENSOR_LONG,      /* 64 bits */
    FLOWSENSOR_TIMESTAMP, /* microseconds since the epoch */
    FLOWSENSOR_DOUBLE,
    FLOWSENSOR_STRING, /* bytes that are not valid UTF-8 become U+FFFD */
    FLOWSENSOR_INT_ARRAY,
    FLOWSENSOR_LONG_ARRAY,
    FLOWSENSOR_STRING_ARRAY,
    FLOWSENSOR_TYPES
};

/* What a field may tell about a person. Outputs anonymize the field by this. */
enum flowsensor_pii {
    FLOWSENSOR_PII_NONE,
    FLOWSENSOR_PII_ADDRESS,
    FLOWSENSOR_PII_MAC,
    FLOWSENSOR_PII_NAME,
    FLOWSENSOR_PII_AGENT,
    FLOWSENSOR_PII_FINGERPRINT,
    FLOWSENSOR_PII_CLASSES
};

struct flowsensor_field {
    const char *name; /* in records udps.NAME: letters, digits and _, no digit first, at most 48 */
    enum flowsensor_type type;
    enum flowsensor_pii pii;
    const char *unit; /* "bytes", "milliseconds", ...; "" or NULL: none */
    const char *doc;  /* definition, for the schema */
};

struct flowsensor_parameter {
    const char *name, *value; /* of "name=value" in the configuration */
};

enum flowsensor_direction { FLOWSENSOR_SRC2DST, FLOWSENSOR_DST2SRC };

enum flowsensor_tcp_flag {
    FLOWSENSOR_FIN = 0x01,
    FLOWSENSOR_SYN = 0x02,
    FLOWSENSOR_RST = 0x04,
    FLOWSENSOR_PSH = 0x08,
    FLOWSENSOR_ACK = 0x10,
    FLOWSENSOR_URG = 0x20,
    FLOWSENSOR_ECE = 0x40,
    FLOWSENSOR_CWR = 0x80
};

/* One packet, without its tunnel's headers if tunnels are decoded. Times are ticks, see
 * flowsensor_flow.ticks_per_second. */
struct flowsensor_packet {
    int64_t time;            /* since the epoch; never earlier than that of the flow's previous packet */
    int64_t interval;        /* since the flow's previous packet; 0 for its first (NFStream: delta_time) */
    const uint8_t *ip;       /* the IP header and what follows */
    uint32_t ip_captured;    /* readable bytes from there on; may be fewer than the packet has */
    uint32_t raw_size;       /* bytes on the wire with the link's header */
    uint32_t ip_size;        /* IP header and payload */
    uint32_t transport_size; /* with the transport's header */
    uint32_t payload_size;
    const uint8_t *source; /* address in network byte order: 4 or 16 bytes, by ip_version */
    const uint8_t *destination;
    const uint8_t *source_mac; /* 6 bytes; zeros where the link has none */
    const uint8_t *destination_mac;
    uint16_t source_port; /* 0 where the protocol has none */
    uint16_t destination_port;
    uint16_t vlan_id;   /* 0: no tag */
    uint8_t direction;  /* enum flowsensor_direction */
    uint8_t ip_version; /* 4 or 6 */
    uint8_t protocol;   /* IANA's number: 6 TCP, 17 UDP, ... */
    uint8_t tcp_flags;  /* enum flowsensor_tcp_flag; 0 for other protocols */
    uint8_t tunnel_id;  /* NFStream's: 0 none, 1 GTP-U, 2 CAPWAP, 3 TZSP, ... */
};

struct flowsensor_counters {
    int64_t first_seen; /* ticks; both 0 without packets */
    int64_t last_seen;
    uint64_t packets;
    uint64_t bytes; /* as meter.accounting_mode counts */
};

/* The flow; its counters include this packet. "Source" is the sender of the flow's first packet. */
struct flowsensor_flow {
    uint64_t ticks_per_second; /* 1000000; 1000 in the nfstream profile */
    struct flowsensor_counters bidirectional, src2dst, dst2src;
    const uint8_t *source; /* 4 or 16 bytes, by ip_version */
    const uint8_t *destination;
    const uint8_t *source_mac; /* 6 bytes, of the first packet */
    const uint8_t *destination_mac;
    const char *
        application_name; /* nDPI's label; NULL if labels are off, or before it is decided (in on_expire it is) */
    const char *application_category_name;
    const char *
        end_reason; /* "idle", "active", "plugin", ...; NULL before on_expire; "open" in get for a flow that goes on */
    uint32_t slice; /* number of the flow's part: 0, 1, ... after cuts by the active timeout */
    uint16_t source_port;
    uint16_t destination_port;
    uint16_t vlan_id;
    uint8_t ip_version;
    uint8_t protocol;
    uint8_t tunnel_id;
};

struct flowsensor_text {
    const char *bytes; /* need not end in NUL */
    size_t length;
};

/* get fills this by one of the functions below. If it doesn't, the value is null. Memory that it points to must stay valid
 * until the next call. It may be in the state or in the scratch, which the sensor owns and which is undefined when the
 * call begins. */
struct flowsensor_value {
    int is_set;
    int64_t integer; /* BOOLEAN, INT, LONG, TIMESTAMP */
    double real;
    struct flowsensor_text text;
    const int64_t *integers;             /* INT_ARRAY, LONG_ARRAY */
    const struct flowsensor_text *texts; /* STRING_ARRAY */
    size_t count;                        /* of integers or texts */
    void *scratch; /* FLOWSENSOR_SCRATCH_SIZE bytes, aligned to 16, for what get computes */
};

/* Filled before configure is called; the plugin changes what it wants. */
struct flowsensor_setup {
    void *context;     /* NULL; handed to every call of this meter */
    size_t state_size; /* the plugin's state_size */
    char *message;     /* why configure failed: one line that ends in NUL */
    size_t message_size;
};

enum flowsensor_verdict {
    FLOWSENSOR_GO_ON,
    FLOWSENSOR_END_FLOW /* the flow ends with this packet (NFStream: flow.expiration_id = -1) */
};

struct flowsensor_plugin {
    /* FLOWSENSOR_PLUGIN_INTERFACE */
    uint32_t abi;
    uint32_t plugin_size, field_size, packet_size, flow_size, value_size, setup_size;

    const char *name;    /* for messages and feature_hash */
    const char *version; /* changes with the meaning or the computation of any field: part of feature_hash */
    const struct flowsensor_field *fields;
    size_t field_count; /* 0: the plugin only ends flows */
    size_t state_size;

    /* Each of these may be NULL, get only without fields. */

    /* Called once per meter before its first packet, and once more at the start to check the parameters. Returns 0; or
     * another number, with setup->message set. */
    int (*configure)(const struct flowsensor_parameter *parameters, size_t count,
                     struct flowsensor_setup *setup);

    enum flowsensor_verdict (*on_init)(void *context, const struct flowsensor_packet *packet,
                                       const struct flowsensor_flow *flow, void *state);
    enum flowsensor_verdict (*on_update)(void *context, const struct flowsensor_packet *packet,
                                         const struct flowsensor_flow *flow, void *state);

    /* The flow has ended and is about to be recorded. */
    void (*on_expire)(void *context, const struct flowsensor_flow *flow, void *state);

    /* Value of fields[field]. */
    void (*get)(void *context, const struct flowsensor_flow *flow, const void *state, size_t field,
                struct flowsensor_value *value);

    /* The flow was recorded: free what the state refers to. This is the last call for the flow. If the sensor fails, it
     * comes without on_expire and get before it. */
    void (*on_release)(void *context, void *state);

    /* After each successful configure: frees the context. */
    void (*cleanup)(void *context);
};

#define FLOWSENSOR_PLUGIN_INTERFACE                                                                 \
    .abi = FLOWSENSOR_PLUGIN_ABI, .plugin_size = sizeof(struct flowsensor_plugin),                  \
    .field_size = sizeof(struct flowsensor_field), .packet_size = sizeof(struct flowsensor_packet), \
    .flow_size = sizeof(struct flowsensor_flow), .value_size = sizeof(struct flowsensor_value),     \
    .setup_size = sizeof(struct flowsensor_setup)

/* The one symbol that the sensor looks for. */
#define FLOWSENSOR_PLUGIN_SYMBOL "flowsensor_plugin"
#ifdef __cplusplus
#define FLOWSENSOR_PLUGIN \
    extern "C" __attribute__((visibility("default"))) const struct flowsensor_plugin flowsensor_plugin
#else
#define FLOWSENSOR_PLUGIN                                    \
    extern const struct flowsensor_plugin flowsensor_plugin; \
    __attribute__((visibility("default"))) const struct flowsensor_plugin flowsensor_plugin
#endif

static inline void flowsensor_set_integer(struct flowsensor_value *value, int64_t integer) {
    value->integer = integer;
    value->is_set = 1;
}

static inline void flowsensor_set_real(struct flowsensor_value *value, double real) {
    value->real = real;
    value->is_set = 1;
}

static inline void flowsensor_set_text(struct flowsensor_value *value, const char *bytes, size_t length) {
    value->text.bytes = bytes;
    value->text.length = length;
    value->is_set = 1;
}

static inline void flowsensor_set_integers(struct flowsensor_value *value, const int64_t *integers,
                                           size_t count) {
    value->integers = integers;
    value->count = count;
    value->is_set = 1;
}

static inline void flowsensor_set_texts(struct flowsensor_value *value, const struct flowsensor_text *texts,
                                        size_t count) {
    value->texts = texts;
    value->count = count;
    value->is_set = 1;
}
