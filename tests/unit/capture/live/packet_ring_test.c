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

static struct packet_ring ring_of(size_t blocks) {
    struct packet_ring ring = {.descriptor = -1, .block_size = BLOCK_SIZE, .block_count = blocks};
    ring.blocks = calloc(blocks, BLOCK_SIZE);
    assert_non_null(ring.blocks);
    return ring;
}

/* The same wherever the reader is, and whether it holds a block. */
static void assert_fill(size_t blocks, size_t waiting, unsigned expected) {
    struct packet_ring ring = ring_of(blocks);
    for (size_t block = 0; block < blocks; block++)
        for (size_t holds = 0; holds + waiting <= blocks && holds < 2; holds++) {
            fill(&ring, block, holds, waiting);
            assert_int_equal(packet_ring_fill(&ring), expected);
        }
    free(ring.blocks);
}

/* Two blocks wait in the ring of every reader that is a little late. */
static void what_usually_waits_is_nothing(void **state) {
    (void)state;
    static const size_t counts[] = {1, 2, 4, 8, 32, BLOCKS_MAX};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        for (size_t waiting = 0; waiting <= PACKET_RING_BLOCKS_USUAL && waiting <= counts[i]; waiting++)
            assert_fill(counts[i], waiting, 0);
}

static void a_ring_of_few_blocks_says_nothing(void **state) {
    (void)state;
    for (size_t blocks = 1; blocks <= 3; blocks++)
        for (size_t waiting = 0; waiting <= blocks; waiting++)
            assert_fill(blocks, waiting, 0);
}

static void is_the_share_of_blocks_beyond(void **state) {
    (void)state;
    static const struct {
        size_t blocks, waiting;
        unsigned fill;
    } cases[] = {{4, 3, 100},  {8, 3, 20},   {8, 4, 40},    {8, 5, 60},           {8, 6, 80},
                 {8, 7, 100},  {32, 3, 3},   {32, 9, 24},   {32, 10, 27},         {32, 23, 72},
                 {32, 24, 75}, {32, 30, 96}, {32, 31, 100}, {BLOCKS_MAX, 65, 49}, {BLOCKS_MAX, 129, 100}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_fill(cases[i].blocks, cases[i].waiting, cases[i].fill);
}

static void never_falls(void **state) {
    (void)state;
    for (size_t blocks = 1; blocks <= BLOCKS_MAX; blocks++) {
        struct packet_ring ring = ring_of(blocks);
        unsigned last = 0;
        for (size_t waiting = 0; waiting <= blocks; waiting++) {
            fill(&ring, blocks - 1, false, waiting);
            unsigned now = packet_ring_fill(&ring);
            assert_true(now >= last);
            last = now;
        }
        assert_int_equal(last, packet_ring_has_fill(&ring) ? 100 : 0);
        free(ring.blocks);
    }
}

/* Nobody has begun to read: every block waits. */
static void is_never_above_100(void **state) {
    (void)state;
    assert_fill(4, 4, 100);
    assert_fill(8, 8, 100);
    assert_fill(32, 32, 100);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_usually_waits_is_nothing),
        cmocka_unit_test(a_ring_of_few_blocks_says_nothing),
        cmocka_unit_test(is_the_share_of_blocks_beyond),
        cmocka_unit_test(never_falls),
        cmocka_unit_test(is_never_above_100),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
