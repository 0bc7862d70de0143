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

/* A universally administered address keeps its OUI, and the rest is permuted, so that two devices stay two. A locally
 * administered one has no OUI: of its 48 bits the two flags stay, for the rest may be random, an IPv4 address
 * (02:42:...) or a group that an IPv6 address was hashed into (33:33:...). The broadcast address stays. False: OpenSSL
 * failed, and `mapped` is not to be used. */
bool anonymize_mac_map(struct anonymize_mac *mac, const uint8_t address[6], uint8_t mapped[6]);
