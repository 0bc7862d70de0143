/* Room 3's product: a bidirectional flow (RFC 5103) with its features. The meter and its thread own it. An export call may
 * read it, and keeps no pointer to it.
 *
 * Times are ticks of the profile: microseconds (native) or milliseconds (nfstream). Byte counts follow the accounting
 * mode. "Source" is the sender of the flow's first packet. Natively that is the first packet of the uid's first slice; if
 * that packet is an answer (packet.answers), its receiver is the source. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decode/walk/packet.h"

struct l7_label;      /* meter/l7.h */
struct meter_options; /* meter/options.h */

/* Index of everything that exists three times. */
enum flow_direction { BIDIRECTIONAL, SRC2DST, DST2SRC, FLOW_DIRECTIONS };
/* Of what is kept of the two ways alone, and computed of both: see flow_way(). */
enum { FLOW_WAYS = FLOW_DIRECTIONS - 1 };

/* Why a flow (or a slice of it) ended. */
enum end_reason {
    END_IDLE,
    END_ACTIVE,
    END_OF_INPUT,
    END_EVICTED,
    END_SHUTDOWN,
    END_PLUGIN,
    END_TCP_FIN,   /* both ends closed the connection */
    END_TCP_RESET, /* one end reset it */
    END_ANSWERED,  /* UDP: a query and its answer, and nothing more for meter.udp_answered_timeout */
    END_TCP_REUSE, /* a new connection began on its addresses and ports, and its end was not seen */
    END_REASON_COUNT
};

/* What kind of record an export is for its slice: final at its end; early and update while it is open (struct
 * publish_options). */
enum record_kind { RECORD_FINAL, RECORD_EARLY, RECORD_UPDATE, RECORD_KIND_COUNT };

extern const char *const record_kind_names[RECORD_KIND_COUNT]; /* "final", "early", "update" */
const char *record_kind_name(enum record_kind kind);

/* "idle", "active", "end_of_input", "evicted", "shutdown", "plugin", "tcp_fin", "tcp_reset", "answered",
 * "tcp_reuse" */
const char *end_reason_name(enum end_reason reason);

/* What makes two packets one flow. Canonical: the lower (address, port) is `a`. Compared and hashed as bytes, so it
 * has no padding and unused bytes are 0. */
struct flow_key {
    uint8_t address_a[16];
    uint8_t address_b[16];
    uint16_t port_a;
    uint16_t port_b;
    uint16_t vlan_id;
    uint8_t protocol;
    uint8_t ip_version; /* 0 in the nfstream profile, whose key does not have it */
    uint64_t tunnel;    /* enum tunnel_kind in the low byte, natively packet.tunnel_path above it */
};
_Static_assert(sizeof(struct flow_key) == 48, "flow_key has no padding");

/* Counters of one direction. Live, their times are steady (base/clock.h); records have flow_wall_time() of them. */
struct flow_counters {
    int64_t first_seen; /* ticks */
    int64_t last_seen;
    uint64_t packets;
    uint64_t bytes;
};

/* Features as in features.def. */
enum feature_index {
#define FEATURE(name) FEATURE_##name,
#include "meter/features.def"
#undef FEATURE
    FEATURE_COUNT
};
_Static_assert(FEATURE_COUNT <= 32, "meter_options.features_asked has a bit for each");

/* What all flows of a meter have in common; the meter owns it. */
struct flow_shared {
    /* Where a feature's state begins, in bytes from the flow's start; 0: the feature is off. */
    uint32_t offset[FEATURE_COUNT];
    const struct meter_options *options;
    const struct l7_label *labels; /* by l7.label; the dissector's */
    /* The packet clock at the latest export or promise (meter/bounds.h), in ticks of wall clock time. It never falls
     * within a recording. */
    int64_t record_time;
};

/* What can be computed of a flow has no member, but a function below. Members are in the order of use, so that a packet of an
 * open flow touches as few cache lines as possible. */
struct flow {
    /* Read when the flow is looked up. */
    struct flow_key key;
    struct flow *older, *newer; /* the meter's: expiry order; written when the flow is used natively */

    /* Written with each packet. */
    struct flow_counters ways[FLOW_WAYS]; /* by flow_way(); flow_counters() reads them */
    uint8_t seen_flags;                   /* enum packet_flag of any packet */
    uint8_t end_reason;     /* enum end_reason, set at export; END_PLUGIN once a plugin asked for it */
    uint8_t eviction_class; /* the meter's: list it is in */

    /* Read with each packet. */
    uint8_t source_is_b : 1; /* the source is key's (address_b, port_b) */
    uint8_t elsewhere : 1; /* it is metered at another interface, see local_pods.h: no features, no record */
    uint8_t at_destination : 1; /* the interface is a pod's that is the destination */
    /* What overload took from it, see overload.h. */
    uint8_t short_idle : 1;    /* it ended by that step's idle timeout, before its own */
    uint8_t no_splt : 1;       /* it, or this slice, began while none was kept */
    uint8_t sampled : 1;       /* it began while one new flow in overload.sampling_rate was metered */
    uint8_t partial_start : 1; /* packets of it may have been sampled out or shed before it began */
    uint8_t ip_version;
    uint8_t tcp_phase;                /* enum tcp_phase (meter/tcp_end.h); 0 while meter.tcp_end is off */
    const struct flow_shared *shared; /* borrowed */

