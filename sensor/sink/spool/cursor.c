#include "sink/spool/cursor.h"

#include <string.h>

#include "sink/spool/crc32c.h"

enum { SEALED_FROM = 12, FIXED_SIZE = 24, LANE_SIZE = 12 };

/* No log comes that far; sums of positions don't overflow. */
static const uint64_t position_max = UINT64_C(1000000000000000000);

static const uint8_t magic[8] = {'f', 'l', 'o', 'w', 'c', 'u', 'r', 1};

size_t cursor_size(size_t lanes) {
    return FIXED_SIZE + LANE_SIZE * lanes;
}

static uint64_t at_most(uint64_t position, uint64_t limit) {
    return position < limit ? position : limit;
}

void cursor_put(uint8_t *bytes, uint64_t low, const struct spool_lane *lanes, size_t count, uint64_t limit) {
    memcpy(bytes, magic, sizeof magic);
    bytes_put_little_u32(bytes + 12, (uint32_t)count);
    bytes_put_little_u64(bytes + 16, at_most(low, limit));
    for (size_t i = 0; i < count; i++) {
        bytes_put_little_u32(bytes + FIXED_SIZE + LANE_SIZE * i, (uint32_t)lanes[i].lane);
        uint64_t position = lanes[i].lane < 0 ? lanes[i].position : at_most(lanes[i].position, limit);
        bytes_put_little_u64(bytes + FIXED_SIZE + LANE_SIZE * i + 4, position);
    }
    bytes_put_little_u32(bytes + 8, crc32c(bytes + SEALED_FROM, cursor_size(count) - SEALED_FROM));
}

size_t cursor_lanes(struct bytes bytes) {
    if (bytes.length < FIXED_SIZE)
        return 0;
    size_t count = bytes_little_u32(bytes.data + 12);
    return count <= CURSOR_LANES_MAX && cursor_size(count) == bytes.length ? count : 0;
}

bool cursor_get(struct bytes bytes, uint64_t *low, struct spool_lane *lanes) {
    if (bytes.length < FIXED_SIZE || memcmp(bytes.data, magic, sizeof magic) != 0 ||
        cursor_size(cursor_lanes(bytes)) != bytes.length ||
        crc32c(bytes.data + SEALED_FROM, bytes.length - SEALED_FROM) != bytes_little_u32(bytes.data + 8))
        return false;
    *low = bytes_little_u64(bytes.data + 16);
    for (size_t i = 0; lanes && i < cursor_lanes(bytes); i++) {
        const uint8_t *lane = bytes.data + FIXED_SIZE + LANE_SIZE * i;
        lanes[i] = (struct spool_lane){(int32_t)bytes_little_u32(lane),
                                       at_most(bytes_little_u64(lane + 4), position_max)};
    }
    return *low > 0 && *low <= position_max;
}
