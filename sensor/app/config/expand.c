/* References in strings of the configuration. What they stand for may be a secret, so copies are wiped. */
#include "app/config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/secret.h"

enum { EXPANDED_FILE_MAX = 64 * 1024 };

/* Variables that were part of a secret property: from then on they are here, and no longer in /proc/PID/environ. They stay
 * for another output, and for a configuration that is read again. */
struct taken_variable {
    struct taken_variable *next;
    char *value;
    char name[];
};
static struct taken_variable *taken_variables;
/* On them and on the environment, which taking changes. */
static pthread_mutex_t variables_lock = PTHREAD_MUTEX_INITIALIZER;

static const char *variable_value(const char *name) {
    for (const struct taken_variable *taken = taken_variables; taken; taken = taken->next)
        if (strcmp(taken->name, name) == 0)
            return taken->value;
    return getenv(name);
}

/* Overwrites it where the kernel shows it. Without memory for the copy it stays there: better than to lose it. */
static void take_variable(const char *name) {
    char *shown = getenv(name);
    size_t size = strlen(name) + 1;
    struct taken_variable *taken = shown && *shown ? malloc(sizeof *taken + size) : NULL;
    char *value = taken ? strdup(shown) : NULL;
    if (!value) {
        free(taken);
        return;
    }
    memcpy(taken->name, name, size);
    taken->value = value;
    taken->next = taken_variables;
    taken_variables = taken;
    explicit_bzero(shown, strlen(shown));
}

/* malloc'd; NULL: there is none. */
static char *copy_variable(const char *name, bool is_secret) {
    pthread_mutex_lock(&variables_lock);
    if (is_secret)
        take_variable(name);
    const char *value = variable_value(name);
    char *copy = value ? strdup(value) : NULL;
    pthread_mutex_unlock(&variables_lock);
    return copy;
}

/* Opens what must be a regular file that others can't change. A pipe or a device would block, or have no end. */
static int open_regular(const char *path, struct error *reason) {
    struct stat status;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (file < 0 || fstat(file, &status) < 0)
        error_set(reason, errno, EX_CONFIG, "${file:%s}: %s", path, strerror(errno));
    else if (!S_ISREG(status.st_mode))
        error_set(reason, EINVAL, EX_CONFIG,
                  "${file:%s}: is no regular file; write the value into a file and name that", path);
    else if (secret_check_writers("${file:PATH}", path, &status, reason) == 0)
        return file;
    if (file >= 0)
        close(file);
    return -1;
}

/* Bytes read, one more than the most where there are more; -1 with errno. */
static ssize_t read_content(int file, char content[EXPANDED_FILE_MAX + 1]) {
    size_t length = 0;
    ssize_t got = 1;
    while (got > 0 && length <= EXPANDED_FILE_MAX) {
        got = read(file, content + length, EXPANDED_FILE_MAX + 1 - length);
        length += got > 0 ? (size_t)got : 0;
    }
    return got < 0 ? -1 : (ssize_t)length;
}

/* The content of a file without its last line end; NULL with the reason. */
static char *read_whole(const char *path, struct error *reason) {
    char content[EXPANDED_FILE_MAX + 1], *text = NULL;
    int file = open_regular(path, reason);
    if (file < 0)
        return NULL;
    ssize_t length = read_content(file, content);
    if (length < 0)
        error_set(reason, errno, EX_CONFIG, "${file:%s}: %s", path, strerror(errno));
    else if (length > EXPANDED_FILE_MAX)
        error_set(reason, EFBIG, EX_CONFIG, "${file:%s}: is larger than %d bytes; name the file of the value",
                  path, EXPANDED_FILE_MAX);
    else if (memchr(content, '\0', (size_t)length))
        error_set(reason, EINVAL, EX_CONFIG, "${file:%s}: has a NUL byte, so it is no text", path);
    else {
        while (length > 0 && (content[length - 1] == '\n' || content[length - 1] == '\r'))
            length--;
        text = strndup(content, (size_t)length);
    }
    close(file);
    explicit_bzero(content, sizeof content);
    return text;
}

/* The value of what stands between "${" and "}": "NAME", "NAME:-default" or "file:PATH". malloc'd. */
static char *resolve_reference(const char *inner, bool is_secret, struct error *reason) {
    if (strncmp(inner, "file:", 5) == 0)
        return read_whole(inner + 5, reason);
    const char *separator = strstr(inner, ":-");
    char *name = separator ? strndup(inner, (size_t)(separator - inner)) : strdup(inner);
    char *value = name ? copy_variable(name, is_secret) : NULL;
    free(name);
    if ((!value || !*value) && separator) {
        free(value);
        value = strdup(separator + 2);
    }
    if (!value)
        error_set(reason, EINVAL, EX_CONFIG,
                  "${%s}: the environment has no such variable; set it, or write ${%s:-default}", inner,
                  inner);
    return value;
}

/* A text that grows; what it leaves is wiped. */
struct expansion {
    char *text;
    size_t length;
    bool failed;
};

static void expansion_append(struct expansion *expansion, const char *bytes, size_t length) {
    char *text = calloc(1, expansion->length + length + 1);
    expansion->failed |= !text;
    if (!text)
        return;
    if (expansion->text)
        memcpy(text, expansion->text, expansion->length);
    memcpy(text + expansion->length, bytes, length);
    secret_free(expansion->text);
    expansion->text = text;
    expansion->length += length;
}

/* Appends the first part of `text`, a reference or what stands before one; returns the rest, NULL on failure. */
static const char *expand_part(const char *text, bool is_secret, struct expansion *expansion,
                               struct error *reason) {
    const char *open = strstr(text, "${");
    if (open != text) {
        bool literal = open && open[-1] == '$';
        size_t length = open ? (size_t)(open - text) : strlen(text);
        expansion_append(expansion, text, literal ? length - 1 : length);
        if (literal)
            expansion_append(expansion, "${", 2);
        return text + (literal ? length + 2 : length);
    }
    const char *close = strchr(open, '}');
    if (!close) {
        error_set(reason, EINVAL, EX_CONFIG, "\"${\" without its \"}\"");
        return NULL;
    }
    char *inner = strndup(open + 2, (size_t)(close - open - 2));
    char *value = inner ? resolve_reference(inner, is_secret, reason) : NULL;
    if (value)
        expansion_append(expansion, value, strlen(value));
    const char *rest = value ? close + 1 : NULL;
    free(inner);
    secret_free(value);
    return rest;
}

int config_expand(const char *text, char **expanded, struct error *reason) {
    struct expansion expansion = {0};
    bool is_secret = config_is_secret_property(text, strcspn(text, "="));
    expansion_append(&expansion, "", 0);
    while (text && *text)
        text = expand_part(text, is_secret, &expansion, reason);
    *expanded = NULL;
    if (text && expansion.failed)
        error_set(reason, ENOMEM, EX_OSERR, "out of memory");
    if (text && !expansion.failed)
        *expanded = expansion.text;
    else
        secret_free(expansion.text);
    return *expanded ? 0 : -EINVAL;
}
