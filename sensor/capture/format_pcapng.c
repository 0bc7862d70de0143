/* pcapng (draft-ietf-opsawg-pcapng): every section, in either byte order; every interface, with its own link type,
 * snapshot length, resolution and offset of times; packets in enhanced, simple and the obsolete packet blocks. Other
 * blocks are skipped. The length that a block states is checked before it is used. */
#include <limits.h>
#include <stdlib.h>

#include "base/log.h"
#include "capture/format.h"

enum {
    BLOCK_SECTION = 0x0a0d0d0a,
    BLOCK_INTERFACE = 1,
    BLOCK_PACKET = 2,
    BLOCK_SIMPLE_PACKET = 3,
    BLOCK_ENHANCED_PACKET = 6,
    BYTE_ORDER_MAGIC = 0x1a2b3c4d,
    BLOCK_HEAD = 8, /* type and length; the length stands at the end too */
    BLOCK_FRAME = 12,
    BLOCK_MAX = (128 << 20) + (1 << 20), /* the longest frame that any link type has, and options */
    INTERFACES_MAX = 65536,              /* of a section */
};

__extension__ typedef unsigned __int128 wide;

struct interface {
    const struct link *link;
    uint32_t snapshot;
    uint64_t resolution; /* ticks of its clock in a second */
    int64_t offset;      /* seconds */
};

struct pcapng {
    struct interface *interfaces; /* of the section */
    uint32_t count, room;
    uint64_t behind; /* bytes of the last block, which are skipped at the next call */
    bool swapped;    /* in this section */
};

/* One block: the bytes between its two lengths, as far as the window has them. */
struct block {
    uint32_t type;
    uint32_t length; /* of all of it */
    const uint8_t *body;
    size_t body_length;
};

static bool pcapng_recognizes(const uint8_t magic[FORMAT_MAGIC]) {
    return load32(magic, false) == (uint32_t)BLOCK_SECTION;
}

static void pcapng_close(struct recording *recording) {
    struct pcapng *pcapng = recording->state;
    free(pcapng->interfaces);
}

/* A section's first block gives the byte order of the whole section. */
static enum read_result pcapng_set_byte_order(struct recording *recording) {
    struct pcapng *pcapng = recording->state;
    const uint8_t *head = stream_peek(recording->stream, BLOCK_HEAD + sizeof(uint32_t));
    if (head == NULL)
        return recording_lacks(recording, false, "the header of a section");
    pcapng->swapped = load32(head + BLOCK_HEAD, false) != (uint32_t)BYTE_ORDER_MAGIC;
    if (load32(head + BLOCK_HEAD, pcapng->swapped) != (uint32_t)BYTE_ORDER_MAGIC)
        return recording_fails(recording, "a section has no byte order: its magic number is 0x%08x",
                               load32(head + BLOCK_HEAD, false));
    return READ_GOOD;
}

/* The whole block, or as much of it as fits into the window. */
static enum read_result look_at_block(struct recording *recording, struct block *block) {
    const struct pcapng *pcapng = recording->state;
    const uint8_t *head = stream_peek(recording->stream, BLOCK_HEAD);
    block->length = load32(head + 4, pcapng->swapped);
    if (block->length < BLOCK_FRAME || block->length % 4 != 0 || block->length > BLOCK_MAX)
        return recording_fails(recording, "a block of type %u has the impossible length %u", block->type,
                               block->length);
    size_t seen = block->length < STREAM_WINDOW ? block->length : STREAM_WINDOW;
    head = stream_peek(recording->stream, seen);
    if (head == NULL)
        return recording_lacks(recording, false, "a block");
    if (seen == block->length && load32(head + seen - 4, pcapng->swapped) != block->length)
        return recording_fails(recording,
                               "a block of type %u has the length %u at its start and %u at its end",
                               block->type, block->length, load32(head + seen - 4, pcapng->swapped));
    block->body = head + BLOCK_HEAD;
    block->body_length = seen == block->length ? seen - BLOCK_FRAME : seen - BLOCK_HEAD;
    return READ_GOOD;
}

static enum read_result next_block(struct recording *recording, struct block *block) {
    struct pcapng *pcapng = recording->state;
    stream_skip(recording->stream, pcapng->behind);
    pcapng->behind = 0;
    const uint8_t *head = stream_peek(recording->stream, BLOCK_HEAD);
    if (head == NULL)
        return recording_lacks(recording, true, "the header of a block");
    block->type = load32(head, pcapng->swapped);
    enum read_result result =
        block->type == (uint32_t)BLOCK_SECTION ? pcapng_set_byte_order(recording) : READ_GOOD;
    if (result == READ_GOOD)
        result = look_at_block(recording, block);
    if (result == READ_GOOD)
        pcapng->behind = block->length;
    return result;
}

