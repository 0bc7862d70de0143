/* Addresses as text, as inet_ntop() writes them, but several times as fast, since every record has four of them. Nothing
 * here is shared: the caller's thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { ADDRESS_TEXT_MAX = 46, MAC_TEXT_LENGTH = 17, OUI_TEXT_LENGTH = 8 };

/* IPv4 from the first 4 bytes, IPv6 from all 16. Returns the length; no NUL is written. */
size_t address_format(const uint8_t address[16], uint8_t ip_version, char text[ADDRESS_TEXT_MAX]);

/* "00:11:22:aa:bb:cc", without NUL. */
void mac_format(const uint8_t mac[6], char text[MAC_TEXT_LENGTH]);
