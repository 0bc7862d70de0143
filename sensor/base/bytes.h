/* A bounds-checked cursor over borrowed bytes: every read of a packet goes through it. */
#pragma once

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
    const uint8_t *data; /* borrowed */
    size_t length;       /* bytes that may be read from data */
};

static inline bool bytes_have(struct bytes view, size_t offset, size_t count) {
    return offset <= view.length && count <= view.length - offset;
}

/* The readers below need bytes_have() to hold; they are for use behind one check per header. */
static inline uint8_t bytes_u8(struct bytes view, size_t offset) {
    return view.data[offset];
}

static inline uint16_t bytes_u16(struct bytes view, size_t offset) {
    uint16_t number;
    memcpy(&number, view.data + offset, sizeof number);
    return be16toh(number);
}

static inline uint32_t bytes_u32(struct bytes view, size_t offset) {
    uint32_t number;
    memcpy(&number, view.data + offset, sizeof number);
    return be32toh(number);
}

/* Little-endian, of bytes that are there. */
static inline uint16_t bytes_little_u16(const uint8_t *bytes) {
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

static inline uint32_t bytes_little_u32(const uint8_t *bytes) {
    return bytes_little_u16(bytes) | (uint32_t)bytes_little_u16(bytes + 2) << 16;
}

static inline uint64_t bytes_little_u64(const uint8_t *bytes) {
    return bytes_little_u32(bytes) | (uint64_t)bytes_little_u32(bytes + 4) << 32;
}

/* Little-endian, to where there is room. */
static inline void bytes_put_little_u16(uint8_t *bytes, uint16_t number) {
    number = htole16(number);
    memcpy(bytes, &number, sizeof number);
}

static inline void bytes_put_little_u32(uint8_t *bytes, uint32_t number) {
    number = htole32(number);
    memcpy(bytes, &number, sizeof number);
}

static inline void bytes_put_little_u64(uint8_t *bytes, uint64_t number) {
    number = htole64(number);
    memcpy(bytes, &number, sizeof number);
}

/* The view from `offset` on; empty if the offset lies behind the end. */
static inline struct bytes bytes_from(struct bytes view, size_t offset) {
    if (offset > view.length)
        offset = view.length;
    return (struct bytes){view.data + offset, view.length - offset};
}
