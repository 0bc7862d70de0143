/* When the certificates of a file expire. Nothing here is shared: the caller's thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Unix times; both 0 if there is no certificate. */
struct certificate_ends {
    int64_t first, last;
};

/* Of all certificates in a text in PEM; what else is in it doesn't count. */
void certificate_ends_of_pem(const void *text, size_t length, struct certificate_ends *ends);

/* Of a PKCS#12 store: its own certificate and those that vouch for it. `password` may be NULL. None if it is wrong. */
void certificate_ends_of_store(const void *bytes, size_t length, const char *password,
                               struct certificate_ends *ends);
