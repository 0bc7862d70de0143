/* Keyed BLAKE2b (RFC 7693), the same bytes as Python's hashlib.blake2b(text, key=..., digest_size=...). One belongs to
 * one thread; hashing allocates nothing. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { KEYED_HASH_MAX = 64 }; /* bytes of key and digest at most */

struct keyed_hash;

/* NULL: no memory. */
struct keyed_hash *keyed_hash_create(const uint8_t *key, size_t key_size, size_t digest_size);
/* Wipes the key. NULL is fine. */
void keyed_hash_destroy(struct keyed_hash *hash);

/* digest_size bytes. False: OpenSSL failed, and the digest is not to be used. */
bool keyed_hash_make(struct keyed_hash *hash, const void *bytes, size_t length, uint8_t *digest);
/* The same as 2 * digest_size lower-case hex digits, without NUL. */
bool keyed_hash_hex(struct keyed_hash *hash, const void *bytes, size_t length, char *digits);
