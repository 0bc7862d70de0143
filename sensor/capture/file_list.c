/* A list of captures, from files and standard input, one after another. What can't be read is reported and skipped. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/cache_line.h"
#include "capture/capture.h"
#include "capture/file_order.h"
#include "capture/reader.h"
#include "capture/source.h"

struct file_capture {
    struct capture base;
    struct reader reader;
    const char **names; /* in the order in which they are read */
    bool *refused;      /* by file_list_check_path() */
    size_t count;
    size_t told;           /* refusals are reported of so many names, from the first one on */
    size_t current;        /* index of the file that is read, or will be next */
    uint64_t bytes_before; /* read of the files that are done */
    uint64_t bytes_total;
};

static int file_list_check_path(const char *path, uint64_t *size, struct error *error) {
    struct stat status;
    *size = 0;
    if (reader_is_standard_input(path)) {
        if (isatty(STDIN_FILENO))
            return error_set(error, EINVAL, EX_USAGE,
                             "standard input is a terminal; pipe or redirect a capture into it");
        return 0;
    }
    if (stat(path, &status) < 0)
        return reader_refuse_path(path, errno, error);
    if (S_ISDIR(status.st_mode))
        return error_set(error, EISDIR, EX_NOINPUT, "%s is a directory; name the capture files in it", path);
    if (access(path, R_OK) < 0)
        return reader_refuse_path(path, errno, error);
    if (S_ISREG(status.st_mode))
        *size = (uint64_t)status.st_size;
    return 0;
}

/* Reports refused names before the first packet. Otherwise a misspelt last name would be reported an hour later. */
static int tell_refused(struct file_capture *capture, struct error *error) {
    uint64_t size;
    while (capture->told < capture->count) {
        size_t i = capture->told++;
        if (capture->refused[i] && file_list_check_path(capture->names[i], &size, error) < 0)
            return -EIO;
    }
    return 0;
}

static void close_current(struct file_capture *capture) {
    capture->bytes_before += reader_position(&capture->reader);
    reader_close(&capture->reader);
    capture->current++;
}

/* The next one that was not refused. False: there is none. */
static bool find_next(struct file_capture *capture) {
    while (capture->current < capture->count && capture->refused[capture->current])
        capture->current++;
    return capture->current < capture->count;
}

static int open_current(struct file_capture *capture, struct error *error) {
    if (capture->reader.descriptor >= 0)
        return 0;
    int result = reader_open(&capture->reader, capture->names[capture->current], error);
    if (result < 0)
        capture->current++;
    return result;
}

static int file_next(struct capture *base, struct frame *frame, enum capture_event *event,
                     struct error *error) {
    struct file_capture *capture = (struct file_capture *)base;
    int result = tell_refused(capture, error);
    if (result < 0)
        return result;
    while (find_next(capture)) {
        if ((result = open_current(capture, error)) < 0)
            return result;
        switch (reader_next(&capture->reader, frame)) {
        case READ_GOOD:
            frame->file = (uint32_t)capture->current;
            frame->to_steady = 0;
            frame->oversized = false;
            frame->segment_size = 0;
            frame->interface = 0;
            base->frames++;
            *event = CAPTURE_FRAME;
            return 0;
        case READ_IDLE: *event = CAPTURE_IDLE; return 0;
        case READ_END: close_current(capture); continue;
        case READ_FAILED: break;
        }
        result = reader_failed(&capture->reader, error);
        close_current(capture);
        return result;
    }
    *event = CAPTURE_END;
    return 0;
}

static void file_list_statistics(struct capture *base, struct capture_statistics *statistics) {
    const struct file_capture *capture = (const struct file_capture *)base;
    statistics->bytes_read = capture->bytes_before + reader_position(&capture->reader);
    statistics->bytes_total = capture->bytes_total;
}

static const char *file_name(const struct capture *base) {
    const struct file_capture *capture = (const struct file_capture *)base;
    size_t last = capture->count - 1;
    return reader_name_of(capture->names[capture->current < last ? capture->current : last]);
}

