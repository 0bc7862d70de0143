#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    MESSAGE_SIZE = 2048,               /* bytes of a formatted message; a longer one is cut */
    LINE_SIZE = MESSAGE_SIZE * 6 + 256 /* an escaped byte takes at most six */
};

static const char *const level_names[] = {"error", "warning", "info", "debug"};
static const char *const format_names[] = {"plain", "json"};

static _Atomic enum log_level configured_level = LOG_INFO;
static enum log_format configured_format = LOG_PLAIN;

/* One line under construction; the sizes above leave room for every message. */
struct line {
    char text[LINE_SIZE];
    size_t length;
};

void log_configure(enum log_level level, enum log_format format) {
    log_set_level(level);
    configured_format = format;
}

void log_set_level(enum log_level level) {
    atomic_store_explicit(&configured_level, level, memory_order_relaxed);
}

static int index_of(const char *name, const char *const *names, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(name, names[i]) == 0)
            return (int)i;
    return -EINVAL;
}

int log_level_parse(const char *name, enum log_level *level) {
    int found = index_of(name, level_names, sizeof level_names / sizeof *level_names);
    if (found < 0)
        return found;
    *level = (enum log_level)found;
    return 0;
}

int log_format_parse(const char *name, enum log_format *format) {
    int found = index_of(name, format_names, sizeof format_names / sizeof *format_names);
    if (found < 0)
        return found;
    *format = (enum log_format)found;
    return 0;
}

static void line_append(struct line *line, const char *text, size_t length) {
    memcpy(line->text + line->length, text, length);
    line->length += length;
}

static void append_string(struct line *line, const char *text) {
    line_append(line, text, strlen(text));
}

/* Length of the well-formed UTF-8 sequence at `text`, 0 if there is none (RFC 3629, table 3-7 of Unicode). */
static size_t utf8_length(const unsigned char *text) {
    unsigned char first = text[0];
    size_t length = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
    if (length == 0)
        return 0;
    unsigned char low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    unsigned char high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (text[1] < low || text[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    /* U+0080 to U+009F are control characters too: terminals obey them. */
    return first == 0xc2 && text[1] < 0xa0 ? 0 : length;
}

/* What cannot be shown as it is: a byte of a control character or of broken UTF-8. JSON knows no \x, and
 * \u00XX would claim a Latin-1 letter for a byte from 0x80 on: such a byte becomes U+FFFD there. */
static void append_hidden(struct line *line, unsigned char byte, enum log_format format) {
    char escaped[8];
    if (format == LOG_PLAIN)
        snprintf(escaped, sizeof escaped, "\\x%02x", byte);
    else
        snprintf(escaped, sizeof escaped, "\\u%04x", byte < 0x80 ? byte : 0xfffdu);
    append_string(line, escaped);
}

static void append_escaped(struct line *line, const char *text, enum log_format format) {
    const unsigned char *byte = (const unsigned char *)text;
    while (*byte != '\0') {
        size_t length = *byte < 0x80 ? 1 : utf8_length(byte);
        if (length == 0 || *byte < 0x20 || *byte == 0x7f) {
            append_hidden(line, *byte++, format);
            continue;
        }
        if (format == LOG_JSON && (*byte == '"' || *byte == '\\'))
            line_append(line, "\\", 1);
        line_append(line, (const char *)byte, length);
        byte += length;
    }
}

static void append_time(struct line *line) {
    struct timespec now;
    struct tm utc;
    char text[64];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    line_append(line, text, strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc));
    snprintf(text, sizeof text, ".%06ldZ", now.tv_nsec / 1000);
    append_string(line, text);
}

static void build_line(struct line *line, enum log_level level, const char *message) {
    if (configured_format == LOG_JSON) {
        append_string(line, "{\"ts\":\"");
        append_time(line);
        append_string(line, "\",\"level\":\"");
        append_string(line, level_names[level]);
        append_string(line, "\",\"message\":\"");
        append_escaped(line, message, LOG_JSON);
        append_string(line, "\"}\n");
        return;
    }
    append_string(line, "flowsensor: ");
    if (level != LOG_INFO) {
        append_string(line, level_names[level]);
        append_string(line, ": ");
    }
    append_escaped(line, message, LOG_PLAIN);
    line_append(line, "\n", 1);
}

void log_line(enum log_level level, const char *format, ...) {
    if (level > atomic_load_explicit(&configured_level, memory_order_relaxed))
        return;
    int saved_errno = errno;
    char message[MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    if (vsnprintf(message, sizeof message, format, arguments) < 0)
        message[0] = '\0';
    va_end(arguments);

    struct line line;
    line.length = 0;
    build_line(&line, level, message);
    /* A line is one write(), so lines of several threads don't mix. A failed write is ignored: there is no other place
     * to report it. */
    ssize_t written = write(STDERR_FILENO, line.text, line.length);
    (void)written;
    errno = saved_errno;
}

FILE *log_draft_begin(struct log_draft *draft) {
    draft->stream = open_memstream(&draft->text, &draft->size);
    return draft->stream;
}

void log_draft_end(struct log_draft *draft, enum log_level level) {
    if (fclose(draft->stream) == 0)
        log_line(level, "%s", draft->text);
    free(draft->text);
}
