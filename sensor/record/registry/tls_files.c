#include "record/registry/tls_files.h"

#include <errno.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include "base/read_file.h"

/* OpenSSL calls this for the password of a key: there is nobody to ask. */
static int no_password(char *place, int size, int writing, void *context) {
    (void)place, (void)size, (void)writing, (void)context;
    return 0;
}

static FILE *tls_open_file(const char *option, const char *path, struct error *error) {
    FILE *file = read_file_open(path);
    if (!file)
        error_set(error, errno, EX_CONFIG, "%s %s: %s", option, path, strerror(errno));
    return file;
}

/* The first certificate of the file; NULL with the line of the error. */
static X509 *read_certificate(const char *option, const char *path, struct error *error) {
    FILE *file = tls_open_file(option, path, error);
    X509 *certificate = file ? PEM_read_X509(file, NULL, no_password, NULL) : NULL;
    if (file && !certificate)
        error_set(error, EINVAL, EX_CONFIG, "%s %s: has no certificate in PEM form", option, path);
    if (file)
        fclose(file);
    return certificate;
}

static EVP_PKEY *tls_read_key(const char *option, const char *path, struct error *error) {
    FILE *file = tls_open_file(option, path, error);
    EVP_PKEY *key = file ? PEM_read_PrivateKey(file, NULL, no_password, NULL) : NULL;
    if (file && !key)
        error_set(error, EINVAL, EX_CONFIG, "%s %s: has no key in PEM form that needs no password", option,
                  path);
    if (file)
        fclose(file);
    return key;
}

static int check_authority(const char *path, struct error *error) {
    X509 *certificate = read_certificate("registry.ca_file", path, error);
    X509_free(certificate);
    return certificate ? 0 : -EINVAL;
}

/* A client's certificate may have its key in the same file. */
static int check_client(const struct registry_options *options, struct error *error) {
    const char *key_option = options->key_file ? "registry.key_file" : "registry.certificate_file";
    X509 *certificate = read_certificate("registry.certificate_file", options->certificate_file, error);
    if (!certificate)
        return -EINVAL;
    EVP_PKEY *key =
        tls_read_key(key_option, options->key_file ? options->key_file : options->certificate_file, error);
    int result = key ? 0 : -EINVAL;
    if (key && X509_check_private_key(certificate, key) != 1)
        result = error_set(error, EINVAL, EX_CONFIG,
                           "%s: is not the key of the certificate in registry.certificate_file", key_option);
    EVP_PKEY_free(key);
    X509_free(certificate);
    return result;
}

int registry_check_files(const struct registry_options *options, struct error *error) {
    int result = options->ca_file ? check_authority(options->ca_file, error) : 0;
    return result == 0 && options->certificate_file ? check_client(options, error) : result;
}
