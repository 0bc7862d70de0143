/* Link layers of the native dialect, down to the IP header: finds the rows of the tables. */
#include <string.h>

#include "decode/link/link.h"
#include "decode/native.h"
#include "decode/tag/tag.h"
#include "decode/walk/ethertypes.h"

enum { NUMBERS_MAX = 5, SAP_IP = 0x06, SAP_SNAP = 0xaa };

static const struct link_row {
    enum decode_reason (*walk)(struct native_walk *walk);
    int numbers[NUMBERS_MAX];
    size_t count;
} links[] = {
#define COUNT(...)      (sizeof(int[]){__VA_ARGS__} / sizeof(int))
#define LINK(name, ...) {link_##name, {__VA_ARGS__}, COUNT(__VA_ARGS__)},
#include "decode/link/links.def"
#undef LINK
#undef COUNT
};

static const struct tag_row {
    enum decode_reason (*walk)(struct native_walk *walk, uint16_t *type);
    uint16_t types[NUMBERS_MAX]; /* then zeros */
} tags[] = {
#define TAG(name, ...) {tag_##name, {__VA_ARGS__}},
#include "decode/tag/tags.def"
#undef TAG
};

enum decode_reason native_llc(struct native_walk *walk) {
    if (!native_have(walk, 3))
        return DECODE_link_truncated;
    const uint8_t *header = walk->frame.data + walk->offset;
    if (header[0] == SAP_IP && header[1] == SAP_IP) {
        walk->offset += 3;
        return native_ethertype(walk, ETHERTYPE_IPV4);
    }
    if (header[0] != SAP_SNAP || header[1] != SAP_SNAP)
        return native_foreign(walk, FOREIGN_LLC, header[0]);
    if (!native_have(walk, 8))
        return DECODE_link_truncated;
    walk->offset += 8;
    /* The organizations that mean "an EtherType follows": RFC 1042 and IEEE 802.1H. */
    if (memcmp(header + 3, "\0\0\0", 3) != 0 && memcmp(header + 3, "\0\0\xf8", 3) != 0)
        return native_foreign(walk, FOREIGN_LLC, header[0]);
    return native_ethertype(walk, bytes_u16(walk->frame, walk->offset - 2));
}

/* The header that an EtherType announces, or NULL. */
static const struct tag_row *tag_of(uint16_t type) {
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
        for (size_t j = 0; j < NUMBERS_MAX && tags[i].types[j] != 0; j++)
            if (tags[i].types[j] == type)
                return &tags[i];
    return NULL;
}

enum decode_reason native_ethertype(struct native_walk *walk, uint16_t type) {
    bool tagged = false;
    while (type != ETHERTYPE_IPV4 && type != ETHERTYPE_IPV6) {
        /* A length instead of a type is accepted behind a tag only. SNAP within SNAP could go on for ever. */
        if (type < ETHERTYPE_FIRST)
            return tagged ? native_llc(walk) : native_foreign(walk, FOREIGN_ETHERTYPE, type);
        walk->foreign = foreign_what(FOREIGN_ETHERTYPE, type);
        const struct tag_row *tag = tag_of(type);
        if (tag == NULL)
            return native_tunnel_ethertype(walk, type);
        enum decode_reason reason = tag->walk(walk, &type);
        if (reason != DECODE_METERED)
            return reason;
        tagged = true;
    }
    walk->version = type == ETHERTYPE_IPV4 ? 4 : 6;
    return DECODE_METERED;
}

enum decode_reason native_link(struct native_walk *walk, int link_type) {
    enum decode_reason reason = native_descend(walk);
    if (reason != DECODE_METERED)
        return reason;
    for (size_t i = 0; i < sizeof links / sizeof *links; i++)
        for (size_t j = 0; j < links[i].count; j++)
            if (links[i].numbers[j] == link_type)
                return links[i].walk(walk);
    return DECODE_link_type;
}
