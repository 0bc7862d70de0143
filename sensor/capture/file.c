/* Captures from files and standard input, one after another as one stream. */
#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/capture.h"
#include "capture/source.h"

enum { READ_BUFFER_SIZE = 1 << 20 };

struct file_capture {
    struct capture base;
    pcap_t *handle;    /* NULL between two files */
    int link_type;     /* of the handle */
    char *read_buffer; /* stdio's, for one file after another */
    const char **names;
    size_t count;
    size_t current;        /* index of the file that is read, or will be next */
    char *filter;          /* NULL: none */
    uint64_t file_frames;  /* given out of the current file */
    uint64_t bytes_before; /* sizes of the files that are done */
    uint64_t bytes_total;
};

static bool is_standard_input(const char *path) {
    return strcmp(path, "-") == 0;
}

static const char *name_of(const char *path) {
    return is_standard_input(path) ? "standard input" : path;
}

static int refuse_path(const char *path, int reason, struct error *error) {
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

/* All paths are looked at before the first packet, so that a misspelt last name doesn't cost an hour. */
static int check_path(struct file_capture *capture, const char *path, struct error *error) {
    struct stat status;
    if (is_standard_input(path)) {
        if (isatty(STDIN_FILENO))
            return error_set(error, EINVAL, EX_USAGE,
                             "standard input is a terminal; pipe or redirect a capture into it");
        return 0;
    }
    if (stat(path, &status) < 0)
        return refuse_path(path, errno, error);
    if (S_ISDIR(status.st_mode))
        return error_set(error, EISDIR, EX_NOINPUT, "%s is a directory; name the capture files in it", path);
    if (access(path, R_OK) < 0)
        return refuse_path(path, errno, error);
    if (S_ISREG(status.st_mode))
        capture->bytes_total += (uint64_t)status.st_size;
    return 0;
}

static bool is_empty(FILE *stream) {
    int first = getc(stream);
    if (first == EOF)
        return true;
    ungetc(first, stream);
    return false;
}

/* libpcap closes `stream` with the handle, but for standard input's. */
static int open_stream(struct file_capture *capture, FILE *stream, const char *name, struct error *error) {
    char reason[PCAP_ERRBUF_SIZE] = "";
    bool empty = is_empty(stream);
    if (!empty)
        capture->handle = pcap_fopen_offline(stream, reason);
    if (capture->handle == NULL) {
        if (stream != stdin)
            fclose(stream);
        if (empty)
            return error_set(error, EBADMSG, EX_DATAERR,
                             "%s is empty; a capture has at least a file header, so write it again", name);
        return error_set(error, EBADMSG, EX_DATAERR, "%s is not a pcap or pcapng capture: %s", name, reason);
    }
    capture->link_type = pcap_datalink(capture->handle);
    /* One that libpcap has no name for, private ones aside, was never captured: the file header is damaged. Others are
     * for the decoder. */
    bool private = capture->link_type >= DLT_USER0 && capture->link_type <= DLT_USER15;
    if (!private && pcap_datalink_val_to_name(capture->link_type) == NULL)
        return error_set(error, EBADMSG, EX_DATAERR,
                         "%s has the link type %d, which libpcap doesn't know; write the capture again", name,
                         capture->link_type);
    return source_set_filter(capture->handle, capture->filter, name, error);
}

static int open_current(struct file_capture *capture, struct error *error) {
    const char *path = capture->names[capture->current];
    FILE *stream = is_standard_input(path) ? stdin : fopen(path, "rbe");
    if (stream == NULL)
        return refuse_path(path, errno, error);
    if (stream != stdin)
        setvbuf(stream, capture->read_buffer, _IOFBF, READ_BUFFER_SIZE);
    capture->file_frames = 0;
    return open_stream(capture, stream, name_of(path), error);
}

static uint64_t position(const struct file_capture *capture) {
    if (capture->handle == NULL || is_standard_input(capture->names[capture->current]))
        return 0;
    off_t offset = ftello(pcap_file(capture->handle));
    return offset > 0 ? (uint64_t)offset : 0;
}

static void close_current(struct file_capture *capture) {
    capture->bytes_before += position(capture);
    pcap_close(capture->handle);
    capture->handle = NULL;
    capture->current++;
}

/* The current file breaks off; the next one is next. */
static int fail(struct file_capture *capture, struct error *error) {
    error_set(error, EBADMSG, EX_DATAERR,
              "the capture %s is cut or damaged after %llu packet%s: %s; what came before counts",
              name_of(capture->names[capture->current]), (unsigned long long)capture->file_frames,
              capture->file_frames == 1 ? "" : "s", pcap_geterr(capture->handle));
    close_current(capture);
    return -EBADMSG;
}

static void fill_frame(struct file_capture *capture, struct frame *frame, const struct pcap_pkthdr *header,
                       const u_char *bytes) {
    frame->bytes = bytes;
    frame->captured_length = header->caplen;
    frame->wire_length = header->len;
    frame->seconds = header->ts.tv_sec;
    frame->microseconds = (int32_t)header->ts.tv_usec;
    frame->link_type = capture->link_type;
    capture->file_frames++;
    capture->base.frames++;
}

static int file_next(struct capture *base, struct frame *frame, enum capture_event *event,
                     struct error *error) {
    struct file_capture *capture = (struct file_capture *)base;
    struct pcap_pkthdr *header;
    const u_char *bytes;
    while (capture->current < capture->count) {
        int result = capture->handle == NULL ? open_current(capture, error) : 0;
        if (result < 0) {
            capture_break(base);
            return result;
        }
        switch (pcap_next_ex(capture->handle, &header, &bytes)) {
        case 1:
            fill_frame(capture, frame, header, bytes);
            *event = CAPTURE_FRAME;
            return 0;
        case PCAP_ERROR_BREAK: /* the end of the file */ close_current(capture); continue;
        default:
            /* A signal cuts a blocked read of standard input short: that is capture_break(), not a damaged
             * file. */
            if (atomic_load_explicit(&base->broken, memory_order_relaxed))
                break;
            return fail(capture, error);
        }
        break;
    }
    *event = CAPTURE_END;
    return 0;
}

static void file_statistics(struct capture *base, struct capture_statistics *statistics) {
    const struct file_capture *capture = (const struct file_capture *)base;
    statistics->bytes_read = capture->bytes_before + position(capture);
    statistics->bytes_total = capture->bytes_total;
}

static const char *file_name(const struct capture *base) {
    const struct file_capture *capture = (const struct file_capture *)base;
    size_t last = capture->count - 1;
    return name_of(capture->names[capture->current < last ? capture->current : last]);
}

static void file_close(struct capture *base) {
    struct file_capture *capture = (struct file_capture *)base;
    if (capture->handle != NULL)
        pcap_close(capture->handle);
    free(capture->read_buffer);
    free(capture->filter);
    for (size_t i = 0; i < capture->count; i++)
        free((char *)capture->names[i]);
    free(capture->names);
    free(capture);
}

static const struct source_type file_type = {file_next, NULL, file_statistics, file_name, file_close, NULL};

/* Copies what the options point to: they are borrowed for the call only. */
static int copy_options(struct file_capture *capture, const struct capture_options *options) {
    capture->names = calloc(options->file_count, sizeof *capture->names);
    capture->read_buffer = malloc(READ_BUFFER_SIZE);
    if (capture->names == NULL || capture->read_buffer == NULL)
        return -ENOMEM;
    for (; capture->count < options->file_count; capture->count++)
        if ((capture->names[capture->count] = strdup(options->files[capture->count])) == NULL)
            return -ENOMEM;
    if (options->bpf_filter != NULL && (capture->filter = strdup(options->bpf_filter)) == NULL)
        return -ENOMEM;
    return 0;
}

int file_open(const struct capture_options *options, struct capture **opened, struct error *error) {
    struct file_capture *capture = calloc(1, sizeof *capture);
    if (capture == NULL)
        return error_set(error, ENOMEM, EX_OSERR, "no memory to open %s", options->files[0]);
    capture->base.type = &file_type;
    int result = copy_options(capture, options);
    if (result < 0)
        error_set(error, -result, EX_OSERR, "no memory to open %s", options->files[0]);
    for (size_t i = 0; result == 0 && i < capture->count; i++)
        result = check_path(capture, capture->names[i], error);
    if (result == 0)
        result = open_current(capture, error);
    if (result < 0) {
        file_close(&capture->base);
        return result;
    }
    *opened = &capture->base;
    return 0;
}
