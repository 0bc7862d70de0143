#include "sink/spool/crc32c.h"

#include <pthread.h>

#include "base/bytes.h"

enum { SLICES = 8 }; /* bytes a step: a table for each */

static const uint32_t polynomial = 0x82f63b78; /* bits reversed */
static uint32_t tables[SLICES][256];
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

static void make_tables(void) {
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (polynomial & -(crc & 1));
        tables[0][byte] = crc;
    }
    for (int slice = 1; slice < SLICES; slice++)
        for (uint32_t byte = 0; byte < 256; byte++) {
            uint32_t before = tables[slice - 1][byte];
            tables[slice][byte] = before >> 8 ^ tables[0][before & 0xff];
        }
}

uint32_t crc32c_by_table(const void *bytes, size_t count) {
    const uint8_t *at = bytes;
    uint32_t crc = UINT32_MAX;
    pthread_once(&tables_once, make_tables);
    for (; count >= SLICES; count -= SLICES, at += SLICES) {
        uint64_t word = bytes_little_u64(at) ^ crc;
        crc = 0;
        for (int slice = 0; slice < SLICES; slice++)
            crc ^= tables[SLICES - 1 - slice][word >> (8 * slice) & 0xff];
    }
    for (; count > 0; count--, at++)
        crc = crc >> 8 ^ tables[0][(crc ^ *at) & 0xff];
    return ~crc;
}

#ifdef __x86_64__
#include <nmmintrin.h>

__attribute__((target("sse4.2"))) static uint32_t crc32c_by_instruction(const void *bytes, size_t count) {
    const uint8_t *at = bytes;
    uint64_t crc = UINT32_MAX;
    for (; count >= 8; count -= 8, at += 8)
        crc = _mm_crc32_u64(crc, bytes_little_u64(at));
    for (; count > 0; count--, at++)
        crc = _mm_crc32_u8((uint32_t)crc, *at);
    return ~(uint32_t)crc;
}

uint32_t crc32c(const void *bytes, size_t count) {
    return __builtin_cpu_supports("sse4.2") ? crc32c_by_instruction(bytes, count)
                                            : crc32c_by_table(bytes, count);
}
#else
uint32_t crc32c(const void *bytes, size_t count) {
    return crc32c_by_table(bytes, count);
}
#endif
