#include "capture/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cache_line.h"

static const struct format *const formats[] = {
#define FORMAT(name) &format_##name,
#include "capture/formats.def"
#undef FORMAT
};

bool reader_is_standard_input(const char *path) {
    return strcmp(path, "-") == 0;
}

const char *reader_name_of(const char *path) {
    return reader_is_standard_input(path) ? "standard input" : path;
}

int reader_refuse_path(const char *path, int reason, struct error *error) {
    switch (reason) {
    case ENOENT:
    case ENOTDIR:
        return error_set(error, reason, EX_NOINPUT, "no such capture file: %s; check the path", path);
    case EACCES:
    case EPERM:
        return error_set(error, reason, EX_NOPERM,
                         "no permission to read the capture file %s; give this user read access", path);
    default:
        return error_set(error, reason, EX_NOINPUT, "can't open the capture file %s: %s", path,
                         strerror(reason));
    }
}

int reader_create(struct reader *reader, const struct capture_options *options, const atomic_bool *broken) {
    *reader = (struct reader){.descriptor = -1, .by_libpcap = options->as_nfstream};
    if (options->bpf_filter != NULL && (reader->filter = strdup(options->bpf_filter)) == NULL)
        return -ENOMEM;
    reader->recording = (struct recording){
        .stream = stream_create(options->windows > 0 ? options->windows : 1),
        .links = link_table_create(reader->filter),
        .filter = reader->filter,
        .broken = broken,
    };
    return reader->recording.stream != NULL && reader->recording.links != NULL ? 0 : -ENOMEM;
}

void reader_destroy(struct reader *reader) {
    reader_close(reader);
    stream_destroy(reader->recording.stream);
    link_table_destroy(reader->recording.links);
    free(reader->filter);
    *reader = (struct reader){.descriptor = -1};
}

/* To open a pipe that has no writer must not block: the stream waits for the writer. */
int reader_open(struct reader *reader, const char *path, struct error *error) {
    struct recording *recording = &reader->recording;
    reader->descriptor =
        reader_is_standard_input(path) ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (reader->descriptor < 0)
        return reader_refuse_path(path, errno, error);
    stream_begin(recording->stream, reader->descriptor);
    recording->name = reader_name_of(path);
    recording->link = NULL;
    recording->reason[0] = '\0';
    recording->refusal = (struct error){0};
    reader->frames = 0;
    return 0;
}

void reader_close(struct reader *reader) {
    struct recording *recording = &reader->recording;
    if (reader->descriptor < 0 || recording->stream == NULL)
        return;
    if (reader->format != NULL && reader->format->close != NULL)
        reader->format->close(recording);
    free(recording->state);
    recording->state = NULL;
    stream_end(recording->stream);
    if (reader->descriptor != STDIN_FILENO)
        close(reader->descriptor);
    reader->descriptor = -1;
    reader->format = NULL;
    reader->is_open = false;
}

/* Compressions that we don't read, and what to do instead. */
static const struct {
    uint8_t magic[FORMAT_MAGIC];
    const char *name, *command;
} strangers[] = {
    {{0xfd, '7', 'z', 'X'}, "xz", "xzcat"},
    {{0x04, 0x22, 0x4d, 0x18}, "lz4", "lz4cat"},
    {{'B', 'Z', 'h', '9'}, "bzip2", "bzcat"},
    {{'P', 'K', 3, 4}, "zip", "unzip -p"},
};

static enum read_result refuse_format(struct recording *recording, const uint8_t *magic) {
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++)
        if (memcmp(magic, strangers[i].magic, FORMAT_MAGIC) == 0)
            return recording_fails(
                recording, "it is compressed by %s, and only gzip and zstd are read; %s %s | flowsensor -r -",
                strangers[i].name, strangers[i].command, recording->name);
    return recording_fails(recording, "it begins with the bytes %02x %02x %02x %02x", magic[0], magic[1],
                           magic[2], magic[3]);
}

static enum read_result choose_format(struct reader *reader) {
    struct recording *recording = &reader->recording;
    const uint8_t *magic = stream_peek(recording->stream, FORMAT_MAGIC);
    const struct format *format = NULL;
    if (magic == NULL)
        return recording_lacks(recording, false, "the first bytes");
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (formats[i]->recognizes(magic))
            format = reader->by_libpcap ? &format_libpcap : formats[i];
    if (format == NULL)
        return refuse_format(recording, magic);
    recording->state = cache_line_calloc(1, format->state_size);
    if (recording->state == NULL)
        return recording_fails(recording, "there is no memory to read it");
    reader->format = format;
    return READ_GOOD;
}

enum read_result reader_recognize(struct reader *reader) {
    struct recording *recording = &reader->recording;
    enum read_result result = READ_GOOD;
    if (reader->is_open)
        return READ_GOOD;
    if (reader->format == NULL) {
        enum stream_state state = stream_recognize(recording->stream);
        result = state == STREAM_GOOD ? choose_format(reader)
                                      : recording_lacks(recording, false, "the first bytes");
    }
    if (result == READ_GOOD)
        result = reader->format->open(recording);
    reader->is_open = result == READ_GOOD;
    return result;
}

enum read_result reader_next(struct reader *reader, struct frame *frame) {
    struct recording *recording = &reader->recording;
    enum read_result result = reader_recognize(reader);
    while (result == READ_GOOD) {
        result = reader->format->next(recording, frame);
        if (result != READ_GOOD)
            break;
        if (recording->link == NULL || link_passes(recording->link, frame)) {
            reader->frames++;
            break;
        }
        if (atomic_load_explicit(recording->broken, memory_order_relaxed))
            result = READ_IDLE;
    }
    return result;
}

int reader_failed(const struct reader *reader, struct error *error) {
    const struct recording *recording = &reader->recording;
    if (recording->refusal.exit_code != 0) {
        if (error != NULL)
            *error = recording->refusal;
        return -EINVAL;
    }
    if (!reader->is_open && reader_position(reader) == 0 && recording->stream->state == STREAM_END)
        return error_set(error, EBADMSG, EX_DATAERR,
                         "%s is empty; a capture has at least a file header, so write it again",
                         recording->name);
    if (!reader->is_open)
        return error_set(error, EBADMSG, EX_DATAERR, "%s is not a pcap or pcapng capture: %s",
                         recording->name, recording->reason);
    if (reader->format == &format_libpcap)
        return error_set(
            error, EBADMSG, EX_DATAERR,
            "libpcap can't read the capture %s to its end: %s; the packets before that are metered (NFStream reads by libpcap too)",
            recording->name, recording->reason);
    return error_set(
        error, EBADMSG, EX_DATAERR,
        "the capture %s is cut or damaged after %llu packet%s: %s; the packets before that are metered",
        recording->name, (unsigned long long)reader->frames, reader->frames == 1 ? "" : "s",
        recording->reason);
}
