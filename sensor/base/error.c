#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

int error_set(struct error *error, int errno_value, int exit_code, const char *format, ...) {
    if (error == NULL)
        return -errno_value;
    error->exit_code = exit_code;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    if (length < 0)
        error->text[0] = '\0';
    for (char *letter = error->text; *letter != '\0'; letter++) {
        unsigned char byte = (unsigned char)*letter;
        if (byte < 0x20 || byte == 0x7f)
            *letter = '?';
    }
    return -errno_value;
}
