/* What the parts of the command line's parser share: the line before it becomes a configuration. */
#pragma once

#include "app/command/command_line.h"

/* Flags in the order that precedence wants, not the line's. Texts are the line's. */
struct command_line {
    const char *config_path, *format, *schema, *profile, *interface, *filter;
    const char **files, **outputs; /* argc places each */
    char **sets;                   /* the same */
    int file_count, output_count, set_count;
    bool sort;
    struct command_request request;
};

/* command_line_words.c: takes `count` words that are no flags: a command, or captures. EX_USAGE. */
int command_line_take_words(const char *const *words, int count, struct command_line *line,
                            struct error *error);
/* The same where help is asked for: unknown words are passed over. */
void command_line_take_help_words(const char *const *words, int count, struct command_request *request);

/* command_line_apply.c: the configuration file, --set and the flags, in this order, into `config`. */
int command_line_apply(const struct command_line *line, struct config *config, struct error *error);

/* command_line_hints.c: what takes the place of a flag that other programs have; NULL if none is known to. `flag`:
 * "-o", "--json". */
const char *command_line_hint(const char *flag);
/* The same for a word that is neither command nor capture; `text` has room for the answer. */
const char *command_line_word_hint(const char *word, char *text, size_t size);
