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

/* Index of everything that exists three times. */
enum flow_direction { BIDIRECTIONAL, SRC2DST, DST2SRC, FLOW_DIRECTIONS };

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

/* What kind of record an export is for its slice. This meter exports final ones only. */
enum record_kind { RECORD_FINAL, RECORD_EARLY, RECORD_UPDATE, RECORD_KIND_COUNT };

const char *record_kind_name(enum record_kind kind); /* "final", "early", "update" */

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

/* Counters of one direction, always kept. Live, their times are steady (base/clock.h); records have flow_wall_time() of
 * them. */
struct flow_counters {
    int64_t first_seen; /* ticks; both 0 while packets is 0 */
    int64_t last_seen;
    uint64_t packets;
    uint64_t bytes;
};

/* Feature states hang on the flow as in features.def; NULL while the feature is off. */
enum feature_index {
#define FEATURE(name) FEATURE_##name,
#include "meter/features.def"
#undef FEATURE
    FEATURE_COUNT
};

/* Members are in the order of use, so that a packet of an open flow touches as few cache lines as possible. */
struct flow {
    /* Read when the flow is looked up. */
    struct flow_key key;
    struct flow *older, *newer; /* the meter's: expiry order; written when the flow is used natively */

    /* Written with each packet. */
    struct flow_counters counters[FLOW_DIRECTIONS];
    uint8_t seen_flags;     /* enum packet_flag of any packet */
    uint8_t end_reason;     /* enum end_reason, set at export; END_PLUGIN once a plugin asked for it */
    uint8_t eviction_class; /* the meter's: list it is in */

    /* Read with each packet. */
    uint8_t source_is_b; /* the source is key's (address_b, port_b) */
    uint8_t protocol;
    uint8_t ip_version; /* this and the next two fill the word */
    uint8_t tunnel;
    uint8_t tcp_phase;            /* enum tcp_phase (meter/tcp_end.h); 0 while meter.tcp_end is off */
    void *feature[FEATURE_COUNT]; /* what each points to is in feature/NAME.c, l7.h or udps.h */

    /* Written with the first packet of the flow or slice, read at export. */
    int64_t to_wall;  /* packet.to_wall of the slice's first packet; added to the times in records */
    int64_t uid_time; /* when the first packet of slice 0 was metered: with the key it identifies the flow */
    uint32_t uid_series; /* not 0: part of the identity, see ended.h */
    uint32_t slice; /* 0, 1, ... after cuts by the active timeout, and where key and uid_time come again */
    uint32_t hash;  /* the meter's: of key */
    uint32_t capture_file;               /* of the slice's first packet, see struct packet */
    uint8_t source[16], destination[16]; /* IPv4: first 4 bytes, the rest is 0 */
    uint8_t source_mac[6], destination_mac[6];
    uint32_t tunnel_key; /* of the first packet; valid with PACKET_HAS_TUNNEL_KEY in first_flags */
    uint16_t source_port, destination_port;
    uint16_t vlan_id;
    uint16_t revision;            /* of this export within its slice: 0, 1, ... */
    uint8_t record_kind;          /* enum record_kind, of this export */
    uint8_t tcp_facts;            /* enum tcp_fact (meter/tcp_end.h) */
    uint8_t icmp_type, icmp_code; /* of the first packet; valid with PACKET_HAS_ICMP in first_flags */
    uint8_t first_flags;          /* enum packet_flag of the first packet */
    /* Of the first packet. Without an opening SYN a TCP flow began before we looked. */
    uint8_t first_tcp_flags;
};
_Static_assert(sizeof(struct flow) <= 264 + FEATURE_COUNT * sizeof(void *),
               "every open flow costs these bytes");

/* Packets of an open flow touch only so many bytes of `struct flow`, from its start. */
enum { FLOW_HOT_SIZE = offsetof(struct flow, to_wall), FLOW_CACHE_LINE = 64 };
_Static_assert(offsetof(struct flow, counters) <= FLOW_CACHE_LINE,
               "a look-up reads one cache line of a flow");
_Static_assert(offsetof(struct flow, feature[FEATURE_l7]) + sizeof(void *) <= (size_t)3 * FLOW_CACHE_LINE,
               "a packet touches three cache lines of a flow and its features' states");

/* Converts one of the flow's times to the wall clock's, by that clock at the slice's first packet. */
static inline int64_t flow_wall_time(const struct flow *flow, int64_t time) {
    return time + flow->to_wall;
}
