/* Room 2's product: what the meter needs to know of one packet. It has offsets and small copies, but no payload. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* What the byte counters count (NFStream's accounting_mode). Index into packet.size. */
enum accounting_mode { ACCOUNT_RAW, ACCOUNT_IP, ACCOUNT_TRANSPORT, ACCOUNT_PAYLOAD, ACCOUNT_MODES };

/* The tunnel that the metered packet came out of; if nested, the innermost one. Up to GRE the numbers are NFStream's
 * tunnel_id. */
enum tunnel_kind {
    TUNNEL_NONE = 0,
    TUNNEL_GTP_U = 1,
    TUNNEL_CAPWAP = 2,
    TUNNEL_TZSP = 3,
    TUNNEL_L2TP = 4,
    TUNNEL_VXLAN = 5,
    TUNNEL_GRE = 6,
    TUNNEL_GENEVE = 7,
    TUNNEL_ERSPAN = 8,
    TUNNEL_GUE = 9,
    TUNNEL_FOU = 10,
    TUNNEL_TEREDO = 11,
    TUNNEL_MPLS = 12, /* over UDP */
    TUNNEL_LISP = 13,
    TUNNEL_PBB = 14,
    TUNNEL_ETHERIP = 15,
    TUNNEL_KIND_LAST = TUNNEL_ETHERIP,
};

enum { TUNNEL_PATH_BITS = 40 }; /* see packet.tunnel_path */

/* Things to know about a packet; a flow collects them (OR) for quality_flags. */
enum packet_flag {
    PACKET_TRUNCATED = 1u << 0,      /* fewer bytes captured than the IP header announces */
    PACKET_TIME_RAISED = 1u << 1,    /* recorded time lay before an earlier packet's */
    PACKET_OFFLOAD = 1u << 2,        /* segments in one, not cut: IPv4 total length 0, or as the frame says */
    PACKET_FRAGMENT = 1u << 3,       /* part of a fragmented datagram */
    PACKET_HAS_MAC = 1u << 4,        /* source_mac and destination_mac were on the link */
    PACKET_HAS_ICMP = 1u << 5,       /* icmp_type and icmp_code are set */
    PACKET_HAS_TUNNEL_KEY = 1u << 6, /* tunnel_key is set */
    PACKET_HAS_SOURCE_MAC = 1u << 7, /* source_mac alone was on the link */
};

enum tcp_flag {
    TCP_FIN = 0x01,
    TCP_SYN = 0x02,
    TCP_RST = 0x04,
    TCP_PSH = 0x08,
    TCP_ACK = 0x10,
    TCP_URG = 0x20,
    TCP_ECE = 0x40,
    TCP_CWR = 0x80,
};

/* Where a packet was seen. */
struct packet_place {
    union {
        uint32_t capture_file;  /* files: which of several captures, as struct frame has it */
        struct {                /* live */
            uint16_t interface; /* its slot, as struct frame has it */
            uint8_t outgoing;   /* as struct frame has it: 0 or 1 */
            uint8_t at_pod;     /* the interface is a pod's: 0 or 1 */
        };
    };
};

struct packet {
    /* Ticks since the epoch (native: microseconds, nfstream: milliseconds). From one packet that is handed out to the next,
     * time + held_for never goes back. */
    int64_t time;
    /* Live: ticks from `time` to the wall clock's time, if that clock was stepped; otherwise 0. Records have wall clock
     * time. */
    int64_t to_wall;
    /* Natively what tells tunnels of one kind apart, 40 bits, and above them the interface's slot where each interface has
     * flows of its own, 16 bits; 0 without both. */
    uint64_t tunnel_path;
    const uint8_t *ip;    /* the metered (innermost) IP header, borrowed from the frame */
    uint32_t ip_captured; /* bytes captured from there on (nfstream: a link trailer included) */
    uint32_t
        size[ACCOUNT_MODES]; /* bytes: on the wire with link header; IP; transport with header; payload */
    uint8_t source[16];      /* address in network byte order; IPv4 uses the first 4 bytes, the rest is 0 */
    uint8_t destination[16];
    uint8_t source_mac[6]; /* zeros without PACKET_HAS_MAC and PACKET_HAS_SOURCE_MAC */
    uint8_t destination_mac[6];
    uint32_t held_for; /* ticks from its time until it was handed out: of fragments that were held */
    struct packet_place place;
    uint32_t tunnel_key;  /* natively the innermost tunnel's own identifier: TEID, VNI, ... */
    uint16_t source_port; /* host byte order; 0 where the protocol has none */
    uint16_t destination_port;
    uint16_t vlan_id;   /* innermost tag's 12 bits, 0 without a tag */
    uint8_t tunnel;     /* enum tunnel_kind */
    uint8_t ip_version; /* 4 or 6 */
    uint8_t protocol;   /* IP protocol number */
    uint8_t tcp_flags;  /* enum tcp_flag; 0 for other protocols */
    uint8_t flags;      /* enum packet_flag */
    bool answers;       /* natively: a server's answer to a connection's first packet (SYN-ACK, INIT ACK) */
    union {
        struct {
            uint32_t tcp_sequence, tcp_acknowledgment; /* natively; valid where tcp_flags isn't 0 */
        };
        struct {
            uint8_t icmp_type, icmp_code; /* valid with PACKET_HAS_ICMP */
        };
    };
};
_Static_assert(sizeof(struct packet) <= 128, "a packet takes two cache lines");

/* Of the metered IP header, which was captured whole. */

/* Time to Live (RFC 791) or Hop Limit (RFC 8200). */
static inline uint8_t packet_ttl(const struct packet *packet) {
    return packet->ip[packet->ip_version == 4 ? 8 : 7];
}

/* DSCP in the upper six bits (RFC 2474), ECN in the lower two (RFC 3168). */
static inline uint8_t packet_traffic_class(const struct packet *packet) {
    const uint8_t *ip = packet->ip;
    if (packet->ip_version == 4)
        return ip[1];
    return (uint8_t)(ip[0] << 4 | ip[1] >> 4);
}
