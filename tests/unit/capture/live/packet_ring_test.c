/* How full a ring is, told by the blocks that the kernel has handed over. Rings that the kernel fills are in live_test.c. */
#include "capture/live/packet_ring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <linux/if_packet.h>

#include <cmocka.h>

enum { BLOCK_SIZE = 256, BLOCKS_MAX = 130 };

static struct tpacket_hdr_v1 *header_of(const struct packet_ring *ring, size_t number) {
    uint8_t *block = ring->blocks + number % ring->block_count * ring->block_size;
    return &((struct tpacket_block_desc *)(void *)block)->hdr.bh1;
}

/* A ring whose reader is at `block`, and behind it so many blocks wait. */
static void fill(struct packet_ring *ring, size_t block, bool holds_block, size_t waiting) {
    ring->block = block;
    ring->holds_block = holds_block;
    for (size_t i = 0; i < ring->block_count; i++)
        header_of(ring, block + i)->block_status =
            i < waiting + holds_block ? TP_STATUS_USER | TP_STATUS_BLK_TMO : TP_STATUS_KERNEL;
}

static void is_the_share_of_blocks_that_wait(void **state) {
    (void)state;
    static const size_t counts[] = {2, 3, 8, 127, BLOCKS_MAX};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        struct packet_ring ring = {.descriptor = -1, .block_size = BLOCK_SIZE, .block_count = counts[i]};
        ring.blocks = calloc(counts[i], BLOCK_SIZE);
        assert_non_null(ring.blocks);
        for (size_t block = 0; block < counts[i]; block++)
            for (size_t waiting = 0; waiting < counts[i]; waiting++)
                for (int holds = 0; holds < 2; holds++) {
                    fill(&ring, block, holds, waiting);
                    assert_int_equal(packet_ring_fill(&ring), waiting * 100 / (counts[i] - 1));
                }
        free(ring.blocks);
    }
}

/* Nobody has begun to read: every block waits. */
static void is_never_above_100(void **state) {
    (void)state;
    struct packet_ring ring = {.descriptor = -1, .block_size = BLOCK_SIZE, .block_count = 4};
    ring.blocks = calloc(4, BLOCK_SIZE);
    assert_non_null(ring.blocks);
    fill(&ring, 2, false, 4);
    assert_int_equal(packet_ring_fill(&ring), 100);
    free(ring.blocks);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_the_share_of_blocks_that_wait),
        cmocka_unit_test(is_never_above_100),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
