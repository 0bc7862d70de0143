/* What the three completions share. Words that are offered never hold a quote or a space; help texts do. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "app/command/command_line_rows.h"
#include "app/config/option.h"

void completion_print_bash(FILE *stream);
void completion_print_zsh(FILE *stream);
void completion_print_fish(FILE *stream);

/* What completes an option's value; COMPLETE_CHOICE: completion_values() are all. */
enum completion completion_of_option(const struct option_row *row);

/* Each of "csv|jsonl" with `before` and `after` around it. */
void completion_choices(const char *choices, const char *before, const char *after, FILE *stream);
/* The same with each value of the option that a flag stands for, or of the option itself. */
void completion_values(const struct option_row *row, const char *before, const char *after, FILE *stream);
void completion_schemas(const char *before, const char *after, FILE *stream);

/* Calls `visit` for each option as --set names it ("outputs.0.topic"). */
void completion_options(void (*visit)(const char *path, const struct option_row *row, FILE *stream),
                        FILE *stream);

/* The text in single quotes, in which `quote` stands for a quote of the text itself. */
void completion_quote(const char *text, const char *quote, FILE *stream);
