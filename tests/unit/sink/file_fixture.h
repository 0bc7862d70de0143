/* A file sink in a folder of the test's own. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "scratch.h"
#include "sink/example_message.h"
#include "sink/sink.h"

static const char schema_text[] = "{\"type\": \"record\", \"name\": \"r\", \"fields\": []}";
static char folder[SCRATCH_SIZE];

static inline struct sink_options options_for(const char *path, const char *format) {
    struct sink_options options = {.output = "flows", .path = path, .format = format, .codec = "null"};
    options.schema_text = schema_text;
    if (strcmp(format, "csv") == 0)
        options.header = (struct text){"a,b\n", 4};
    return options;
}

/* A path of the test's own; in a static place for each of four calls. */
static inline const char *path_of(const char *name) {
    static char places[4][256];
    static unsigned next;
    char *path = places[next++ % 4];
    snprintf(path, sizeof places[0], "%s/%s", folder, name);
    return path;
}

static inline size_t read_whole(const char *path, char *text, size_t size) {
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    size_t length = fread(text, 1, size - 1, file);
    text[length] = '\0';
    fclose(file);
    return length;
}

static inline void assert_content(const char *path, const char *expected) {
    char text[1024];
    read_whole(path, text, sizeof text);
    assert_string_equal(text, expected);
}

static inline bool exists(const char *path) {
    return access(path, F_OK) == 0;
}

static inline void *open_sink(const struct sink_options *options) {
    struct error error = {0};
    void *sink = NULL;
    if (sink_file.open(options, &sink, &error) < 0)
        fail_msg("%s", error.text);
    return sink;
}

static inline int write_text(void *sink, const char *text, struct error *error) {
    struct message message = example_message(text, strlen(text), 0);
    return sink_file.write(sink, &message, error);
}

static inline void write_lines(void *sink, int from, int count) {
    struct error error;
    for (int i = from; i < from + count; i++) {
        char line[16];
        snprintf(line, sizeof line, "%d,x\n", i);
        assert_int_equal(write_text(sink, line, &error), 0);
    }
}

static inline void finish(void *sink) {
    struct error error = {0};
    assert_int_equal(sink_file.flush(sink, 0, true, &error), 0);
    sink_file.close(sink);
}

static inline void write_file(const char *path, const char *content) {
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs(content, file);
    fclose(file);
}

static inline int make_folder(void **state) {
    (void)state;
    return scratch_make(folder) ? 0 : -1;
}

static inline int remove_folder(void **state) {
    (void)state;
    return scratch_remove(folder);
}
