/* What stands on the command line, parsed but not judged. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "app/command/command.h"
#include "app/config/config.h"
#include "base/error.h"

/* What the line asks for. */
struct command_request {
    enum command command;
    /* COMMAND_HELP: of which command, as in "schema" "register"; borrowed from the rows. Without a second word: of all
     * that begin with the first; without any: of the program. */
    const char *word, *subword;
    const char *path;   /* -c, the line's; NULL: not given */
    const char *choice; /* of the command's choices, borrowed from the line; NULL: it has none */
    const char *fields; /* COMMAND_SCHEMA_FEATURES: --fields, the line's; NULL: not given */
};

/* Fills the configuration: defaults, then the file (-c), then --set, then flags, whatever their order on the line.
 * Where help is asked for anywhere on the line nothing else is done, and no file opened. EX_USAGE for what is unknown,
 * with what was probably meant; else what the configuration says. */
int command_line_parse(int argc, char **argv, struct command_request *request, struct config *config,
                       struct error *error);

/* Prints the help that a request of COMMAND_HELP asks for. */
void command_line_help(const struct command_request *request, FILE *stream);
