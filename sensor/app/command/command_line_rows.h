/* What may stand on the command line, one row each: the parser, --help, the man page and the completions read the same
 * rows. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "app/command/command.h"

enum flag {
    FLAG_CAPTURE,
    FLAG_SORT,
    FLAG_INTERFACE,
    FLAG_FILTER,
    FLAG_OUTPUT,
    FLAG_FORMAT,
    FLAG_PROFILE,
    FLAG_SCHEMA,
    FLAG_CONFIG,
    FLAG_SET,
    FLAG_FIELDS,
    FLAG_CHECK,
    FLAG_PRINT,
    FLAG_LIST,
    FLAG_VERSION,
    FLAG_HELP
};

/* What completes the argument of a flag. */
enum completion {
    COMPLETE_NOTHING,
    COMPLETE_FILE,
    COMPLETE_INTERFACE,
    COMPLETE_CHOICE,    /* the choices of `option` */
    COMPLETE_SCHEMA,    /* a schema of this release, or a file */
    COMPLETE_ASSIGNMENT /* PATH=VALUE of an option */
};

struct flag_row {
    enum flag flag;
    const char *letter;   /* "-r"; NULL: none */
    const char *name;     /* "--format"; NULL: none */
    const char *argument; /* "FILE"; NULL: takes none */
    enum completion completion;
    const char *option; /* path of the option whose choices complete the argument */
    bool of_commands;   /* means something to commands that read the configuration, too */
    const char *help;
};

/* Rows of one word stand together; what commands do is also in the headers of their files. */
struct command_row {
    const char *word;    /* "schema" */
    const char *subword; /* "print"; NULL: the word alone */
    enum command command;
    bool stands_alone;     /* answers whatever the configuration says, and doesn't read it */
    const char *choices;   /* "flink|spark": one of these must follow; NULL: no word does */
    const char *arguments; /* for the usage: what may follow, "" if nothing may */
    const char *help;      /* what it does, in short */
    const char *details;   /* whole sentences that `flowsensor COMMAND --help` and the man page add */
};

struct exit_code_row {
    int code;
    const char *meaning;
};

enum { FLAG_ROWS_MAX = 32, COMMAND_ROWS_MAX = 32 };

extern const struct flag_row flag_rows[];
extern const size_t flag_row_count;
extern const struct command_row command_rows[];
extern const size_t command_row_count;
extern const struct exit_code_row exit_code_rows[];
extern const size_t exit_code_row_count;

/* Whether the row begins another word than the row before it. */
bool command_row_is_first(size_t row);
