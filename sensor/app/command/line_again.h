/* The command line, kept so that a run can read its configuration again: file, --set and flags, as at the start. Secrets that
 * stand in it are in memory until it is released; in the process's arguments they are overwritten as before. */
#pragma once

#include "app/config/config.h"
#include "base/error.h"

struct line_again {
    char **words; /* NULL: not kept */
    int count;
    const char *path; /* -c, borrowed; NULL: none */
};

/* Copies the line, before anything reads it. -ENOMEM: nothing is kept.
 * @thread main (this and the release), which then sets the path */
int line_again_keep(struct line_again *line, int argc, char **argv);
void line_again_release(struct line_again *line);

/* As config_source.read; `line` is the context. A file that can be read once only, as a pipe, is refused.
 * @thread any, one at a time: getopt_long() has its state for itself */
int line_again_read(void *line, struct config *config, struct error *error);
