/* What kind of address one is: where it can be reached from. Constant: any thread. */
#pragma once

#include <stdint.h>

/* "unspecified", "loopback", "link_local", "private" (RFC 1918, RFC 4193), "shared" (RFC 6598), "multicast", "broadcast" or
 * "global". `address` as struct flow_key has it; ip_version 4 or 6. */
const char *address_scope(const uint8_t address[16], uint8_t ip_version);
