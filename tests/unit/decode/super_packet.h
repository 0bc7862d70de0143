/* Frames that are built from what they are made of, as large as super-packets, for their tests. */
#pragma once

#include "decode/hex_frame.h"

enum {
    FRAME_MAX = 600 << 10,
    PORT = 443,
    SEQUENCE = 0x7ffffffe, /* goes past 2^31 */
    ACKNOWLEDGMENT = 77,
    IDENTIFICATION = 0xfffe, /* goes past 2^16 */
};

enum carrier { ETHERNET_4, ETHERNET_6, VLAN_4, VXLAN_4, VXLAN_6, CARRIERS };

/* What a frame is made of; the payload's bytes tell their offset. */
struct shape {
    enum carrier carrier;
    int protocol; /* 6 or 17 */
    uint8_t flags;
    uint16_t identification;
    bool unlimited;          /* the IP headers have the length 0, as BIG TCP's */
    bool jumbo;              /* and a hop-by-hop header has it */
    uint32_t offset, length; /* of the payload */
};

struct built {
    uint8_t bytes[FRAME_MAX];
    uint32_t length;
};

static inline void add(struct built *built, const char *hex) {
    for (; *hex != '\0'; hex += 2)
        built->bytes[built->length++] = (uint8_t)(hex_digit(hex[0]) << 4 | hex_digit(hex[1]));
}

static inline void add_u16(struct built *built, uint32_t number) {
    built->bytes[built->length++] = (uint8_t)(number >> 8);
    built->bytes[built->length++] = (uint8_t)number;
}

static inline void add_u32(struct built *built, uint32_t number) {
    add_u16(built, number >> 16);
    add_u16(built, number & 0xffff);
}

static inline void add_ipv4(struct built *built, const struct shape *shape, int protocol, uint32_t behind) {
    add(built, "4500");
    add_u16(built, shape->unlimited ? 0 : 20 + behind);
    add_u16(built, shape->identification);
    add(built, protocol == 6 ? "400040060000" : "400040110000");
    add(built, ADDRESSES_4);
}

static inline void add_ipv6(struct built *built, const struct shape *shape, uint32_t behind) {
    add(built, "60000000");
    add_u16(built, shape->unlimited ? 0 : behind);
    add(built, shape->jumbo ? "0040" : shape->protocol == 6 ? "0640" : "1140");
    add(built, ADDRESSES_6);
    if (shape->jumbo) {
        add(built, "0600c204");
        add_u32(built, behind);
    }
}

static inline bool is_ipv6(const struct shape *shape) {
    return shape->carrier == ETHERNET_6 || shape->carrier == VXLAN_6;
}

static inline void add_link(struct built *built, const struct shape *shape, uint32_t behind) {
    uint32_t network = is_ipv6(shape) ? 40 : 20;
    add(built, ETHERNET);
    if (shape->carrier == VXLAN_4 || shape->carrier == VXLAN_6) {
        uint32_t datagram = 8 + 8 + 14 + network + behind;
        add(built, "0800");
        add_ipv4(built, shape, 17, datagram);
        add(built, "c00012b5");
        add_u16(built, datagram);
        add(built, "0000"
                   "0800000000002a00" ETHERNET);
    }
    if (shape->carrier == VLAN_4)
        add(built, "81000007");
    add(built, is_ipv6(shape) ? "86dd" : "0800");
}

static inline void add_payload(struct built *built, const struct shape *shape) {
    for (uint32_t i = shape->offset; i < shape->offset + shape->length; i++)
        built->bytes[built->length++] = (uint8_t)(i * 7 + (i >> 8));
}

/* The timestamps' option is in TCP's header, as nearly always. */
static inline void build(struct built *built, const struct shape *shape) {
    uint32_t behind = (shape->protocol == 6 ? 32 : 8) + shape->length;
    built->length = 0;
    add_link(built, shape, behind);
    if (is_ipv6(shape))
        add_ipv6(built, shape, behind);
    else
        add_ipv4(built, shape, shape->protocol, behind);
    add_u16(built, 50000);
    add_u16(built, PORT);
    if (shape->protocol == 6) {
        add_u32(built, SEQUENCE + shape->offset);
        add_u32(built, ACKNOWLEDGMENT);
        add_u16(built, 0x8000u | shape->flags);
        add(built, "ffff00000000"
                   "0101080a0000000100000002");
    } else {
        add_u16(built, behind);
        add(built, "0000");
    }
    add_payload(built, shape);
}
