/* A format of captures: how a capture's bytes become frames. One .c file and one row in formats.def. Only the capture's
 * owner uses one (capture.h); no lock is taken. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "capture/capture.h"
#include "capture/link_table.h"
#include "capture/stream.h"

/* One capture that is being read; the reader's. */
struct recording {
    struct stream *stream;
    struct link_table *links;
    const char *filter;        /* NULL: none */
    const atomic_bool *broken; /* capture_break() was called */
    void *state;               /* of the format, zeroed before open() */
    const struct link
        *link;            /* of the frame that next() gave, if the filter must still be applied; else NULL */
    const char *name;     /* for messages */
    char reason[256];     /* why READ_FAILED */
    struct error refusal; /* exit_code != 0: the filter is the cause, and this is its error */
};

enum read_result {
    READ_GOOD,
    READ_IDLE, /* a pipe is silent: the same call again goes on */
    READ_END,
    READ_FAILED,
};

/* Bytes by which a format is recognized. */
enum { FORMAT_MAGIC = 4 };

struct format {
    const char *name;
    bool (*recognizes)(const uint8_t magic[FORMAT_MAGIC]);
    size_t state_size;
    enum read_result (*open)(struct recording *recording);
    /* The frame's bytes, lengths, time and link type. Its bytes are valid until the next call. */
    enum read_result (*next)(struct recording *recording, struct frame *frame);
    void (*close)(struct recording *recording); /* also after a failed open(); NULL: nothing to do */
};

#define FORMAT(name) extern const struct format format_##name;
#include "capture/formats.def"
#undef FORMAT

/* Reads with libpcap, as NFStream does: all formats that libpcap recognizes; of a pcapng only the interfaces that are like
 * the first one. It goes on after damage. */
extern const struct format format_libpcap;

/* The result after stream_peek() gave NULL: READ_IDLE; READ_END where the capture may end (`between` two packets); else
 * READ_FAILED with a reason that names what is cut. */
enum read_result recording_lacks(struct recording *recording, bool between, const char *what);
/* READ_FAILED and the reason. */
enum read_result recording_fails(struct recording *recording, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* READ_GOOD if the filter can be compiled for the link type; else READ_FAILED and recording->refusal. */
enum read_result recording_filters(struct recording *recording, const struct link *link);

/* Numbers of 16, 32 and 64 bits in the byte order of the host that recorded. */
static inline uint16_t load16(const uint8_t *bytes, bool swapped) {
    uint16_t number;
    __builtin_memcpy(&number, bytes, sizeof number);
    return swapped ? __builtin_bswap16(number) : number;
}

static inline uint32_t load32(const uint8_t *bytes, bool swapped) {
    uint32_t number;
    __builtin_memcpy(&number, bytes, sizeof number);
    return swapped ? __builtin_bswap32(number) : number;
}

static inline uint64_t load64(const uint8_t *bytes, bool swapped) {
    uint64_t number;
    __builtin_memcpy(&number, bytes, sizeof number);
    return swapped ? __builtin_bswap64(number) : number;
}
