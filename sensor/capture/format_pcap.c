/* pcap (draft-ietf-opsawg-pcap), with the variants that libpcap reads: both byte orders, microseconds and nanoseconds,
 * the versions in which the two lengths were swapped, and the longer packet headers of a patch to libpcap 0.4. */
#include <limits.h>

#include "capture/format.h"

#define MICROSECONDS 0xa1b2c3d4u
#define NANOSECONDS  0xa1b23c4du
#define PATCHED      0xa1b2cd34u

enum {
    FILE_HEADER = 24,
    PACKET_HEADER = 16,
    PATCHED_PACKET_HEADER = 24, /* interface, protocol and kind of packet behind the usual ones */
    LINK_RESERVED = 0x03ff0000, /* between the link type and the length of checksums */
    ETHERNET = 1,
    COOKED_HEADER = 14, /* that the patch put before frames, on top of the snapshot length */
};

enum lengths { LENGTHS_IN_ORDER, LENGTHS_SWAPPED, LENGTHS_IN_DOUBT };

struct pcap {
    const struct link *link;
    uint64_t behind; /* bytes of the last packet, which are skipped at the next call */
    uint32_t snapshot;
    uint32_t packet_header;
    int32_t divisor; /* of the fraction, to microseconds */
    enum lengths lengths;
    bool swapped;
};

static bool is_magic(uint32_t number) {
    return number == MICROSECONDS || number == NANOSECONDS || number == PATCHED;
}

static bool pcap_recognizes(const uint8_t magic[FORMAT_MAGIC]) {
    return is_magic(load32(magic, false)) || is_magic(load32(magic, true));
}

/* Version 2.3 exchanged the two lengths. Some programs wrote that version without doing so, and DG/UX never did. */
static bool set_lengths(struct pcap *pcap, uint16_t major, uint16_t minor) {
    enum { MAJOR = 2, EXCHANGED = 3, LAST = 4, DG_UX = 543 };
    if (major == DG_UX && minor == 0)
        pcap->lengths = LENGTHS_SWAPPED;
    else if (major == MAJOR && minor <= LAST)
        pcap->lengths = minor < EXCHANGED    ? LENGTHS_SWAPPED
                        : minor == EXCHANGED ? LENGTHS_IN_DOUBT
                                             : LENGTHS_IN_ORDER;
    else
        return false;
    return true;
}

static void set_snapshot(struct pcap *pcap, uint32_t recorded, bool patched) {
    pcap->snapshot = recorded == 0 || recorded > INT_MAX ? pcap->link->frame_max : recorded;
    if (patched && pcap->link->type == ETHERNET && pcap->snapshot <= INT_MAX - COOKED_HEADER)
        pcap->snapshot += COOKED_HEADER;
}

static enum read_result pcap_open(struct recording *recording) {
    enum { VERSION_MAJOR = 4, VERSION_MINOR = 6, SNAPSHOT = 16, LINK = 20 };
    struct pcap *pcap = recording->state;
    const uint8_t *header = stream_peek(recording->stream, FILE_HEADER);
    if (header == NULL)
        return recording_lacks(recording, false, "the file header");
    pcap->swapped = !is_magic(load32(header, false));
    uint32_t magic = load32(header, pcap->swapped), link = load32(header + LINK, pcap->swapped);
    uint16_t major = load16(header + VERSION_MAJOR, pcap->swapped),
             minor = load16(header + VERSION_MINOR, pcap->swapped);
    if (!set_lengths(pcap, major, minor))
        return recording_fails(recording, "its version %u.%u is not one of pcap", major, minor);
    if ((link & LINK_RESERVED) != 0)
        return recording_fails(recording, "its link type %u (0x%08x) uses reserved bits", link, link);
    pcap->link = link_find(recording->links, (uint16_t)link);
    if (pcap->link == NULL)
        return recording_fails(recording,
                               "there is no memory for its link type, or the captures have too many");
    pcap->packet_header = magic == PATCHED ? PATCHED_PACKET_HEADER : PACKET_HEADER;
    pcap->divisor = magic == NANOSECONDS ? 1000 : 1;
    set_snapshot(pcap, load32(header + SNAPSHOT, pcap->swapped), magic == PATCHED);
    pcap->behind = FILE_HEADER;
    return recording_filters(recording, pcap->link);
}

static void pcap_read_header(const struct pcap *pcap, const uint8_t *header, struct frame *frame) {
    enum { SECONDS = 0, FRACTION = 4, CAPTURED = 8, WIRE = 12 };
    uint32_t captured = load32(header + CAPTURED, pcap->swapped), wire = load32(header + WIRE, pcap->swapped);
    bool exchanged =
        pcap->lengths == LENGTHS_SWAPPED || (pcap->lengths == LENGTHS_IN_DOUBT && captured > wire);
    frame->captured_length = exchanged ? wire : captured;
    frame->wire_length = exchanged ? captured : wire;
    frame->seconds = load32(header + SECONDS, pcap->swapped);
    frame->microseconds = (int32_t)load32(header + FRACTION, pcap->swapped) / pcap->divisor;
}

static enum read_result pcap_next(struct recording *recording, struct frame *frame) {
    struct pcap *pcap = recording->state;
    stream_skip(recording->stream, pcap->behind);
    pcap->behind = 0;
    const uint8_t *header = stream_peek(recording->stream, pcap->packet_header);
    if (header == NULL)
        return recording_lacks(recording, true, "the header of a packet");
    pcap_read_header(pcap, header, frame);
    uint32_t captured = frame->captured_length;
    if (captured > pcap->link->frame_max)
        return recording_fails(
            recording, "the header of a packet says %u captured bytes, where the link type has %u at most",
            captured, pcap->link->frame_max);
    uint32_t kept = captured < LINK_FRAME_MAX ? captured : LINK_FRAME_MAX;
    header = stream_peek(recording->stream, pcap->packet_header + kept);
    if (header == NULL)
        return recording_lacks(recording, false, "a packet");
    pcap->behind = (uint64_t)pcap->packet_header + captured;
    frame->bytes = header + pcap->packet_header;
    frame->captured_length = kept < pcap->snapshot ? kept : pcap->snapshot;
    frame->link_type = pcap->link->type;
    recording->link = pcap->link;
    return READ_GOOD;
}

const struct format format_pcap = {
    .name = "pcap",
    .recognizes = pcap_recognizes,
    .state_size = sizeof(struct pcap),
    .open = pcap_open,
    .next = pcap_next,
};
