#include "record/anonymize/anonymize_key.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "record/anonymize/keyed_hash.h"

int anonymize_key_random(struct anonymize_key *key) {
    ssize_t got = getrandom(key->bytes, sizeof key->bytes, 0);
    if (got < 0)
        return -errno;
    /* getrandom(2) gives up to 256 bytes in one call. */
    return got == (ssize_t)sizeof key->bytes ? 0 : -EIO;
}

/* -1 if it is no hex digit. */
static int digit_value(char digit) {
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

int anonymize_key_parse(const char *digits, size_t length, struct anonymize_key *key) {
    if (length != (size_t)2 * ANONYMIZE_KEY_SIZE)
        return -EINVAL;
    for (size_t i = 0; i < ANONYMIZE_KEY_SIZE; i++) {
        int high = digit_value(digits[2 * i]), low = digit_value(digits[2 * i + 1]);
        if (high < 0 || low < 0)
            return -EINVAL;
        key->bytes[i] = (uint8_t)(high << 4 | low);
    }
    return 0;
}

void anonymize_key_wipe(struct anonymize_key *key) {
    OPENSSL_cleanse(key, sizeof *key);
}

bool anonymize_key_derive(const struct anonymize_key *key, const char *use,
                          uint8_t subkey[ANONYMIZE_SUBKEY_SIZE]) {
    char text[64];
    int length = snprintf(text, sizeof text, "flowsensor %s", use);
    struct keyed_hash *hash = keyed_hash_create(key->bytes, sizeof key->bytes, ANONYMIZE_SUBKEY_SIZE);
    bool done = hash != NULL && keyed_hash_make(hash, text, (size_t)length, subkey);
    keyed_hash_destroy(hash);
    return done;
}

bool anonymize_key_id(const struct anonymize_key *key, char id[ANONYMIZE_KEY_ID_SIZE]) {
    uint8_t digest[ANONYMIZE_SUBKEY_SIZE];
    if (!anonymize_key_derive(key, "anon_key_id", digest))
        return false;
    for (size_t i = 0; i < (ANONYMIZE_KEY_ID_SIZE - 1) / 2; i++)
        snprintf(id + 2 * i, 3, "%02x", digest[i]);
    return true;
}