static enum read_result too_short(struct recording *recording, const struct block *block) {
    return recording_fails(recording, "a block of type %u is too short (%u bytes) for what it says",
                           block->type, block->length);
}

static enum read_result begin_section(struct recording *recording, const struct block *block) {
    enum { HEAD = 16, VERSION = 4, MAJOR = 1 };
    struct pcapng *pcapng = recording->state;
    if (block->body_length < HEAD)
        return too_short(recording, block);
    uint16_t major = load16(block->body + VERSION, pcapng->swapped);
    if (major != MAJOR)
        return recording_fails(recording, "a section has version %u of pcapng, which is not known", major);
    pcapng->count = 0;
    return READ_GOOD;
}

/* A power of ten, or (highest bit) of two. False: its clock would be too fast for 64 bits. */
static bool set_resolution(struct interface *interface, uint8_t option) {
    enum { BINARY = 0x80, BINARY_MAX = 63, DECIMAL_MAX = 19 };
    unsigned exponent = option & (BINARY - 1);
    bool binary = (option & BINARY) != 0;
    if (exponent > (binary ? BINARY_MAX : DECIMAL_MAX))
        return false;
    interface->resolution = binary ? (uint64_t)1 << exponent : 1;
    for (unsigned i = 0; !binary && i < exponent; i++)
        interface->resolution *= 10;
    return true;
}

static bool set_option(const struct pcapng *pcapng, struct interface *interface, uint16_t code,
                       const uint8_t *value, uint16_t length) {
    enum { RESOLUTION = 9, OFFSET = 14 };
    if (code == RESOLUTION)
        return length == 1 && set_resolution(interface, value[0]);
    if (code == OFFSET && length == sizeof interface->offset)
        interface->offset = (int64_t)load64(value, pcapng->swapped);
    return code != OFFSET || length == sizeof interface->offset;
}

/* NULL, or what is wrong. */
static const char *read_options(const struct pcapng *pcapng, struct interface *interface,
                                const uint8_t *options, size_t length) {
    enum { HEAD = 4, END = 0 };
    while (length > 0) {
        if (length < HEAD)
            return "is cut within an option";
        uint16_t code = load16(options, pcapng->swapped), size = load16(options + 2, pcapng->swapped);
        size_t padded = HEAD + (((size_t)size + 3) & ~(size_t)3);
        if (code == END)
            return NULL;
        if (padded > length)
            return "is cut within an option";
        if (!set_option(pcapng, interface, code, options + HEAD, size))
            return "has an impossible resolution or offset of times";
        options += padded;
        length -= padded;
    }
    return NULL;
}

static bool pcapng_make_room(struct pcapng *pcapng) {
    if (pcapng->count < pcapng->room)
        return true;
    uint32_t room = pcapng->room == 0 ? 8 : 2 * pcapng->room;
    struct interface *interfaces =
        room <= INTERFACES_MAX ? realloc(pcapng->interfaces, room * sizeof *interfaces) : NULL;
    if (interfaces == NULL)
        return false;
    pcapng->interfaces = interfaces;
    pcapng->room = room;
    return true;
}

/* If the filter can't be compiled for an interface's link type, none of its frames pass. For the first interface that is
 * an error, since the filter is probably wrong. */
static enum read_result check_filter(struct recording *recording, const struct link *link) {
    const struct pcapng *pcapng = recording->state;
    if (link->refuses && pcapng->count > 0)
        log_line(
            LOG_WARNING,
            "%s: the BPF filter can't be compiled for interface %u (link type %u); none of its packets passes",
            recording->name, pcapng->count, link->recorded);
    return pcapng->count > 0 ? READ_GOOD : recording_filters(recording, link);
}

static enum read_result add_interface(struct recording *recording, const struct block *block) {
    enum { HEAD = 8, SNAPSHOT = 4, MICROSECONDS = 1000000 };
    struct pcapng *pcapng = recording->state;
    struct interface interface = {.resolution = MICROSECONDS};
    if (block->body_length < HEAD)
        return too_short(recording, block);
    const char *wrong = read_options(pcapng, &interface, block->body + HEAD, block->body_length - HEAD);
    if (wrong != NULL)
        return recording_fails(recording, "the description of interface %u %s", pcapng->count, wrong);
    interface.link = link_find(recording->links, load16(block->body, pcapng->swapped));
    if (interface.link == NULL || !pcapng_make_room(pcapng))
        return recording_fails(recording, "there is no memory for interface %u, or there are too many",
                               pcapng->count);
    interface.snapshot = load32(block->body + SNAPSHOT, pcapng->swapped);
    if (interface.snapshot == 0 || interface.snapshot > LINK_FRAME_MAX)
        interface.snapshot = LINK_FRAME_MAX;
    enum read_result result = check_filter(recording, interface.link);
    pcapng->interfaces[pcapng->count++] = interface;
    return result;
}

