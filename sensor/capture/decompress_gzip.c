/* gzip (RFC 1952), also several members one after another, as pigz, bgzip and cat make them. */
#include <errno.h>
#include <stdlib.h>
#include <zlib.h>

#include "capture/decompressor.h"

enum { WINDOW_BITS_OF_GZIP = 15 + 16 };

struct gzip {
    z_stream zlib;
    bool between; /* a member has ended, none has begun */
};

static bool gzip_recognizes(const uint8_t magic[DECOMPRESSOR_MAGIC]) {
    return magic[0] == 0x1f && magic[1] == 0x8b && magic[2] == Z_DEFLATED;
}

static void *gzip_open(void) {
    struct gzip *gzip = calloc(1, sizeof *gzip);
    if (gzip != NULL && inflateInit2(&gzip->zlib, WINDOW_BITS_OF_GZIP) != Z_OK) {
        free(gzip);
        return NULL;
    }
    return gzip;
}

static void gzip_close(void *state) {
    struct gzip *gzip = state;
    inflateEnd(&gzip->zlib);
    free(gzip);
}

/* After the last member gzip allows zeros, as on tapes; gzip(1) ignores anything there. */
static bool is_next_member(struct gzip *gzip) {
    if (*gzip->zlib.next_in != 0x1f)
        return false;
    gzip->between = false;
    return inflateReset(&gzip->zlib) == Z_OK;
}

static int gzip_run(void *state, const uint8_t *in, size_t *in_length, uint8_t *out, size_t *out_length,
                    bool last, const char **reason) {
    struct gzip *gzip = state;
    z_stream *zlib = &gzip->zlib;
    zlib->next_in = (Bytef *)in; /* zlib only reads there */
    zlib->avail_in = (uInt)*in_length;
    zlib->next_out = out;
    zlib->avail_out = (uInt)*out_length;
    int result = Z_OK;
    if (gzip->between && zlib->avail_in > 0 && !is_next_member(gzip))
        zlib->avail_in = 0; /* padding */
    else if (!gzip->between)
        result = inflate(zlib, Z_NO_FLUSH);
    if (result == Z_STREAM_END)
        gzip->between = true;
    *in_length -= zlib->avail_in;
    *out_length -= zlib->avail_out;
    bool stuck = *in_length == 0 && *out_length == 0;
    if (result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR) {
        if (!stuck || !last || gzip->between)
            return 0;
        *reason = "the gzip stream is cut";
    } else {
        *reason = zlib->msg != NULL ? zlib->msg : "the gzip stream is damaged";
    }
    return -EBADMSG;
}

const struct decompressor decompressor_gzip = {"gzip", gzip_recognizes, gzip_open, gzip_run, gzip_close};
