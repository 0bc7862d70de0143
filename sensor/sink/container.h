/* Avro object container files (Avro specification, "Object Container Files"): header and blocks as bytes.
 *
 * Avro C has a writer too, but the schema that it puts into the header lacks doc, default and logicalType; readers of
 * our files get the schema's whole text. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

struct container {
    uint8_t sync[16];
    bool deflate;
    struct buffer packed; /* reused by every block */
};

/* A random sync marker per file. 0 or -errno. */
int container_begin(struct container *container, bool deflate, const char *schema_text, struct buffer *out);

/* Appends one block of `records` records, which are `length` bytes of Avro. 0 or -errno. */
int container_block(struct container *container, const uint8_t *data, size_t length, uint64_t records,
                    struct buffer *out);

void container_end(struct container *container);
