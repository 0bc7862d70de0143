// A bare reader of the kernel's ring: what capturing on an interface must cost at least. It counts the frames of each
// block and gives the block back; it looks at no packet.
//
// The ring is as large as the sensor's (capture.socket_buffer_size). Says "ready" once it captures. SIGTERM ends it: what
// is in the ring by then is still counted. Usage: bench-ring INTERFACE

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sysexits.h>

enum {
    BLOCK_BYTES = 1 << 18,
    RING_BYTES = 64 << 20,
    RING_BLOCKS = RING_BYTES / BLOCK_BYTES,
    FRAME_BYTES = 1 << 11, // Of V3 only the divisor of a block matters.
    BLOCK_TIMEOUT_MS = 100,
    SILENCE_MS = 3 * BLOCK_TIMEOUT_MS, // After that the kernel has handed over every block.
};

static volatile sig_atomic_t stopping;

static void on_signal(int number) {
    (void)number;
    stopping = 1;
}

static void fail(const char *what, const char *object) {
    fprintf(stderr, "bench-ring: %s: %s: %s\n", object, what, strerror(errno));
    exit(EX_OSERR);
}

static int open_ring(const char *interface, uint8_t **blocks) {
    struct tpacket_req3 ring = {.tp_block_size = BLOCK_BYTES,
                                .tp_block_nr = RING_BLOCKS,
                                .tp_frame_size = FRAME_BYTES,
                                .tp_frame_nr = RING_BYTES / FRAME_BYTES,
                                .tp_retire_blk_tov = BLOCK_TIMEOUT_MS};
    struct sockaddr_ll address = {.sll_family = AF_PACKET,
                                  .sll_protocol = htons(ETH_P_ALL),
                                  .sll_ifindex = (int)if_nametoindex(interface)};
    int version = TPACKET_V3;

    if (address.sll_ifindex == 0)
        fail("look up", interface);
    // Without a protocol it takes nothing before it is bound: no frame of another interface gets into the count.
    int capture = socket(AF_PACKET, SOCK_RAW, 0);
    if (capture < 0)
        fail("open a packet socket for", interface);
    if (setsockopt(capture, SOL_PACKET, PACKET_VERSION, &version, sizeof version) != 0 ||
        setsockopt(capture, SOL_PACKET, PACKET_RX_RING, &ring, sizeof ring) != 0)
        fail("make a ring for", interface);
    *blocks = mmap(NULL, RING_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, capture, 0);
    if (*blocks == MAP_FAILED)
        fail("map the ring of", interface);
    if (bind(capture, (struct sockaddr *)&address, sizeof address) != 0)
        fail("bind to", interface);
    return capture;
}

// Counts until the signal, and then until nothing comes any more.
static uint64_t count_frames(int capture, uint8_t *blocks) {
    uint64_t frames = 0;
    uint32_t at = 0;

    for (;;) {
        struct tpacket_block_desc *block =
            (struct tpacket_block_desc *)(void *)(blocks + (size_t)at * BLOCK_BYTES);
        uint32_t status = __atomic_load_n(&block->hdr.bh1.block_status, __ATOMIC_ACQUIRE);
        if (status & TP_STATUS_USER) {
            frames += block->hdr.bh1.num_pkts;
            __atomic_store_n(&block->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
            at = (at + 1) % RING_BLOCKS;
            continue;
        }
        struct pollfd waiting = {.fd = capture, .events = POLLIN};
        if (poll(&waiting, 1, SILENCE_MS) == 0 && stopping)
            return frames;
    }
}

int main(int argc, char **argv) {
    struct sigaction action = {.sa_handler = on_signal};
    uint8_t *blocks = NULL;

    if (argc != 2) {
        fprintf(stderr, "usage: bench-ring INTERFACE\n");
        return EX_USAGE;
    }
    sigaction(SIGTERM, &action, NULL);
    int capture = open_ring(argv[1], &blocks);
    fprintf(stderr, "ready\n");
    uint64_t frames = count_frames(capture, blocks);
    struct tpacket_stats_v3 statistics = {0};
    socklen_t size = sizeof statistics;
    if (getsockopt(capture, SOL_PACKET, PACKET_STATISTICS, &statistics, &size) != 0)
        fail("ask for the drops of", argv[1]);
    printf("packets %llu dropped %u\n", (unsigned long long)frames, statistics.tp_drops);
    return EX_OK;
}
