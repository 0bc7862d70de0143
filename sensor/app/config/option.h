/* One row an option: the same row feeds the parser of the configuration file, --set, --help, --print-config and the
 * reference page. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum option_type {
    OPTION_BOOLEAN,  /* bool */
    OPTION_SWITCH,   /* enum option_switch: not set, off or on */
    OPTION_INTEGER,  /* int64_t, min..max */
    OPTION_SIZE,     /* int64_t bytes, written "64MiB" */
    OPTION_DURATION, /* int64_t microseconds, written "5s" */
    OPTION_STRING,   /* char *, NULL: not set */
    OPTION_CHOICE,   /* char *, one of `choices` */
    OPTION_STRINGS,  /* struct string_list */
};

enum option_switch { SWITCH_UNSET, SWITCH_OFF, SWITCH_ON };

/* An integer or a duration that was not set: "what the profile and the schemas ask for". */
#define OPTION_UNSET INT64_MIN

struct string_list {
    char **items; /* each malloc'd */
    char *
        *written; /* of each: as the file has it, where it names a ${file:PATH}; else NULL. NULL: none does */
    size_t count;
};

struct option_row {
    const char *path; /* "meter.idle_timeout"; rows of an output begin with "outputs." */
    enum option_type type;
    size_t offset;       /* of the member in struct config, for outputs in struct output_config */
    const char *initial; /* default in the form a person writes; NULL: not set */
    int64_t min, max;    /* OPTION_INTEGER, OPTION_SIZE and OPTION_DURATION; both 0: not limited */
    const char *choices; /* OPTION_CHOICE: "a|b|c" */
    const char *help;    /* one or two sentences for the reference page */
    bool reloadable;     /* a run takes another value with SIGHUP; else that needs a restart */
};

const char *option_type_name(enum option_type type); /* "boolean", "duration", ... as a person would say */

/* Parses `text` by the row and stores it in the member of `object`, freeing what was there; a list is "a,b" where "\,"
 * is a comma within an item. On failure the member keeps its value: -EINVAL with the reason alone ("expected a duration
 * such as \"5s\", got ..."); the caller adds where. */
int option_set(const struct option_row *row, void *object, const char *text, struct error *reason);
int option_set_list(const struct option_row *row, void *object, const char *const *items, size_t count);
/* Of an item of the list: how the file has it. -ENOMEM. */
int option_set_written(const struct option_row *row, void *object, size_t index, const char *text);
void option_clear(const struct option_row *row, void *object);

/* Whether both objects have the same value. Of what a file is named for (option_set_written()) the name counts, since a
 * value that comes from a file may change by itself. */
bool option_is_same(const struct option_row *row, const void *one, const void *other);

/* Whether the member differs from "not set". */
bool option_is_set(const struct option_row *row, const void *object);
