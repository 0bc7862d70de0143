/* Crypto-PAn (Xu, Fan, Ammar and Moon 2002) with AES-128: a keyed bijection of addresses that preserves prefixes. If two
 * addresses share exactly their first k bits, so do their pseudonyms. A struct crypto_pan belongs to one thread; mapping
 * allocates nothing. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CRYPTO_PAN_KEY_SIZE = 32 }; /* the cipher's key, then the secret pad before its encryption */

struct crypto_pan;

/* NULL: no memory. */
struct crypto_pan *crypto_pan_create(const uint8_t key[CRYPTO_PAN_KEY_SIZE]);
/* Wipes the key. NULL is fine. */
void crypto_pan_destroy(struct crypto_pan *pan);

/* False: OpenSSL failed, and `mapped` must not be used. */
bool crypto_pan_ipv4(struct crypto_pan *pan, const uint8_t address[4], uint8_t mapped[4]);
bool crypto_pan_ipv6(struct crypto_pan *pan, const uint8_t address[16], uint8_t mapped[16]);
