/* CRC-32C (Castagnoli), as iSCSI and ext4 have it: finds every burst of up to 32 wrong bits. Nothing here is shared: any
 * thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

uint32_t crc32c(const void *bytes, size_t count);

/* The same without the processor's instruction: what other processors use, and tests compare. */
uint32_t crc32c_by_table(const void *bytes, size_t count);