static const char *const *file_names(const struct capture *base) {
    return ((const struct file_capture *)base)->names;
}

static struct window *file_window(const struct capture *base) {
    return reader_window(&((const struct file_capture *)base)->reader);
}

static void file_list_close(struct capture *base) {
    struct file_capture *capture = (struct file_capture *)base;
    reader_destroy(&capture->reader);
    for (size_t i = 0; capture->names != NULL && i < capture->count; i++)
        free((char *)capture->names[i]);
    free(capture->names);
    free(capture->refused);
    free(capture);
}

static const struct source_type file_type = {.next = file_next,
                                             .statistics = file_list_statistics,
                                             .name = file_name,
                                             .file_names = file_names,
                                             .window = file_window,
                                             .close = file_list_close};

/* Copies what the options point to, since they are borrowed for the call only. */
static int copy_options(struct file_capture *capture, const struct capture_options *options) {
    capture->count = options->file_count;
    capture->names = calloc(options->file_count, sizeof *capture->names);
    capture->refused = calloc(options->file_count, sizeof *capture->refused);
    if (capture->names == NULL || capture->refused == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < capture->count; i++)
        if ((capture->names[i] = strdup(options->files[i])) == NULL)
            return -ENOMEM;
    return reader_create(&capture->reader, options, &capture->base.broken);
}

static void check_paths(struct file_capture *capture) {
    struct error error;
    for (size_t i = 0; i < capture->count; i++) {
        uint64_t size;
        capture->refused[i] = file_list_check_path(capture->names[i], &size, &error) < 0;
        capture->bytes_total += size;
    }
}

/* Whether the file is a capture, by its first bytes; it is left open. A pipe always counts as a capture, since we must not
 * wait for it. */
static int try_file(struct file_capture *capture, size_t i, struct error *error) {
    struct stat status;
    uint64_t size;
    const char *path = capture->names[i];
    if (capture->refused[i])
        return file_list_check_path(path, &size, error);
    if (reader_is_standard_input(path) || stat(path, &status) < 0 || !S_ISREG(status.st_mode))
        return 0;
    int result = reader_open(&capture->reader, path, error);
    if (result == 0 && reader_recognize(&capture->reader) == READ_FAILED)
        result = reader_failed(&capture->reader, error);
    if (result < 0)
        reader_close(&capture->reader);
    return result;
}

/* The run begins only if at least one file is a capture. Otherwise every file's error is reported, the last one by the
 * caller. */
static int try_files(struct file_capture *capture, struct error *error) {
    int result = 0;
    for (size_t i = 0; i < capture->count; i++) {
        result = try_file(capture, i, error);
        if (result == 0) {
            if (i > 0)
                reader_close(&capture->reader);
            return 0;
        }
    }
    for (size_t i = 0; i + 1 < capture->count; i++)
        if (try_file(capture, i, error) < 0)
            log_line(LOG_ERROR, "%s", error->text);
    return capture->count > 1 ? try_file(capture, capture->count - 1, error) : result;
}

int file_open(const struct capture_options *options, struct capture **opened, struct error *error) {
    struct file_capture *capture = cache_line_calloc(1, sizeof *capture);
    if (capture == NULL)
        return error_set(error, ENOMEM, EX_OSERR, "no memory to open %s", options->files[0]);
    capture->base.magic = CAPTURE_MAGIC;
    capture->base.type = &file_type;
    capture->reader.descriptor = -1;
    int result = copy_options(capture, options);
    if (result < 0)
        error_set(error, -result, EX_OSERR, "no memory to open %s", options->files[0]);
    if (result == 0 && options->sort)
        result = file_order(capture->names, capture->count, &capture->reader, error);
    if (result == 0) {
        check_paths(capture);
        result = try_files(capture, error);
    }
    if (result < 0) {
        file_list_close(&capture->base);
        return result;
    }
    *opened = &capture->base;
    return 0;
}
