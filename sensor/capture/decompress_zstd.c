/* Zstandard (RFC 8878), also several frames one after another and skippable ones, as pzstd makes them. A window of more
 * than 128 MiB (zstd --long=28 and above) is refused, as zstd(1) does by itself. */
#include <errno.h>
#include <stdlib.h>
#include <zstd.h>

#include "capture/decompressor.h"

struct zstd {
    ZSTD_DStream *stream;
    size_t wanted; /* bytes of the frame that is begun; 0: between two frames */
};

static bool zstd_recognizes(const uint8_t magic[DECOMPRESSOR_MAGIC]) {
    uint32_t number =
        magic[0] | (uint32_t)magic[1] << 8 | (uint32_t)magic[2] << 16 | (uint32_t)magic[3] << 24;
    return number == ZSTD_MAGICNUMBER || (number & ZSTD_MAGIC_SKIPPABLE_MASK) == ZSTD_MAGIC_SKIPPABLE_START;
}

static void *zstd_open(void) {
    struct zstd *zstd = calloc(1, sizeof *zstd);
    if (zstd != NULL && (zstd->stream = ZSTD_createDStream()) == NULL) {
        free(zstd);
        return NULL;
    }
    return zstd;
}

static void zstd_close(void *state) {
    struct zstd *zstd = state;
    ZSTD_freeDStream(zstd->stream);
    free(zstd);
}

static int zstd_run(void *state, const uint8_t *in, size_t *in_length, uint8_t *out, size_t *out_length,
                    bool last, const char **reason) {
    struct zstd *zstd = state;
    ZSTD_inBuffer input = {in, *in_length, 0};
    ZSTD_outBuffer output = {out, *out_length, 0};
    size_t result = zstd->wanted;
    if (zstd->wanted > 0 || *in_length > 0)
        result = ZSTD_decompressStream(zstd->stream, &output, &input);
    *in_length = input.pos;
    *out_length = output.pos;
    if (ZSTD_isError(result)) {
        *reason = ZSTD_getErrorName(result);
        return -EBADMSG;
    }
    zstd->wanted = result;
    if (input.pos > 0 || output.pos > 0 || !last || zstd->wanted == 0)
        return 0;
    *reason = "the zstd stream is cut";
    return -EBADMSG;
}

const struct decompressor decompressor_zstd = {"zstd", zstd_recognizes, zstd_open, zstd_run, zstd_close};
