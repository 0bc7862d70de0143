/* The bytes of the cursor, little-endian: "flowcur" and the version, 1 (8); CRC-32C of what follows (4); number of lanes
 * (4); low (8); of each lane its number (4) and position (8). Nothing here is shared: any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "sink/spool/spool.h"

/* Kafka's clusters have fewer partitions in all. */
enum { CURSOR_LANES_MAX = 1 << 18 };

size_t cursor_size(size_t lanes);
/* Into that many bytes. No position of a lane from 0 on is put above `limit`. */
void cursor_put(uint8_t *bytes, uint64_t low, const struct spool_lane *lanes, size_t count, uint64_t limit);
/* False: torn or damaged. `lanes` has room for cursor_lanes(); NULL: they are not wanted. */
bool cursor_get(struct bytes bytes, uint64_t *low, struct spool_lane *lanes);
/* As many as the bytes have room for and say; 0 if they don't agree. */
size_t cursor_lanes(struct bytes bytes);
