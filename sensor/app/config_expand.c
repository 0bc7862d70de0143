#include "app/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { EXPANDED_FILE_MAX = 64 * 1024 };

/* The content of a file without its last line end; NULL with the reason. */
static char *read_whole(const char *path, struct error *reason)
{
    FILE *file = fopen(path, "re");
    if (!file) {
        error_set(reason, errno, EX_CONFIG, "${file:%s}: %s", path, strerror(errno));
        return NULL;
    }
    char *content = calloc(1, EXPANDED_FILE_MAX + 1);
    size_t length = content ? fread(content, 1, EXPANDED_FILE_MAX, file) : 0;
    bool failed = !content || ferror(file) || !feof(file);
    fclose(file);
    if (failed) {
        free(content);
        error_set(reason, EIO, EX_CONFIG, "${file:%s}: cannot be read or is larger than %d bytes", path, EXPANDED_FILE_MAX);
        return NULL;
    }
    while (length > 0 && (content[length - 1] == '\n' || content[length - 1] == '\r'))
        content[--length] = '\0';
    return content;
}

/* What stands between "${" and "}": "NAME", "NAME:-default" or "file:PATH". malloc'd. */
static char *resolve(const char *inner, struct error *reason)
{
    if (strncmp(inner, "file:", 5) == 0)
        return read_whole(inner + 5, reason);
    const char *separator = strstr(inner, ":-");
    char *name = separator ? strndup(inner, (size_t)(separator - inner)) : strdup(inner);
    const char *value = name ? getenv(name) : NULL;
    free(name);
    if (!value && separator)
        value = separator + 2;
    if (!value) {
        error_set(reason, EINVAL, EX_CONFIG, "${%s}: the environment has no such variable; set it, or write ${%s:-default}",
                  inner, inner);
        return NULL;
    }
    return strdup(value);
}

int config_expand(const char *text, char **expanded, struct error *reason)
{
    size_t size;
    FILE *stream = open_memstream(expanded, &size);
    if (!stream)
        return error_set(reason, ENOMEM, EX_OSERR, "out of memory");
    int result = 0;
    while (*text && result == 0) {
        const char *open = strstr(text, "${");
        const char *close = open ? strchr(open, '}') : NULL;
        if (open && !close)
            result = error_set(reason, EINVAL, EX_CONFIG, "\"${\" without its \"}\"");
        if (!open || !close) {
            fputs(text, stream);
            break;
        }
        fwrite(text, 1, (size_t)(open - text), stream);
        char *inner = strndup(open + 2, (size_t)(close - open - 2));
        char *value = inner ? resolve(inner, reason) : NULL;
        if (value)
            fputs(value, stream);
        else
            result = -EINVAL;
        free(inner);
        free(value);
        text = close + 1;
    }
    fclose(stream);
    if (result < 0) {
        free(*expanded);
        *expanded = NULL;
    }
    return result;
}
