/* The secret key of the pseudonyms. From this key of 32 bytes each method derives a subkey, so that what one method
 * reveals says nothing about another. deploy/examples/python/pseudonyms.py has the definition, which is part of the
 * records' contract. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ANONYMIZE_KEY_SIZE = 32, ANONYMIZE_SUBKEY_SIZE = 64, ANONYMIZE_KEY_ID_SIZE = 17 };

struct anonymize_key {
    uint8_t bytes[ANONYMIZE_KEY_SIZE];
};

/* A random key from the kernel. 0 or -errno. */
int anonymize_key_random(struct anonymize_key *key);
/* From exactly 64 hex digits; -EINVAL otherwise. */
int anonymize_key_parse(const char *digits, size_t length, struct anonymize_key *key);
void anonymize_key_wipe(struct anonymize_key *key);

/* BLAKE2b-512 keyed by the key, over "flowsensor " and the use's name. False: no memory. */
bool anonymize_key_derive(const struct anonymize_key *key, const char *use,
                          uint8_t subkey[ANONYMIZE_SUBKEY_SIZE]);

/* 16 hex digits that tell one key from another, and nothing of the key; the use "anon_key_id", cut to 8 bytes. */
bool anonymize_key_id(const struct anonymize_key *key, char id[ANONYMIZE_KEY_ID_SIZE]);
