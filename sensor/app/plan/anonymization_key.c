#include "app/plan/anonymization_key.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

enum { KEY_DIGITS = 2 * ANONYMIZE_KEY_SIZE, KEY_FILE_MAX = 256 };

/* Ends at the last digit: line ends and spaces after it are nothing. */
static int parse_key(const char *path, const char *content, size_t length, struct anonymize_key *key,
                     struct error *error) {
    while (length > 0 && memchr(" \t\r\n", content[length - 1], 4) != NULL)
        length--;
    if (anonymize_key_parse(content, length, key) < 0)
        return error_set(
            error, EINVAL, EX_CONFIG,
            "anonymization.key_file %s: expected %d hexadecimal digits; make one with: (umask 077; openssl rand -hex %d > %s)",
            path, KEY_DIGITS, ANONYMIZE_KEY_SIZE, path);
    return 0;
}

static bool has_group(gid_t group) {
    gid_t groups[NGROUPS_MAX];
    int count = getgroups(NGROUPS_MAX, groups);
    bool found = group == getegid();
    for (int i = 0; i < count; i++)
        found |= groups[i] == group;
    return found;
}

/* Kubernetes gives secrets to a process that is not root by its group: root's, mode 0440. */
static bool is_private(const struct stat *status) {
    mode_t others = status->st_mode & (S_IRWXG | S_IRWXO);
    return others == 0 || (others == S_IRGRP && has_group(status->st_gid));
}

static int read_key(const char *path, int file, struct anonymize_key *key, struct error *error) {
    struct stat status;
    char content[KEY_FILE_MAX];
    if (fstat(file, &status) == 0 && !is_private(&status))
        return error_set(
            error, EACCES, EX_CONFIG,
            "anonymization.key_file %s: others may use it than its owner and, reading, a group of this process (mode %04o); take that away with: chmod 600 %s",
            path, (unsigned)(status.st_mode & 07777), path);
    ssize_t length = read(file, content, sizeof content);
    int result = length < 0 ? error_set(error, errno, EX_NOINPUT, "anonymization.key_file %s: %s", path,
                                        strerror(errno))
                            : parse_key(path, content, (size_t)length, key, error);
    explicit_bzero(content, sizeof content);
    return result;
}

int anonymization_load_key(const struct config *config, struct anonymize_key *key, struct error *error) {
    const char *path = config->anonymization.key_file;
    if (!path) {
        int result = anonymize_key_random(key);
        return result < 0 ? error_set(error, -result, EX_OSERR, "no random numbers from the kernel: %s",
                                      strerror(-result))
                          : 0;
    }
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not hold up packets */
    if (file < 0)
        return error_set(error, errno, errno == EACCES ? EX_NOPERM : EX_NOINPUT,
                         "anonymization.key_file %s: %s", path, strerror(errno));
    int result = read_key(path, file, key, error);
    close(file);
    return result;
}

void anonymization_warn_of_random_key(const struct plan *plan) {
    if (plan->has_pseudonyms && !plan->config->anonymization.key_file)
        log_line(
            LOG_WARNING,
            "anonymization.key_file is not set: pseudonyms have a random key, and records of two runs can't be joined; make one with: (umask 077; openssl rand -hex %d > FILE)",
            ANONYMIZE_KEY_SIZE);
}
