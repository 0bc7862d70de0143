#include "sink/dead_letters.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "sink/file_check.h"

static int refuse(const char *output, const char *path, int reason, struct error *error) {
    return error_set(error, reason, reason == EACCES || reason == EPERM ? EX_NOPERM : EX_CANTCREAT,
                     "output \"%s\": outputs.dead_letters: cannot append to %s: %s; name a file in a folder "
                     "that the sensor may write to",
                     output, path, strerror(reason));
}

int dead_letters_open(struct dead_letters *letters, const char *output, const char *path,
                      struct error *error) {
    struct stat status;
    *letters = (struct dead_letters){.descriptor = -1};
    if (!path)
        return 0;
    /* A FIFO without a reader must not keep the start waiting. */
    letters->descriptor =
        open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, S_IRUSR | S_IWUSR);
    if (letters->descriptor >= 0 && fstat(letters->descriptor, &status) == 0 && S_ISREG(status.st_mode)) {
        letters->bytes = (uint64_t)status.st_size;
        return 0;
    }
    int reason = letters->descriptor >= 0 ? EINVAL : errno;
    dead_letters_close(letters);
    return refuse(output, path, reason, error);
}

int dead_letters_check(const char *output, const char *path, struct error *error) {
    int result = path ? file_check_place(path, false) : 0;
    return result < 0 ? refuse(output, path, -result, error) : 0;
}

void dead_letters_close(struct dead_letters *letters) {
    if (letters->descriptor >= 0)
        close(letters->descriptor);
    letters->descriptor = -1;
    buffer_free(&letters->line);
}

static void append_text(struct buffer *line, const char *text) {
    buffer_append(line, text, strlen(text));
}

/* RFC 4648. */
static void append_base64(struct buffer *line, const uint8_t *bytes, size_t length) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < length; i += 3) {
        size_t left = length - i;
        uint32_t group = (uint32_t)bytes[i] << 16 | (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                         (left > 2 ? bytes[i + 2] : 0);
        char text[4] = {digits[group >> 18], digits[group >> 12 & 63], '=', '='};
        if (left > 1)
            text[2] = digits[group >> 6 & 63];
        if (left > 2)
            text[3] = digits[group & 63];
        buffer_append(line, text, sizeof text);
    }
}

/* Topics and kinds need no escapes; an output's name and the library's words may. */
static void append_string(struct buffer *line, const char *name, const char *text) {
    char escaped[8];
    append_text(line, ", \"");
    append_text(line, name);
    append_text(line, "\": \"");
    for (; *text; text++) {
        snprintf(escaped, sizeof escaped,
                 (unsigned char)*text < ' '      ? "\\u%04x"
                 : *text == '"' || *text == '\\' ? "\\%c"
                                                 : "%c",
                 (unsigned char)*text);
        append_text(line, escaped);
    }
    append_text(line, "\"");
}

static void append_bytes(struct buffer *line, const char *name, const void *bytes, size_t length) {
    append_text(line, ", \"");
    append_text(line, name);
    append_text(line, "\": \"");
    append_base64(line, bytes, length);
    append_text(line, "\"");
}

static void make_line(struct buffer *line, const struct dead_letter *letter) {
    char text[96];
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    strftime(text, sizeof text, "{\"time\": \"%Y-%m-%dT%H:%M:%SZ\"", gmtime_r(&now.tv_sec, &utc));
    line->length = 0;
    append_text(line, text);
    append_string(line, "output", letter->output);
    append_string(line, "topic", letter->topic);
    snprintf(text, sizeof text, ", \"partition\": %" PRId32 ", \"seq\": %" PRIu64, letter->partition,
             letter->seq);
    append_text(line, text);
    append_string(line, "record_kind", letter->record_kind);
    append_string(line, "reason", letter->reason);
    append_bytes(line, "key", letter->key, letter->key_length);
    append_bytes(line, "value", letter->value, letter->value_length);
    append_text(line, "}\n");
}

bool dead_letters_add(struct dead_letters *letters, const struct dead_letter *letter) {
    struct buffer *line = &letters->line;
    if (letters->descriptor < 0)
        return false;
    line->failed = false;
    make_line(line, letter);
    if (line->failed || letters->bytes + line->length > DEAD_LETTERS_MAX_BYTES)
        return false;
    ssize_t written = write(letters->descriptor, line->data, line->length);
    if (written == (ssize_t)line->length) {
        letters->bytes += line->length;
        return true;
    }
    /* Half a line would spoil the next one. */
    if (written > 0 && ftruncate(letters->descriptor, (off_t)letters->bytes) != 0)
        letters->bytes += (uint64_t)written;
    return false;
}
