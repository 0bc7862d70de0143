/* Log lines on standard error: plain text, or JSON lines for machines. One line is one write(), so lines of
 * several threads are not mixed.
 *
 * Nothing that comes from a packet is logged raw: text is escaped in both forms. */
#pragma once

#include <stddef.h>
#include <stdio.h>

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };
enum log_format { LOG_PLAIN, LOG_JSON };

/* Set once at start. Default: info, plain.
 * @thread main, before others are started */
void log_configure(enum log_level level, enum log_format format);

/* Another level from here on.
 * @thread any: an atomic store */
void log_set_level(enum log_level level);

/* Level and format by their configuration names ("error", "warning", "info", "debug"; "plain", "json");
 * -EINVAL if there is no such name.
 * @thread any: nothing is shared */
int log_level_parse(const char *name, enum log_level *level);
int log_format_parse(const char *name, enum log_format *format);

/* @thread any, no lock. Not in a signal handler. */
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A line that is written piece by piece. */
struct log_draft {
    FILE *stream;
    char *text;
    size_t size;
};

/* Where the pieces go, until log_draft_end(); NULL: no memory, and nothing to end.
 * @thread any, each with a draft of its own */
FILE *log_draft_begin(struct log_draft *draft);
/* Logs the line, unless memory ran out meanwhile.
 * @thread any, each with a draft of its own */
void log_draft_end(struct log_draft *draft, enum log_level level);
