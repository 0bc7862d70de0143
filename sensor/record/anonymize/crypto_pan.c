#include "record/anonymize/crypto_pan.h"

#include <endian.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "record/anonymize/aes_ecb.h"

enum { IPV4_BITS = 32, IPV6_BITS = 128 };

/* Bit i of the mapped address is bit i of the address XOR the first bit of an encrypted block. That block is the address's
 * first i bits, followed by the rest of the pad. */
struct crypto_pan {
    EVP_CIPHER_CTX *cipher;
    uint64_t pad[2];                                 /* as numbers, most significant first */
    uint8_t ipv4_blocks[IPV4_BITS * AES_BLOCK_SIZE]; /* beyond each one's first 4 bytes always the pad */
    uint8_t blocks[IPV6_BITS * AES_BLOCK_SIZE];
    uint8_t encrypted[IPV6_BITS * AES_BLOCK_SIZE];
};

static uint64_t load_big_endian(const uint8_t *bytes) {
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return be64toh(word);
}

static void store_word(uint8_t *bytes, uint64_t word) {
    word = htobe64(word);
    memcpy(bytes, &word, sizeof word);
}

struct crypto_pan *crypto_pan_create(const uint8_t key[CRYPTO_PAN_KEY_SIZE]) {
    uint8_t pad[AES_BLOCK_SIZE];
    struct crypto_pan *pan = calloc(1, sizeof *pan);
    if (pan == NULL)
        return NULL;
    pan->cipher = aes_ecb_open(key);
    if (pan->cipher == NULL || !aes_ecb_encrypt(pan->cipher, key + AES_KEY_SIZE, sizeof pad, pad)) {
        crypto_pan_destroy(pan);
        return NULL;
    }
    pan->pad[0] = load_big_endian(pad);
    pan->pad[1] = load_big_endian(pad + 8);
    for (size_t i = 0; i < IPV4_BITS; i++)
        memcpy(pan->ipv4_blocks + i * AES_BLOCK_SIZE, pad, sizeof pad);
    OPENSSL_cleanse(pad, sizeof pad);
    return pan;
}

void crypto_pan_destroy(struct crypto_pan *pan) {
    if (pan == NULL)
        return;
    EVP_CIPHER_CTX_free(pan->cipher);
    OPENSSL_cleanse(pan, sizeof *pan);
    free(pan);
}

/* The first `bits` of `word`, then the pad's; fewer than 64. */
static uint64_t mix_block(uint64_t word, uint64_t pad, size_t bits) {
    uint64_t rest = UINT64_MAX >> bits;
    return (word & ~rest) | (pad & rest);
}

/* First bits of `count` encrypted blocks, the first one's most significant. */
static uint64_t first_bits(const uint8_t *encrypted, size_t count) {
    uint64_t bits = 0;
    for (size_t i = 0; i < count; i++)
        bits = bits << 1 | encrypted[i * AES_BLOCK_SIZE] >> 7;
    return bits;
}

bool crypto_pan_ipv4(struct crypto_pan *pan, const uint8_t address[4], uint8_t mapped[4]) {
    uint32_t word;
    memcpy(&word, address, sizeof word);
    uint64_t high = (uint64_t)be32toh(word) << 32;
    for (size_t i = 0; i < IPV4_BITS; i++) {
        uint32_t first = htobe32((uint32_t)(mix_block(high, pan->pad[0], i) >> 32));
        memcpy(pan->ipv4_blocks + i * AES_BLOCK_SIZE, &first, sizeof first);
    }
    if (!aes_ecb_encrypt(pan->cipher, pan->ipv4_blocks, sizeof pan->ipv4_blocks, pan->encrypted))
        return false;
    word = htobe32((uint32_t)(high >> 32) ^ (uint32_t)first_bits(pan->encrypted, IPV4_BITS));
    memcpy(mapped, &word, sizeof word);
    return true;
}

bool crypto_pan_ipv6(struct crypto_pan *pan, const uint8_t address[16], uint8_t mapped[16]) {
    uint64_t high = load_big_endian(address), low = load_big_endian(address + 8);
    uint8_t *block = pan->blocks;
    for (size_t i = 0; i < 64; i++, block += AES_BLOCK_SIZE) {
        store_word(block, mix_block(high, pan->pad[0], i));
        store_word(block + 8, pan->pad[1]);
    }
    for (size_t i = 0; i < 64; i++, block += AES_BLOCK_SIZE) {
        store_word(block, high);
        store_word(block + 8, mix_block(low, pan->pad[1], i));
    }
    if (!aes_ecb_encrypt(pan->cipher, pan->blocks, sizeof pan->blocks, pan->encrypted))
        return false;
    store_word(mapped, high ^ first_bits(pan->encrypted, 64));
    store_word(mapped + 8, low ^ first_bits(pan->encrypted + sizeof pan->encrypted / 2, 64));
    return true;
}