    /* Written with the first packet of the flow or slice, read at export. */
    int64_t to_wall;  /* packet.to_wall of the slice's first packet; added to the times in records */
    int64_t uid_time; /* when the first packet of slice 0 was metered: with the key it identifies the flow */
    uint32_t uid_series; /* not 0: part of the identity, see ended.h */
    uint32_t slice; /* 0, 1, ... after cuts by the active timeout, and where key and uid_time come again */
    uint32_t hash;  /* the meter's: of key */
    struct packet_place place; /* of the slice's first packet */
    uint8_t source_mac[6], destination_mac[6];
    uint32_t tunnel_key;          /* of the first packet; valid with PACKET_HAS_TUNNEL_KEY in first_flags */
    uint16_t revision;            /* of this export within its slice: 0, 1, ... */
    uint8_t record_kind;          /* enum record_kind, of this export */
    uint8_t tcp_facts;            /* enum tcp_fact (meter/tcp_end.h) */
    uint8_t icmp_type, icmp_code; /* of the first packet; valid with PACKET_HAS_ICMP in first_flags */
    uint8_t first_flags;          /* enum packet_flag of the first packet */
    /* Of the first packet. Without an opening SYN a TCP flow began before we looked. */
    uint8_t first_tcp_flags;
};
_Static_assert(sizeof(struct flow) == 200, "every open flow costs these bytes");

/* Packets of an open flow touch only so many bytes of `struct flow`, from its start. */
enum { FLOW_HOT_SIZE = offsetof(struct flow, to_wall), FLOW_CACHE_LINE = 64 };
_Static_assert(offsetof(struct flow, ways) <= FLOW_CACHE_LINE, "a look-up reads one cache line of a flow");
_Static_assert(FLOW_HOT_SIZE <= 3 * FLOW_CACHE_LINE,
               "a packet touches three cache lines of a flow and its features' states");

/* Whether the feature is on. */
static inline bool flow_has(const struct flow *flow, enum feature_index feature) {
    return flow->shared->offset[feature] != 0;
}

/* Why the flow ended, in words; "open" where the record is not of its end. */
static inline const char *flow_end_reason(const struct flow *flow) {
    return flow->record_kind == RECORD_FINAL ? end_reason_name((enum end_reason)flow->end_reason) : "open";
}

/* The state of a feature that is on: what it is stands in feature/NAME.c, l7.h or udps.h. */
static inline void *flow_feature(const struct flow *flow, enum feature_index feature) {
    return (char *)flow + flow->shared->offset[feature];
}

/* 16 bytes; IPv4: the first 4, the rest is 0. */
static inline const uint8_t *flow_source(const struct flow *flow) {
    return flow->source_is_b ? flow->key.address_b : flow->key.address_a;
}

static inline const uint8_t *flow_destination(const struct flow *flow) {
    return flow->source_is_b ? flow->key.address_a : flow->key.address_b;
}

static inline uint16_t flow_source_port(const struct flow *flow) {
    return flow->source_is_b ? flow->key.port_b : flow->key.port_a;
}

static inline uint16_t flow_destination_port(const struct flow *flow) {
    return flow->source_is_b ? flow->key.port_a : flow->key.port_b;
}

static inline uint8_t flow_tunnel(const struct flow *flow) { /* enum tunnel_kind */
    return (uint8_t)flow->key.tunnel;
}

/* The place of SRC2DST or DST2SRC in what is kept of the two ways. */
static inline unsigned flow_way(enum flow_direction direction) {
    return (unsigned)direction - SRC2DST;
}

/* A way without a packet yet: its times are later and earlier than any. */
#define FLOW_NO_COUNTERS ((struct flow_counters){.first_seen = INT64_MAX, .last_seen = INT64_MIN})

static inline uint64_t flow_packets(const struct flow *flow, enum flow_direction direction) {
    return direction != BIDIRECTIONAL ? flow->ways[flow_way(direction)].packets
                                      : flow->ways[0].packets + flow->ways[1].packets;
}

static inline uint64_t flow_bytes(const struct flow *flow, enum flow_direction direction) {
    return direction != BIDIRECTIONAL ? flow->ways[flow_way(direction)].bytes
                                      : flow->ways[0].bytes + flow->ways[1].bytes;
}

/* INT64_MAX where the direction has no packet. */
static inline int64_t flow_first_seen(const struct flow *flow, enum flow_direction direction) {
    if (direction != BIDIRECTIONAL)
        return flow->ways[flow_way(direction)].first_seen;
    int64_t one = flow->ways[0].first_seen, other = flow->ways[1].first_seen;
    return one < other ? one : other;
}

/* INT64_MIN where the direction has no packet. */
static inline int64_t flow_last_seen(const struct flow *flow, enum flow_direction direction) {
    if (direction != BIDIRECTIONAL)
        return flow->ways[flow_way(direction)].last_seen;
    int64_t one = flow->ways[0].last_seen, other = flow->ways[1].last_seen;
    return one > other ? one : other;
}

/* All 0 where the direction has no packet. */
static inline struct flow_counters flow_counters(const struct flow *flow, enum flow_direction direction) {
    if (flow_packets(flow, direction) == 0)
        return (struct flow_counters){0};
    return (struct flow_counters){flow_first_seen(flow, direction), flow_last_seen(flow, direction),
                                  flow_packets(flow, direction), flow_bytes(flow, direction)};
}

/* Converts one of the flow's times to the wall clock's, by that clock at the slice's first packet. */
static inline int64_t flow_wall_time(const struct flow *flow, int64_t time) {
    return time + flow->to_wall;
}
