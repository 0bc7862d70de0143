/* A compression of captures: one .c file and one row in decompressors.def. Memory is bounded. Only the
 * capture's owner uses one (capture.h). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes by which a compression is recognized. */
enum { DECOMPRESSOR_MAGIC = 4 };

struct decompressor {
    const char *name; /* "gzip" */
    bool (*recognizes)(const uint8_t magic[DECOMPRESSOR_MAGIC]);
    void *(*open)(void); /* NULL: no memory */
    /* Takes at most *in_length bytes from `in` and gives at most *out_length to `out`; both lengths become what was
     * used. `last`: nothing follows `in`. 0, or -EBADMSG and *reason. All is unpacked once it takes and gives nothing
     * with `last` set. */
    int (*run)(void *state, const uint8_t *in, size_t *in_length, uint8_t *out, size_t *out_length, bool last,
               const char **reason);
    void (*close)(void *state);
};

#define DECOMPRESSOR(name) extern const struct decompressor decompressor_##name;
#include "capture/decompressors.def"
#undef DECOMPRESSOR