static int32_t pcapng_microseconds_of(uint64_t fraction, uint64_t resolution) {
    enum { MICROSECONDS = 1000000 };
    if (resolution == MICROSECONDS)
        return (int32_t)fraction;
    return (int32_t)((wide)fraction * MICROSECONDS / resolution);
}

/* A time that doesn't fit becomes the highest one: the decoder then sees that it is out of range. */
static void set_time(struct frame *frame, const struct interface *interface, uint64_t time) {
    uint64_t seconds = time / interface->resolution;
    frame->microseconds = pcapng_microseconds_of(time % interface->resolution, interface->resolution);
    if (seconds > INT64_MAX || __builtin_add_overflow((int64_t)seconds, interface->offset, &frame->seconds))
        frame->seconds = INT64_MAX;
}

/* `captured` bytes stand behind the first `head` bytes of the block's body. */
static enum read_result pcapng_give_frame(struct recording *recording, const struct block *block, size_t head,
                                          uint32_t number, uint64_t time, struct frame *frame) {
    struct pcapng *pcapng = recording->state;
    if (number >= pcapng->count)
        return recording_fails(recording, "a packet is of interface %u, which is not described", number);
    const struct interface *interface = &pcapng->interfaces[number];
    if (frame->captured_length > block->length - BLOCK_FRAME - head)
        return too_short(recording, block);
    if (frame->captured_length > interface->snapshot)
        frame->captured_length = interface->snapshot;
    set_time(frame, interface, time);
    frame->bytes = block->body + head;
    frame->link_type = interface->link->type;
    recording->link = interface->link;
    return READ_GOOD;
}

static uint64_t time_at(const uint8_t *words, bool swapped) {
    return (uint64_t)load32(words, swapped) << 32 | load32(words + 4, swapped);
}

/* The obsolete block differs only in the interface's number, which has 16 bits. */
static enum read_result give_packet(struct recording *recording, const struct block *block,
                                    struct frame *frame) {
    enum { HEAD = 20, TIME = 4, CAPTURED = 12, WIRE = 16 };
    bool swapped = ((const struct pcapng *)recording->state)->swapped;
    const uint8_t *body = block->body;
    if (block->body_length < HEAD)
        return too_short(recording, block);
    uint32_t number = block->type == BLOCK_PACKET ? load16(body, swapped) : load32(body, swapped);
    frame->captured_length = load32(body + CAPTURED, swapped);
    frame->wire_length = load32(body + WIRE, swapped);
    return pcapng_give_frame(recording, block, HEAD, number, time_at(body + TIME, swapped), frame);
}

/* A simple packet is of the first interface, has no time, and is cut to that interface's snapshot length. */
static enum read_result give_simple_packet(struct recording *recording, const struct block *block,
                                           struct frame *frame) {
    enum { HEAD = 4 };
    const struct pcapng *pcapng = recording->state;
    if (block->body_length < HEAD)
        return too_short(recording, block);
    frame->wire_length = load32(block->body, pcapng->swapped);
    frame->captured_length = frame->wire_length;
    if (pcapng->count > 0 && frame->captured_length > pcapng->interfaces[0].snapshot)
        frame->captured_length = pcapng->interfaces[0].snapshot;
    return pcapng_give_frame(recording, block, HEAD, 0, 0, frame);
}

static enum read_result pcapng_next(struct recording *recording, struct frame *frame) {
    for (;;) {
        struct block block = {0};
        enum read_result result = next_block(recording, &block);
        if (result != READ_GOOD)
            return result;
        switch (block.type) {
        case BLOCK_ENHANCED_PACKET:
        case BLOCK_PACKET: return give_packet(recording, &block, frame);
        case BLOCK_SIMPLE_PACKET: return give_simple_packet(recording, &block, frame);
        case BLOCK_INTERFACE: result = add_interface(recording, &block); break;
        case BLOCK_SECTION: result = begin_section(recording, &block); break;
        default: break;
        }
        if (result != READ_GOOD)
            return result;
        if (atomic_load_explicit(recording->broken, memory_order_relaxed))
            return READ_IDLE;
    }
}

const struct format format_pcapng = {
    .name = "pcapng",
    .recognizes = pcapng_recognizes,
    .state_size = sizeof(struct pcapng),
    .open = pcapng_set_byte_order,
    .next = pcapng_next,
    .close = pcapng_close,
};
