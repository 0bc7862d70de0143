/* A pcapng by blocks that are made here, in both byte orders, and what a capture reads of it. Include it once, behind cmocka.h. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture/capture.h"

enum { ETHERNET = 1, RAW = 101, DLT_RAW_OF_LINUX = 12, USER0 = 147, SECOND = 1700000000 };

static char path[64];
static FILE *file;
static bool swapped;

static inline int begin(void **state) {
    (void)state;
    strcpy(path, "/tmp/flowsensor-pcapng-XXXXXX");
    int descriptor = mkstemp(path);
    file = descriptor >= 0 ? fdopen(descriptor, "wb") : NULL;
    swapped = false;
    return file == NULL ? -1 : 0;
}

static inline int end(void **state) {
    (void)state;
    return unlink(path);
}

static inline void put(const void *bytes, size_t length) {
    assert_int_equal(fwrite(bytes, 1, length, file), length);
}

static inline void put16(uint16_t number) {
    number = swapped ? __builtin_bswap16(number) : number;
    put(&number, sizeof number);
}

static inline void put32(uint32_t number) {
    number = swapped ? __builtin_bswap32(number) : number;
    put(&number, sizeof number);
}

static inline void put64(uint64_t number) {
    number = swapped ? __builtin_bswap64(number) : number;
    put(&number, sizeof number);
}

static inline void pad(size_t length) {
    put("\0\0\0", (4 - length % 4) % 4);
}

static inline void section(bool other_order) {
    swapped = other_order;
    put32(0x0a0d0d0a);
    put32(28);
    put32(0x1a2b3c4d);
    put16(1);
    put16(0);
    put64(UINT64_MAX);
    put32(28);
}

/* resolution < 0: none is told. */
static inline void interface(uint16_t link, uint32_t snapshot, int resolution, int64_t offset) {
    uint32_t options = (resolution >= 0 ? 8 : 0) + (offset != 0 ? 12 : 0);
    options += options > 0 ? 4 : 0;
    put32(1);
    put32(20 + options);
    put16(link);
    put16(0);
    put32(snapshot);
    if (resolution >= 0) {
        put16(9);
        put16(1);
        put((uint8_t[4]){(uint8_t)resolution}, 4);
    }
    if (offset != 0) {
        put16(14);
        put16(8);
        put64((uint64_t)offset);
    }
    if (options > 0)
        put32(0);
    put32(20 + options);
}

/* Type 6, or 2 with 16 bits of the interface and a count of drops. */
static inline void packet(uint32_t type, uint32_t number, uint64_t time, const char *bytes, uint32_t wire) {
    uint32_t length = (uint32_t)strlen(bytes), total = 32 + length + (4 - length % 4) % 4;
    put32(type);
    put32(total);
    if (type == 2) {
        put16((uint16_t)number);
        put16(7);
    } else {
        put32(number);
    }
    put32((uint32_t)(time >> 32));
    put32((uint32_t)time);
    put32(length);
    put32(wire);
    put(bytes, length);
    pad(length);
    put32(total);
}

static inline void simple_packet(const char *bytes, uint32_t wire) {
    uint32_t length = (uint32_t)strlen(bytes), total = 16 + length + (4 - length % 4) % 4;
    put32(3);
    put32(total);
    put32(wire);
    put(bytes, length);
    pad(length);
    put32(total);
}

/* A block of a type that nobody knows, of any size. */
static inline void foreign_block(uint32_t length) {
    static const char zeros[4096];
    put32(0x80000bad);
    put32(length);
    for (uint32_t left = length - 12; left > 0;) {
        uint32_t part = left < sizeof zeros ? left : (uint32_t)sizeof zeros;
        put(zeros, part);
        left -= part;
    }
    put32(length);
}

struct seen {
    char bytes[16];
    int64_t seconds;
    int32_t microseconds;
    uint32_t captured, wire;
    int link_type;
};

/* Reads all that was put; the number of frames. *error is empty if nothing failed. */
static inline size_t read_all(struct seen *seen, size_t room, const char *filter, struct error *error) {
    const char *name = path;
    struct capture_options options = {.files = &name, .file_count = 1, .bpf_filter = filter};
    struct capture *capture = NULL;
    struct frame frame;
    enum capture_event event = CAPTURE_FRAME;
    size_t count = 0;
    *error = (struct error){0};
    fclose(file);
    if (capture_open(&options, &capture, error) < 0)
        return 0;
    while (capture_next(capture, &frame, &event, error) == 0 && event == CAPTURE_FRAME && count < room) {
        struct seen *one = &seen[count++];
        *one = (struct seen){.seconds = frame.seconds,
                             .microseconds = frame.microseconds,
                             .captured = frame.captured_length,
                             .wire = frame.wire_length,
                             .link_type = frame.link_type};
        memcpy(one->bytes, frame.bytes, frame.captured_length < 15 ? frame.captured_length : 15);
    }
    capture_close(capture);
    return count;
}
