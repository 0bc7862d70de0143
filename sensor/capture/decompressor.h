/* A compression of captures: one .c file and one row in decompressors.def. Bounded memory; one thread. */
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
    /* Takes *in_length bytes at most from `in` and gives *out_length at most to `out`; both lengths become what was
     * used. `last`: nothing follows `in`. 0, or -EBADMSG and *reason. If it takes nothing and gives nothing although
     * `last` is set, the bytes have ended. */
    int (*run)(void *state, const uint8_t *in, size_t *in_length, uint8_t *out, size_t *out_length, bool last,
               const char **reason);
    void (*close)(void *state);
};

#define DECOMPRESSOR(name) extern const struct decompressor decompressor_##name;
#include "capture/decompressors.def"
#undef DECOMPRESSOR
