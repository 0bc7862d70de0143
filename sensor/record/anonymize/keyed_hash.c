#include "record/anonymize/keyed_hash.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>

struct keyed_hash {
    EVP_MAC_CTX *context; /* keeps the key and wipes it when it is freed */
    size_t digest_size;
};

static bool open_context(struct keyed_hash *hash, const uint8_t *key, size_t key_size) {
    EVP_MAC *mac = EVP_MAC_fetch(NULL, OSSL_MAC_NAME_BLAKE2BMAC, NULL);
    OSSL_PARAM parameters[] = {OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &hash->digest_size),
                               OSSL_PARAM_construct_end()};
    if (mac != NULL)
        hash->context = EVP_MAC_CTX_new(mac);
    EVP_MAC_free(mac);
    return hash->context != NULL && EVP_MAC_init(hash->context, key, key_size, parameters) == 1;
}

struct keyed_hash *keyed_hash_create(const uint8_t *key, size_t key_size, size_t digest_size) {
    struct keyed_hash *hash = calloc(1, sizeof *hash);
    if (hash == NULL)
        return NULL;
    hash->digest_size = digest_size;
    uint8_t digest[KEYED_HASH_MAX];
    /* Makes a first digest: until then OpenSSL's state holds a second copy of the key, which freeing would not wipe. */
    if (!open_context(hash, key, key_size) || !keyed_hash_make(hash, "", 0, digest)) {
        keyed_hash_destroy(hash);
        return NULL;
    }
    return hash;
}

void keyed_hash_destroy(struct keyed_hash *hash) {
    if (hash == NULL)
        return;
    EVP_MAC_CTX_free(hash->context);
    free(hash);
}

bool keyed_hash_make(struct keyed_hash *hash, const void *bytes, size_t length, uint8_t *digest) {
    size_t written = 0;
    return EVP_MAC_init(hash->context, NULL, 0, NULL) == 1 &&
           EVP_MAC_update(hash->context, bytes, length) == 1 &&
           EVP_MAC_final(hash->context, digest, &written, hash->digest_size) == 1;
}

bool keyed_hash_hex(struct keyed_hash *hash, const void *bytes, size_t length, char *digits) {
    static const char hex[] = "0123456789abcdef";
    uint8_t digest[KEYED_HASH_MAX];
    if (!keyed_hash_make(hash, bytes, length, digest))
        return false;
    for (size_t i = 0; i < hash->digest_size; i++) {
        digits[2 * i] = hex[digest[i] >> 4];
        digits[2 * i + 1] = hex[digest[i] & 15];
    }
    return true;
}
