/* flowsensor completion bash|zsh|fish: what a shell sources so that it completes flags, commands, options of --set and
 * their choices, files and interfaces. Made from the rows of flags, commands and options. */
#pragma once

#include <stdio.h>

#include "app/command/command_line.h"

/* `command`: COMMAND_COMPLETION_BASH, _ZSH or _FISH. */
void completion_print(enum command command, FILE *stream);
