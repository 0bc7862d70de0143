#include "app/config/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { EXPANDED_FILE_MAX = 64 * 1024 };

/* The content of a file without its last line end; NULL with the reason. */
static char *read_whole(const char *path, struct error *reason) {
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
        error_set(reason, EIO, EX_CONFIG, "${file:%s}: cannot be read or is larger than %d bytes", path,
                  EXPANDED_FILE_MAX);
        return NULL;
    }
    if (strlen(content) != length) {
        free(content);
        error_set(reason, EINVAL, EX_CONFIG, "${file:%s}: has a NUL byte, so it is no text", path);
        return NULL;
    }
    while (length > 0 && (content[length - 1] == '\n' || content[length - 1] == '\r'))
        content[--length] = '\0';
    return content;
}

/* The value of what stands between "${" and "}": "NAME", "NAME:-default" or "file:PATH". malloc'd. */
static char *resolve_reference(const char *inner, struct error *reason) {
    if (strncmp(inner, "file:", 5) == 0)
        return read_whole(inner + 5, reason);
    const char *separator = strstr(inner, ":-");
    char *name = separator ? strndup(inner, (size_t)(separator - inner)) : strdup(inner);
    const char *value = name ? getenv(name) : NULL;
    free(name);
    if ((!value || !*value) && separator)
        value = separator + 2;
    if (!value) {
        error_set(reason, EINVAL, EX_CONFIG,
                  "${%s}: the environment has no such variable; set it, or write ${%s:-default}", inner,
                  inner);
        return NULL;
    }
    return strdup(value);
}

/* Writes the first part of `text`, a reference or what stands before one; returns the rest, NULL on failure. */
static const char *expand_part(const char *text, FILE *stream, struct error *reason) {
    const char *open = strstr(text, "${");
    if (open != text) {
        bool literal = open && open[-1] == '$';
        size_t length = open ? (size_t)(open - text) : strlen(text);
        fwrite(text, 1, literal ? length - 1 : length, stream);
        if (literal)
            fputs("${", stream);
        return text + (literal ? length + 2 : length);
    }
    const char *close = strchr(open, '}');
    if (!close) {
        error_set(reason, EINVAL, EX_CONFIG, "\"${\" without its \"}\"");
        return NULL;
    }
    char *inner = strndup(open + 2, (size_t)(close - open - 2));
    char *value = inner ? resolve_reference(inner, reason) : NULL;
    if (value)
        fputs(value, stream);
    const char *rest = value ? close + 1 : NULL;
    free(inner);
    free(value);
    return rest;
}

int config_expand(const char *text, char **expanded, struct error *reason) {
    size_t size;
    FILE *stream = open_memstream(expanded, &size);
    if (!stream)
        return error_set(reason, ENOMEM, EX_OSERR, "out of memory");
    while (text && *text)
        text = expand_part(text, stream, reason);
    if (fclose(stream) == 0 && text)
        return 0;
    free(*expanded);
    *expanded = NULL;
    return -EINVAL;
}
