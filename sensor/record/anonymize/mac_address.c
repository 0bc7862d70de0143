#include "record/anonymize/mac_address.h"

#include <stdlib.h>
#include <string.h>

#include "record/anonymize/aes_ecb.h"

/* Ten rounds, as standards of format-preserving encryption use for a domain of this size. */
enum { ROUNDS = 10, LOCAL_BLOCK = 0xff, MAC_SIZE = 6, FLAGS = 3, LOCALLY_ADMINISTERED = 2 };

struct anonymize_mac {
    EVP_CIPHER_CTX *cipher;
};

struct anonymize_mac *anonymize_mac_create(const uint8_t *key) {
    struct anonymize_mac *mac = calloc(1, sizeof *mac);
    if (mac == NULL)
        return NULL;
    mac->cipher = aes_ecb_open(key);
    if (mac->cipher == NULL) {
        free(mac);
        return NULL;
    }
    return mac;
}

void anonymize_mac_destroy(struct anonymize_mac *mac) {
    if (mac == NULL)
        return;
    EVP_CIPHER_CTX_free(mac->cipher);
    free(mac);
}

/* A Feistel network over the last 24 bits, halves of 12, keyed by key and OUI: a permutation for each OUI. */
static bool map_universal(struct anonymize_mac *mac, const uint8_t address[6], uint8_t mapped[6]) {
    uint8_t in[AES_BLOCK_SIZE] = {0}, out[AES_BLOCK_SIZE];
    unsigned left = (unsigned)address[3] << 4 | address[4] >> 4;
    unsigned right = (unsigned)(address[4] & 15) << 8 | address[5];
    memcpy(in + 1, address, 3);
    for (int round = 0; round < ROUNDS; round++) {
        in[0] = (uint8_t)round;
        in[4] = (uint8_t)(right >> 8);
        in[5] = (uint8_t)right;
        if (!aes_ecb_encrypt(mac->cipher, in, sizeof in, out))
            return false;
        unsigned next = left ^ (((unsigned)out[0] << 8 | out[1]) & 0xfff);
        left = right;
        right = next;
    }
    memcpy(mapped, address, 3);
    mapped[3] = (uint8_t)(left >> 4);
    mapped[4] = (uint8_t)(left << 4 | right >> 8);
    mapped[5] = (uint8_t)right;
    return true;
}

static bool map_local(struct anonymize_mac *mac, const uint8_t address[6], uint8_t mapped[6]) {
    uint8_t in[AES_BLOCK_SIZE] = {LOCAL_BLOCK}, out[AES_BLOCK_SIZE];
    memcpy(in + 1, address, MAC_SIZE);
    if (!aes_ecb_encrypt(mac->cipher, in, sizeof in, out))
        return false;
    memcpy(mapped, out, MAC_SIZE);
    mapped[0] = (uint8_t)((out[0] & ~FLAGS) | (address[0] & FLAGS));
    return true;
}

bool anonymize_mac_map(struct anonymize_mac *mac, const uint8_t address[6], uint8_t mapped[6]) {
    static const uint8_t broadcast[MAC_SIZE] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    if (memcmp(address, broadcast, sizeof broadcast) == 0) {
        memcpy(mapped, broadcast, sizeof broadcast);
        return true;
    }
    return (address[0] & LOCALLY_ADMINISTERED) != 0 ? map_local(mac, address, mapped)
                                                    : map_universal(mac, address, mapped);
}
