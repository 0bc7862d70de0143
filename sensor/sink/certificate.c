#include "sink/certificate.h"

#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>
#include <time.h>

static void take_end(const X509 *certificate, struct certificate_ends *ends) {
    struct tm broken_down;
    if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &broken_down) != 1)
        return;
    int64_t end = timegm(&broken_down);
    if (ends->first == 0 || end < ends->first)
        ends->first = end;
    if (end > ends->last)
        ends->last = end;
}

void certificate_ends_of_pem(const void *text, size_t length, struct certificate_ends *ends) {
    *ends = (struct certificate_ends){0};
    BIO *source = length <= INT_MAX ? BIO_new_mem_buf(text, (int)length) : NULL;
    X509 *certificate;
    while (source && (certificate = PEM_read_bio_X509_AUX(source, NULL, NULL, NULL))) {
        take_end(certificate, ends);
        X509_free(certificate);
    }
    BIO_free(source);
    ERR_clear_error();
}

void certificate_ends_of_store(const void *bytes, size_t length, const char *password,
                               struct certificate_ends *ends) {
    const unsigned char *at = bytes;
    X509 *own = NULL;
    EVP_PKEY *key = NULL;
    STACK_OF(X509) *others = NULL;
    *ends = (struct certificate_ends){0};
    PKCS12 *store = length <= LONG_MAX ? d2i_PKCS12(NULL, &at, (long)length) : NULL;
    if (store && PKCS12_parse(store, password, &key, &own, &others) == 1) {
        if (own)
            take_end(own, ends);
        for (int i = 0; others && i < sk_X509_num(others); i++)
            take_end(sk_X509_value(others, i), ends);
        X509_free(own);
        EVP_PKEY_free(key);
        sk_X509_pop_free(others, X509_free);
    }
    PKCS12_free(store);
    ERR_clear_error();
}
