#include "sink/compress.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

enum {
    GZIP_WINDOW = MAX_WBITS + 16, /* zlib: 16 more is gzip's header and trailer */
    GZIP_MEMORY = 8,
    ZSTD_LEVEL = 3,
};

struct compressor {
    z_stream gzip;
    ZSTD_CCtx *zstd; /* NULL: gzip */
};

static int begin_gzip(struct compressor *compressor) {
    int result = deflateInit2(&compressor->gzip, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY,
                              Z_DEFAULT_STRATEGY);
    return result == Z_OK ? 0 : -ENOMEM;
}

static int begin_zstd(struct compressor *compressor) {
    compressor->zstd = ZSTD_createCCtx();
    if (!compressor->zstd)
        return -ENOMEM;
    ZSTD_CCtx_setParameter(compressor->zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL);
    ZSTD_CCtx_setParameter(compressor->zstd, ZSTD_c_checksumFlag, 1);
    return 0;
}

int compressor_create(const char *name, struct compressor **compressor) {
    int (*begin)(struct compressor *) = strcmp(name, "gzip") == 0   ? begin_gzip
                                        : strcmp(name, "zstd") == 0 ? begin_zstd
                                                                    : NULL;
    if (!begin)
        return -EINVAL;
    *compressor = calloc(1, sizeof **compressor);
    int result = *compressor ? begin(*compressor) : -ENOMEM;
    if (result < 0) {
        free(*compressor);
        *compressor = NULL;
    }
    return result;
}

static int append_gzip(struct compressor *compressor, const uint8_t *data, size_t length,
                       struct buffer *out) {
    z_stream *stream = &compressor->gzip;
    deflateReset(stream);
    uLong bound = deflateBound(stream, (uLong)length);
    stream->next_in = (z_const Bytef *)data;
    stream->avail_in = (uInt)length;
    stream->next_out = buffer_reserve(out, bound);
    stream->avail_out = (uInt)bound;
    if (!stream->next_out || deflate(stream, Z_FINISH) != Z_STREAM_END)
        return -ENOMEM;
    out->length += stream->total_out;
    return 0;
}

static int append_zstd(struct compressor *compressor, const uint8_t *data, size_t length,
                       struct buffer *out) {
    size_t bound = ZSTD_compressBound(length);
    uint8_t *place = buffer_reserve(out, bound);
    size_t result = place ? ZSTD_compress2(compressor->zstd, place, bound, data, length) : 0;
    if (!place || ZSTD_isError(result))
        return -ENOMEM;
    out->length += result;
    return 0;
}

int compressor_append(struct compressor *compressor, const uint8_t *data, size_t length, struct buffer *out) {
    if (length == 0)
        return 0;
    return compressor->zstd ? append_zstd(compressor, data, length, out)
                            : append_gzip(compressor, data, length, out);
}

void compressor_destroy(struct compressor *compressor) {
    if (!compressor)
        return;
    if (compressor->zstd)
        ZSTD_freeCCtx(compressor->zstd);
    else
        deflateEnd(&compressor->gzip);
    free(compressor);
}
