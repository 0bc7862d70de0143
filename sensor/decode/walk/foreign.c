#include "decode/walk/foreign.h"

#include <stdbool.h>
#include <stdio.h>

static const struct {
    uint32_t what;
    const char *name;
} names[] = {
#define ETHERTYPE(number, name) \
    { FOREIGN_ETHERTYPE << 16 | (number), name }
    ETHERTYPE(0x0806, "ARP"),
    ETHERTYPE(0x8035, "RARP"),
    ETHERTYPE(0x809b, "AppleTalk"),
    ETHERTYPE(0x8137, "IPX"),
    ETHERTYPE(0x8808, "flow control"),
    ETHERTYPE(0x8809, "LACP and other slow protocols"),
    ETHERTYPE(0x8847, "MPLS"),
    ETHERTYPE(0x8848, "MPLS"),
    ETHERTYPE(0x8863, "PPPoE discovery"),
    ETHERTYPE(0x8864, "PPPoE"),
    ETHERTYPE(0x888e, "EAPOL"),
    ETHERTYPE(0x8892, "PROFINET"),
    ETHERTYPE(0x88a4, "EtherCAT"),
    ETHERTYPE(0x88b8, "GOOSE"),
    ETHERTYPE(0x88ba, "sampled values"),
    ETHERTYPE(0x88cc, "LLDP"),
    ETHERTYPE(0x88e5, "MACsec"),
    ETHERTYPE(0x88f7, "PTP"),
    ETHERTYPE(0x8906, "FCoE"),
    ETHERTYPE(0x8915, "RoCE"),
    ETHERTYPE(0x9000, "loopback test"),
#undef ETHERTYPE
    {FOREIGN_LLC << 16 | 0x42, "spanning tree"},
    {FOREIGN_LLC << 16 | 0xaa, "SNAP"},
    {FOREIGN_LLC << 16 | 0xe0, "IPX"},
    {FOREIGN_LLC << 16 | 0xf0, "NetBIOS"},
    {FOREIGN_LLC << 16 | 0xfe, "IS-IS and other OSI"},
    {FOREIGN_LLC << 16 | 0xff, "IPX"},
    {FOREIGN_PPP << 16 | 0x003d, "multilink"},
    {FOREIGN_PPP << 16 | 0x00fd, "compressed"},
    {FOREIGN_PPP << 16 | 0x8021, "IPCP"},
    {FOREIGN_PPP << 16 | 0x8057, "IPV6CP"},
    {FOREIGN_PPP << 16 | 0xc021, "LCP"},
    {FOREIGN_PPP << 16 | 0xc023, "PAP"},
    {FOREIGN_PPP << 16 | 0xc223, "CHAP"},
};

void foreign_count(struct foreign *foreign, uint32_t what, uint64_t frames) {
    struct foreign_place *rarest = &foreign->places[0];
    for (size_t i = 0; i < FOREIGN_PLACES; i++) {
        struct foreign_place *place = &foreign->places[i];
        if (place->frames == 0 || place->what == what) {
            place->what = what;
            place->frames += frames;
            return;
        }
        if (place->frames < rarest->frames)
            rarest = place;
    }
    rarest->what = what;
    rarest->frames += frames;
}

void foreign_add(struct foreign *sum, const struct foreign *part) {
    for (size_t i = 0; i < FOREIGN_PLACES && part->places[i].frames > 0; i++)
        foreign_count(sum, part->places[i].what, part->places[i].frames);
}

size_t foreign_commonest(const struct foreign *foreign, struct foreign_place *commonest, size_t count) {
    bool taken[FOREIGN_PLACES] = {false};
    for (size_t found = 0; found < count; found++) {
        size_t best = FOREIGN_PLACES;
        for (size_t i = 0; i < FOREIGN_PLACES; i++)
            if (!taken[i] && foreign->places[i].frames > 0 &&
                (best == FOREIGN_PLACES || foreign->places[i].frames > foreign->places[best].frames))
                best = i;
        if (best == FOREIGN_PLACES)
            return found;
        taken[best] = true;
        commonest[found] = foreign->places[best];
    }
    return count;
}

static const char *foreign_name_of(uint32_t what) {
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].what == what)
            return names[i].name;
    return NULL;
}

void foreign_text(uint32_t what, char text[FOREIGN_TEXT_MAX]) {
    const char *name = foreign_name_of(what);
    unsigned number = what & UINT16_MAX;
    const char *open = name != NULL ? " (" : "", *close = name != NULL ? ")" : "";
    if (name == NULL)
        name = "";
    switch ((enum foreign_kind)(what >> 16)) {
    case FOREIGN_ETHERTYPE:
        snprintf(text, FOREIGN_TEXT_MAX, "EtherType 0x%04x%s%s%s", number, open, name, close);
        return;
    case FOREIGN_LLC: snprintf(text, FOREIGN_TEXT_MAX, "LLC 0x%02x%s%s%s", number, open, name, close); return;
    case FOREIGN_PPP: snprintf(text, FOREIGN_TEXT_MAX, "PPP 0x%04x%s%s%s", number, open, name, close); return;
    case FOREIGN_FAMILY: snprintf(text, FOREIGN_TEXT_MAX, "address family %u", number); return;
    case FOREIGN_WIFI:
        snprintf(text, FOREIGN_TEXT_MAX, "%s",
                 number == 0 ? "802.11 management and control" : "802.11, encrypted");
        return;
    case FOREIGN_UNKNOWN: break;
    }
    snprintf(text, FOREIGN_TEXT_MAX, "unknown content");
}
