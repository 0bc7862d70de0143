#include "app/plan/anonymization_key.h"

#include <errno.h>
#include <string.h>

#include "app/config/key_file.h"

enum { KEY_DIGITS = 2 * ANONYMIZE_KEY_SIZE };

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

int anonymization_load_key(const struct config *config, int64_t wait, struct anonymize_key *key,
                           struct error *error) {
    const struct key_file file = {.option = "anonymization.key_file",
                                  .path = config->anonymization.key_file,
                                  .is_private = true,
                                  .wait = wait};
    char content[KEY_FILE_SIZE_MAX];
    size_t length;
    if (!file.path) {
        int result = anonymize_key_random(key);
        return result < 0 ? error_set(error, -result, EX_OSERR, "no random numbers from the kernel: %s",
                                      strerror(-result))
                          : 0;
    }
    int result = key_file_read(&file, content, &length, error);
    if (result == 0)
        result = parse_key(file.path, content, length, key, error);
    explicit_bzero(content, sizeof content);
    return result;
}
