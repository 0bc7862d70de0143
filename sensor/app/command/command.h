/* The commands of the program; command_line_rows.c has their names and help. */
#pragma once

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
    COMMAND_SCHEMA_PRINT, /* flowsensor schema print|features|compose|ddl|check|find|register */
    COMMAND_SCHEMA_FEATURES,
    COMMAND_SCHEMA_COMPOSE,
    COMMAND_SCHEMA_DDL,
    COMMAND_SCHEMA_CHECK,
    COMMAND_SCHEMA_FIND,
    COMMAND_SCHEMA_REGISTER,
    COMMAND_TOPICS_CHECK, /* flowsensor topics check|create */
    COMMAND_TOPICS_CREATE,
    COMMAND_VERIFY, /* flowsensor verify: one record there and back */
};
