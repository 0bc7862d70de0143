/* The sink that counts records and throws them away: for benchmarks and, with a checksum of them, comparisons. */
#include "sink/sink.h"

#include <errno.h>
#include <stdlib.h>
#include <zlib.h>

struct null_sink {
    struct sink_statistics statistics;
    bool checksum;
};

static int null_open(const struct sink_options *options, void **state, struct error *error) {
    struct null_sink *sink = calloc(1, sizeof(struct null_sink));
    if (!sink)
        return error_set(error, ENOMEM, EX_OSERR, "out of memory");
    sink->checksum = options->checksum;
    *state = sink;
    return 0;
}

static int null_write(void *state, const struct message *message, struct error *error) {
    struct null_sink *sink = state;
    (void)error;
    sink->statistics.acknowledged++;
    sink->statistics.bytes += message->body_length;
    if (sink->checksum)
        sink->statistics.checksum = crc32_z(sink->statistics.checksum, message->body, message->body_length);
    return 0;
}

static int null_flush(void *state, int64_t limit, bool patient, struct error *error) {
    (void)state, (void)limit, (void)patient, (void)error;
    return 0;
}

static void null_statistics(const void *state, struct sink_statistics *statistics) {
    *statistics = ((const struct null_sink *)state)->statistics;
}

const struct sink_type sink_null = {
    .name = "null",
    .open = null_open,
    .write = null_write,
    .flush = null_flush,
    .statistics = null_statistics,
    .close = free,
};
