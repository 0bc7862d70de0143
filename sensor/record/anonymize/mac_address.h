/* Pseudonyms of MAC addresses that keep the vendor (OUI), by AES-128. One belongs to one thread; mapping allocates
 * nothing. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct anonymize_mac;

/* `key` has 16 bytes. NULL: no memory. */
struct anonymize_mac *anonymize_mac_create(const uint8_t *key);
/* Wipes the key. NULL is fine. */
void anonymize_mac_destroy(struct anonymize_mac *mac);

/* A universally administered address keeps its OUI. The rest is permuted, so that two devices never get one pseudonym. A
 * locally administered address has no OUI. Of its 48 bits only the two flags stay, since the rest may be random, contain
 * an IPv4 address (02:42:...), or be a multicast group derived from an IPv6 address (33:33:...). The broadcast address
 * stays. False: OpenSSL failed, and `mapped` must not be used. */
bool anonymize_mac_map(struct anonymize_mac *mac, const uint8_t address[6], uint8_t mapped[6]);
