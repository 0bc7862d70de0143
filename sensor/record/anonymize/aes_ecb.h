/* AES-128 on whole blocks (OpenSSL), on which the keyed permutations here are built. Within this folder only. A context
 * belongs to one thread. Encrypting allocates nothing. */
#pragma once

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { AES_KEY_SIZE = 16, AES_BLOCK_SIZE = 16 };

/* NULL: no memory. Free with EVP_CIPHER_CTX_free(), which wipes the key. */
EVP_CIPHER_CTX *aes_ecb_open(const uint8_t key[AES_KEY_SIZE]);

/* All blocks in one call: with AES instructions they overlap. False: OpenSSL failed, and `out` is not to be used. */
bool aes_ecb_encrypt(EVP_CIPHER_CTX *context, const uint8_t *in, size_t length, uint8_t *out);
