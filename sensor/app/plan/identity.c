#include "app/plan/identity.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/config/key_file.h"

enum { KEY_DIGITS = 32 };

/* A random UUID, version 4 (RFC 9562). */
static int make_boot_id(char boot_id[37], struct error *error) {
    struct hash_key random;
    int result = hash_key_random(&random);
    if (result < 0)
        return error_set(error, -result, EX_OSERR, "no random numbers from the kernel: %s",
                         strerror(-result));
    snprintf(boot_id, 37, "%08" PRIx64 "-%04" PRIx64 "-4%03" PRIx64 "-%04" PRIx64 "-%012" PRIx64,
             random.word[0] >> 32, (random.word[0] >> 16) & 0xffff, random.word[0] & 0xfff,
             ((random.word[1] >> 48) & 0x3fff) | 0x8000, random.word[1] & UINT64_C(0xffffffffffff));
    return 0;
}

static int parse_key(const struct key_file *file, char *digits, struct hash_key *key, struct error *error) {
    if (strspn(digits, "0123456789abcdefABCDEF") != KEY_DIGITS)
        return error_set(error, EINVAL, EX_CONFIG,
                         "%s %s: expected 32 hexadecimal digits; make one with: openssl rand -hex 16",
                         file->option, file->path);
    digits[KEY_DIGITS] = '\0';
    key->word[1] = strtoull(digits + KEY_DIGITS / 2, NULL, 16);
    digits[KEY_DIGITS / 2] = '\0';
    key->word[0] = strtoull(digits, NULL, 16);
    return 0;
}

static int read_key(const struct key_file *file, struct hash_key *key, struct error *error) {
    char content[KEY_FILE_SIZE_MAX + 1];
    size_t length;
    int result = key_file_read(file, content, &length, error);
    if (result == 0) {
        content[length] = '\0';
        result = parse_key(file, content, key, error);
    }
    explicit_bzero(content, sizeof content);
    return result;
}

static int random_key(struct hash_key *key, struct error *error) {
    int result = hash_key_random(key);
    return result < 0 ? error_set(error, -result, EX_OSERR, "no random numbers from the kernel: %s",
                                  strerror(-result))
                      : 0;
}

static int make_keys(const struct config *config, struct identity *identity, struct error *error) {
    const struct key_file uid = {
        .option = "identity.key_file", .path = config->identity.key_file, .wait = KEY_FILE_START_WAIT};
    /* Many hosts hold this one, and it is as good as the addresses themselves. */
    const struct key_file conn = {.option = "identity.conn_key_file",
                                  .path = config->identity.conn_key_file,
                                  .is_private = true,
                                  .wait = KEY_FILE_START_WAIT};
    int result = uid.path ? read_key(&uid, &identity->key, error) : random_key(&identity->key, error);
    return result == 0 && conn.path ? read_key(&conn, &identity->conn_key, error) : result;
}

int identity_make(const struct config *config, struct identity *identity, struct error *error) {
    if (config->identity.sensor_id)
        snprintf(identity->sensor_id, sizeof identity->sensor_id, "%s", config->identity.sensor_id);
    else if (gethostname(identity->sensor_id, sizeof identity->sensor_id - 1) != 0)
        return error_set(error, errno, EX_OSERR, "the host's name cannot be read: %s; set identity.sensor_id",
                         strerror(errno));
    int result = make_boot_id(identity->boot_id, error);
    if (result == 0)
        result = make_keys(config, identity, error);
    return result;
}
