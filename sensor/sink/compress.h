/* Compression of text files: each call makes one whole gzip member (RFC 1952) or zstd frame (RFC 8878). Readers take
 * members that follow each other as one file. So the file is complete after every call, even if the process then dies. A
 * compressor belongs to one thread; its memory is taken when it is made. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

struct compressor;

/* `name`: "gzip" or "zstd". -EINVAL: another; -ENOMEM. */
int compressor_create(const char *name, struct compressor **compressor);
/* Appends `length` bytes, compressed, to `out`. 0 or -ENOMEM. */
int compressor_append(struct compressor *compressor, const uint8_t *data, size_t length, struct buffer *out);
void compressor_destroy(struct compressor *compressor); /* NULL is none */
