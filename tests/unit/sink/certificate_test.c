/* When certificates expire, in the forms that files have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include "sink/certificate.h"

enum { DAY = 86400 };

static EVP_PKEY *key;
static int64_t now;

static X509 *make_certificate(int64_t days) {
    X509 *certificate = X509_new();
    ASN1_TIME_set(X509_getm_notBefore(certificate), (time_t)(now - INT64_C(100) * DAY));
    ASN1_TIME_set(X509_getm_notAfter(certificate), (time_t)(now + days * DAY));
    X509_set_pubkey(certificate, key);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    return certificate;
}

/* Certificates that end in so many days, one behind another, each after a line of text. */
static BIO *make_pem(const int64_t *days, size_t count) {
    BIO *text = BIO_new(BIO_s_mem());
    for (size_t i = 0; i < count; i++) {
        X509 *certificate = make_certificate(days[i]);
        BIO_puts(text, "subject=somebody\n");
        PEM_write_bio_X509(text, certificate);
        X509_free(certificate);
    }
    return text;
}

static struct certificate_ends ends_of(const int64_t *days, size_t count) {
    struct certificate_ends ends;
    char *bytes;
    BIO *text = make_pem(days, count);
    long length = BIO_get_mem_data(text, &bytes);
    certificate_ends_of_pem(bytes, (size_t)length, &ends);
    BIO_free(text);
    return ends;
}

static void of_several_the_first_and_the_last(void **state) {
    (void)state;
    struct certificate_ends ends = ends_of((const int64_t[]){30, 10, 20}, 3);
    assert_int_equal(ends.first, now + 10 * DAY);
    assert_int_equal(ends.last, now + 30 * DAY);
    ends = ends_of((const int64_t[]){-3}, 1);
    assert_int_equal(ends.first, now - 3 * DAY);
    assert_int_equal(ends.last, ends.first);
}

static void no_certificate_has_no_end(void **state) {
    (void)state;
    static const char *const texts[] = {"", "no certificate",
                                        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                                        "-----BEGIN CERTIFICATE-----"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct certificate_ends ends = {1, 1};
        certificate_ends_of_pem(texts[i], strlen(texts[i]), &ends);
        assert_int_equal(ends.first, 0);
        assert_int_equal(ends.last, 0);
        ends = (struct certificate_ends){1, 1};
        certificate_ends_of_store(texts[i], strlen(texts[i]), "password", &ends);
        assert_int_equal(ends.first, 0);
    }
}

static void a_cut_text_is_read_as_far_as_it_goes(void **state) {
    (void)state;
    struct certificate_ends ends;
    char *bytes;
    BIO *text = make_pem((const int64_t[]){30, 10}, 2);
    long length = BIO_get_mem_data(text, &bytes);
    for (long cut = 0; cut < length; cut++) {
        certificate_ends_of_pem(bytes, (size_t)cut, &ends);
        assert_true(ends.first == 0 || ends.first == now + 30 * DAY || ends.first == now + 10 * DAY);
    }
    BIO_free(text);
}

static void a_store_opens_by_its_password(void **state) {
    (void)state;
    struct certificate_ends ends;
    X509 *own = make_certificate(40);
    PKCS12 *store = PKCS12_create("secret", "name", key, own, NULL, 0, 0, 0, 0, 0);
    unsigned char *bytes = NULL;
    int length = i2d_PKCS12(store, &bytes);
    assert_true(length > 0);
    certificate_ends_of_store(bytes, (size_t)length, "secret", &ends);
    assert_int_equal(ends.first, now + 40 * DAY);
    certificate_ends_of_store(bytes, (size_t)length, "wrong", &ends);
    assert_int_equal(ends.first, 0);
    certificate_ends_of_store(bytes, (size_t)length, NULL, &ends);
    assert_int_equal(ends.first, 0);
    OPENSSL_free(bytes);
    PKCS12_free(store);
    X509_free(own);
}

static int make_key(void **state) {
    (void)state;
    key = EVP_EC_gen("P-256");
    now = time(NULL);
    return key ? 0 : -1;
}

static int free_key(void **state) {
    (void)state;
    EVP_PKEY_free(key);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_several_the_first_and_the_last),
        cmocka_unit_test(no_certificate_has_no_end),
        cmocka_unit_test(a_cut_text_is_read_as_far_as_it_goes),
        cmocka_unit_test(a_store_opens_by_its_password),
    };
    return cmocka_run_group_tests(tests, make_key, free_key);
}
