#include "app/monitor/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

enum { MICROSECONDS = 1000000 };

static void print_value(const char *bytes, size_t length, FILE *stream) {
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] == '\\' || bytes[i] == '"')
            fputc('\\', stream);
        if (bytes[i] == '\n')
            fputs("\\n", stream);
        else
            fputc(bytes[i], stream);
    }
}

static void print_label(const struct metric_label *label, FILE *stream) {
    size_t length = strlen(label->value);
    char *room = malloc(text_sanitized_bound(length) + 1);
    fprintf(stream, "%s=\"", label->name);
    if (room) {
        struct text clean = text_sanitize(label->value, length, room);
        print_value(clean.bytes, clean.length, stream);
    }
    fputc('"', stream);
    free(room);
}

static void begin(struct metric_text *text, const char *suffix, const struct metric_label *labels) {
    fprintf(text->stream, "%s%s", text->name, suffix ? suffix : "");
    if (!labels)
        return;
    for (const struct metric_label *label = labels; label->name; label++) {
        fputc(label == labels ? '{' : ',', text->stream);
        print_label(label, text->stream);
    }
    fputc('}', text->stream);
}

void metric_count_suffixed(struct metric_text *text, const char *suffix, const struct metric_label *labels,
                           uint64_t value) {
    begin(text, suffix, labels);
    fprintf(text->stream, " %" PRIu64 "\n", value);
}

void metric_count(struct metric_text *text, const struct metric_label *labels, uint64_t value) {
    metric_count_suffixed(text, NULL, labels, value);
}

void metric_signed(struct metric_text *text, const struct metric_label *labels, int64_t value) {
    begin(text, NULL, labels);
    fprintf(text->stream, " %" PRId64 "\n", value);
}

void metric_number(struct metric_text *text, const struct metric_label *labels, double value) {
    begin(text, NULL, labels);
    if (isinf(value))
        fputs(value > 0 ? " +Inf\n" : " -Inf\n", text->stream);
    else
        fprintf(text->stream, " %.3f\n", value);
}

void metric_microseconds(struct metric_text *text, const char *suffix, const struct metric_label *labels,
                         int64_t value) {
    begin(text, suffix, labels);
    uint64_t size = value < 0 ? -(uint64_t)value : (uint64_t)value;
    fprintf(text->stream, " %s%" PRIu64 ".%06" PRIu64 "\n", value < 0 ? "-" : "", size / MICROSECONDS,
            size % MICROSECONDS);
}
