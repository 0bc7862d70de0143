// QUIC version 1 Initial packets, protected as RFC 9001 section 5 says: nDPI decrypts them, which is a real part of its cost.

#include "payload.h"

#include <gcrypt.h>
#include <string.h>

#include "frame.h"
#include "random.h"

enum {
    QUIC_DATAGRAM = 1250,
    QUIC_CONNECTION_ID = 8,
    QUIC_HEADER = 1 + 4 + 1 + QUIC_CONNECTION_ID + 1 + QUIC_CONNECTION_ID + 1 + 2,
    QUIC_PACKET_NUMBER = 2,
    GCM_TAG = 16,
};

static void hmac_sha256(uint8_t out[32], const uint8_t *key, size_t key_length, const uint8_t *data,
                        size_t length) {
    gcry_mac_hd_t mac;
    size_t out_length = 32;

    memset(out, 0, 32);
    if (gcry_mac_open(&mac, GCRY_MAC_HMAC_SHA256, 0, NULL) != 0)
        return;
    if (gcry_mac_setkey(mac, key, key_length) == 0 && gcry_mac_write(mac, data, length) == 0)
        gcry_mac_read(mac, out, &out_length);
    gcry_mac_close(mac);
}

// HKDF-Expand-Label with an empty context, for at most 32 bytes.
static void expand_label(uint8_t *out, size_t length, const uint8_t secret[32], const char *label) {
    uint8_t info[64] = {0, (uint8_t)length, (uint8_t)(6 + strlen(label))};
    uint8_t block[32];
    size_t used = 3;

    memcpy(info + used, "tls13 ", 6);
    memcpy(info + used + 6, label, strlen(label));
    used += 6 + strlen(label);
    info[used++] = 0;
    info[used++] = 1;
    hmac_sha256(block, secret, 32, info, used);
    memcpy(out, block, length);
}

struct initial_keys {
    uint8_t key[16];
    uint8_t iv[12];
    uint8_t header_key[16];
};

static void derive_keys(struct initial_keys *keys, const uint8_t *connection_id) {
    static const uint8_t salt[] = {0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
                                   0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a};
    uint8_t initial[32];
    uint8_t client[32];

    hmac_sha256(initial, salt, sizeof salt, connection_id, QUIC_CONNECTION_ID);
    expand_label(client, sizeof client, initial, "client in");
    expand_label(keys->key, sizeof keys->key, client, "quic key");
    expand_label(keys->iv, sizeof keys->iv, client, "quic iv");
    expand_label(keys->header_key, sizeof keys->header_key, client, "quic hp");
}

static bool protect(uint8_t *packet, size_t length, const struct initial_keys *keys) {
    gcry_cipher_hd_t gcm = NULL;
    gcry_cipher_hd_t ecb = NULL;
    uint8_t *body = packet + QUIC_HEADER + QUIC_PACKET_NUMBER;
    size_t body_length = length - QUIC_HEADER - QUIC_PACKET_NUMBER - GCM_TAG;
    uint8_t mask[16];

    // The packet number is 0, so the nonce is the IV itself.
    bool good = gcry_cipher_open(&gcm, GCRY_CIPHER_AES128, GCRY_CIPHER_MODE_GCM, 0) == 0 &&
                gcry_cipher_setkey(gcm, keys->key, sizeof keys->key) == 0 &&
                gcry_cipher_setiv(gcm, keys->iv, sizeof keys->iv) == 0 &&
                gcry_cipher_authenticate(gcm, packet, QUIC_HEADER + QUIC_PACKET_NUMBER) == 0 &&
                gcry_cipher_encrypt(gcm, body, body_length, NULL, 0) == 0 &&
                gcry_cipher_gettag(gcm, body + body_length, GCM_TAG) == 0 &&
                gcry_cipher_open(&ecb, GCRY_CIPHER_AES128, GCRY_CIPHER_MODE_ECB, 0) == 0 &&
                gcry_cipher_setkey(ecb, keys->header_key, sizeof keys->header_key) == 0 &&
                gcry_cipher_encrypt(ecb, mask, sizeof mask, packet + QUIC_HEADER + 4, sizeof mask) == 0;
    if (good) {
        packet[0] ^= mask[0] & 0x0f;
        packet[QUIC_HEADER] ^= mask[1];
        packet[QUIC_HEADER + 1] ^= mask[2];
    }
    gcry_cipher_close(gcm);
    gcry_cipher_close(ecb);
    return good;
}

size_t payload_quic_initial(uint8_t *to, const char *host, uint64_t *random) {
    uint8_t hello[PAYLOAD_MAXIMUM];
    size_t hello_length = payload_client_hello(hello, host, true, random);
    size_t rest = QUIC_DATAGRAM - QUIC_HEADER;
    uint8_t *at = to;
    struct initial_keys keys;

    // libgcrypt wants this call before any other; it does something only the first time.
    gcry_check_version(NULL);
    memset(to, 0, QUIC_DATAGRAM);
    *at++ = 0xc0 | (QUIC_PACKET_NUMBER - 1);
    at[3] = 1;
    at += 4;
    *at++ = QUIC_CONNECTION_ID;
    payload_random(at, QUIC_CONNECTION_ID, random);
    derive_keys(&keys, at);
    at += QUIC_CONNECTION_ID;
    *at++ = QUIC_CONNECTION_ID;
    payload_random(at, QUIC_CONNECTION_ID, random);
    at += QUIC_CONNECTION_ID;
    *at++ = 0;
    *at++ = (uint8_t)(0x40 | rest >> 8);
    *at++ = (uint8_t)rest;
    at += QUIC_PACKET_NUMBER;
    // One CRYPTO frame at offset 0; what follows it are PADDING frames.
    *at++ = 6;
    *at++ = 0;
    *at++ = (uint8_t)(0x40 | hello_length >> 8);
    *at++ = (uint8_t)hello_length;
    memcpy(at, hello, hello_length);
    return protect(to, QUIC_DATAGRAM, &keys) ? QUIC_DATAGRAM : 0;
}

size_t payload_quic_short(uint8_t *to, size_t length, uint64_t *random) {
    payload_random(to, length, random);
    to[0] = (uint8_t)(0x40 | (to[0] & 0x3f));
    return length;
}
