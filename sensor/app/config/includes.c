#include "app/config/includes.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEPTH_MAX = 10 /* libconfig's */ };

struct include_scan {
    size_t left; /* bytes that may still come */
    unsigned depth;
    struct error *error;
};

static int check_text(struct include_scan *scan, const char *file, const char *text);

static int refuse(const struct include_scan *scan, const char *file, unsigned line, const char *path,
                  const char *reason) {
    return error_set(scan->error, EINVAL, EX_CONFIG, "%s:%u: @include \"%s\": %s", file, line, path, reason);
}

/* The path of a line that includes a file, as libconfig's scanner finds it. False: it includes none. */
static bool find_path(const char *line, char path[PATH_MAX]) {
    static const char word[] = "@include";
    line += strspn(line, " \t");
    size_t spaces = strncmp(line, word, sizeof word - 1) == 0 ? strspn(line + sizeof word - 1, " \t") : 0;
    const char *at = line + sizeof word - 1 + spaces;
    size_t length = 0;
    if (spaces == 0 || *at++ != '"')
        return false;
    for (; *at != '\0' && *at != '"' && length < PATH_MAX - 1; at++) {
        bool is_escape = *at == '\\';
        if (is_escape && at[1] != '\\' && at[1] != '"')
            continue; /* libconfig leaves it out */
        at += is_escape;
        path[length++] = *at;
    }
    path[length] = '\0';
    return *at == '"';
}

/* The content, of which *length above the limit says that there is more; NULL where there is no memory. */
static char *read_all(int descriptor, size_t limit, size_t *length) {
    char *text = malloc(limit + 2);
    ssize_t got = 1;
    for (*length = 0; text && got > 0 && *length <= limit; *length += got > 0 ? (size_t)got : 0)
        got = read(descriptor, text + *length, limit + 1 - *length);
    if (text)
        text[*length] = '\0';
    return text;
}

static int check_content(struct include_scan *scan, const char *file, unsigned line, const char *path,
                         int descriptor) {
    size_t length;
    char *text = read_all(descriptor, scan->left, &length);
    if (!text)
        return error_set(scan->error, ENOMEM, EX_OSERR, "out of memory");
    int result = 0;
    if (length > scan->left) {
        result = refuse(scan, file, line, path, "the included files have more than 1 MiB");
    } else if (strlen(text) < length) {
        result = refuse(scan, file, line, path, "has a NUL byte, so it is no text");
    } else {
        scan->left -= length;
        scan->depth++;
        result = check_text(scan, path, text);
        scan->depth--;
    }
    explicit_bzero(text, length);
    free(text);
    return result;
}

static int check_file(struct include_scan *scan, const char *file, unsigned line, const char *path) {
    struct stat status;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0)
        return 0;
    bool is_file = fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
    int result = is_file ? check_content(scan, file, line, path, descriptor)
                         : refuse(scan, file, line, path, "is no regular file");
    close(descriptor);
    return result;
}

static int check_text(struct include_scan *scan, const char *file, const char *text) {
    char path[PATH_MAX];
    int result = 0;
    unsigned number = 1;
    for (const char *line = text; line && result == 0 && scan->depth < DEPTH_MAX; number++) {
        if (find_path(line, path))
            result = check_file(scan, file, number, path);
        const char *end = strchr(line, '\n');
        line = end ? end + 1 : NULL;
    }
    return result;
}

int config_check_includes(const char *file, const char *text, size_t size_max, struct error *error) {
    struct include_scan scan = {.left = size_max, .error = error};
    return check_text(&scan, file, text);
}
