/* Why a packet is not metered, and the limits that are one of the reasons. Constant: any thread may read it. */
#pragma once

/* Why a packet is not metered. One row a reason: identifier and text for people. The names stand in the ledger and in a
 * metric's labels, so they don't change. */
#define DECODE_REASONS(X)                                                   \
    X(time_out_of_range, "recorded time before 1970 or after 2261")         \
    X(link_type, "link type that is not decoded")                           \
    X(link_damaged, "frame was received with a wrong checksum")             \
    X(link_truncated, "frame ends within the link header")                  \
    X(not_ip, "not IPv4 or IPv6 (ARP, STP, ...)")                           \
    X(too_deep, "more headers nested than the limit")                       \
    X(ip_truncated, "frame ends within the IP header or what it announces") \
    X(ip_malformed, "IP header with impossible version or lengths")         \
    X(ip_extension, "IPv6 extension header or AH cut or malformed")         \
    X(fragment_unknown, "later fragment whose first one was not seen")      \
    X(tunnel_malformed, "tunnel header cut or malformed")                   \
    X(transport_truncated, "frame ends within the transport header")        \
    X(own_traffic, "of the sensor's own connections to Kafka and the registry")

enum decode_reason {
    DECODE_METERED = 0, /* *packet is filled */
#define X(name, text) DECODE_##name,
    DECODE_REASONS(X)
#undef X
        DECODE_REASON_COUNT,
    DECODE_HELD = DECODE_REASON_COUNT, /* not decided yet: decoder_next() tells */
};

const char *decode_reason_name(enum decode_reason reason); /* "link_type" */
const char *decode_reason_text(enum decode_reason reason); /* for people */

/* At most so many headers (link, VLAN tag, MPLS label, IP, tunnel; natively also IPv6 extensions) are walked in a frame. */
enum { DECODE_DEPTH_MAX = 32 };

/* At most so many nested tunnels, natively. Nobody nests more, except to cost us time. */
enum { DECODE_TUNNELS_MAX = 8 };
