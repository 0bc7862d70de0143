#include "record/anonymize/aes_ecb.h"

EVP_CIPHER_CTX *aes_ecb_open(const uint8_t key[AES_KEY_SIZE]) {
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    if (context == NULL)
        return NULL;
    if (EVP_EncryptInit_ex(context, EVP_aes_128_ecb(), NULL, key, NULL) != 1 ||
        EVP_CIPHER_CTX_set_padding(context, 0) != 1) {
        EVP_CIPHER_CTX_free(context);
        return NULL;
    }
    return context;
}

bool aes_ecb_encrypt(EVP_CIPHER_CTX *context, const uint8_t *in, size_t length, uint8_t *out) {
    int written = 0;
    return EVP_EncryptUpdate(context, out, &written, in, (int)length) == 1 && (size_t)written == length;
}
