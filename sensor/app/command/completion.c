#include "app/command/completion.h"

#include "app/command/completion_parts.h"

void completion_print(enum command command, FILE *stream) {
    if (command == COMMAND_COMPLETION_BASH)
        completion_print_bash(stream);
    else if (command == COMMAND_COMPLETION_ZSH)
        completion_print_zsh(stream);
    else
        completion_print_fish(stream);
}
