/* What stands on the command line, parsed but not judged. */
#pragma once

#include <stdbool.h>

#include "app/config/config.h"
#include "base/error.h"

enum command {
    COMMAND_RUN,
    COMMAND_CHECK_CONFIG,
    COMMAND_PRINT_CONFIG,
    COMMAND_LIST_INTERFACES,
    COMMAND_VERSION,
    COMMAND_HELP,
    COMMAND_MEMORY,          /* flowsensor memory: the memory budget of a live run */
    COMMAND_REFERENCE,       /* flowsensor reference: the page of options and record fields */
    COMMAND_MANUAL,          /* flowsensor manual: the man page */
    COMMAND_COMPLETION_BASH, /* flowsensor completion bash|zsh|fish */
    COMMAND_COMPLETION_ZSH,
    COMMAND_COMPLETION_FISH,
    COMMAND_SCHEMA_PRINT, /* flowsensor schema print|features|compose|check|find|register */
    COMMAND_SCHEMA_FEATURES,
    COMMAND_SCHEMA_COMPOSE,
    COMMAND_SCHEMA_CHECK,
    COMMAND_SCHEMA_FIND,
    COMMAND_SCHEMA_REGISTER,
    COMMAND_TOPICS_CHECK, /* flowsensor topics check|create */
    COMMAND_TOPICS_CREATE,
    COMMAND_VERIFY, /* flowsensor verify: one record there and back */
};

/* Fills the configuration: defaults, then the file (-c), then --set, then flags, whatever their order on the line.
 * EX_USAGE for an unknown flag or command, else what the configuration says. */
int command_line_parse(int argc, char **argv, enum command *command, struct config *config,
                       struct error *error);

void command_line_help(void);
