#include "capture/live/packet_ring.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "capture/live/hardware.h"

/* Since Linux 6.2; older headers don't name it, and older kernels don't say it. */
#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

enum {
    /* A block holds a hundred frames of full size, and fits into a processor's second cache. A small ring has smaller ones. */
    BLOCK_BYTES = 256 * 1024,
    BLOCK_BYTES_MIN = 64 * 1024,
    BLOCKS_MIN = 2,
    TAG_BYTES = 4,        /* room before each frame for a tag to be put back */
    ADDRESSES_BYTES = 12, /* Ethernet's, before the tag */
};

int packet_ring_open(struct packet_ring *ring) {
    *ring = (struct packet_ring){.descriptor = -1};
    /* Protocol 0: nothing is received before it is bound. */
    ring->descriptor = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    return ring->descriptor < 0 ? -errno : 0;
}

static int set_option(int descriptor, int name, const void *value, socklen_t size) {
    return setsockopt(descriptor, SOL_PACKET, name, value, size) < 0 ? -errno : 0;
}

static int set_number(int descriptor, int name, int value) {
    return set_option(descriptor, name, &value, sizeof value);
}

/* A block is one "frame" for the kernel, which packs frames into it. */
static struct tpacket_req3 ring_request(const struct packet_ring_options *options) {
    unsigned size = BLOCK_BYTES;
    while (size > BLOCK_BYTES_MIN && options->bytes / size < BLOCKS_MIN)
        size /= 2;
    unsigned count = options->bytes / size + (options->bytes % size != 0);
    count = count < BLOCKS_MIN ? BLOCKS_MIN : count;
    return (struct tpacket_req3){.tp_block_size = size,
                                 .tp_block_nr = count,
                                 .tp_frame_size = size,
                                 .tp_frame_nr = count,
                                 .tp_retire_blk_tov = options->block_milliseconds};
}

static int packet_ring_map(struct packet_ring *ring, const struct packet_ring_options *options) {
    struct tpacket_req3 request = ring_request(options);
    int result = set_option(ring->descriptor, PACKET_RX_RING, &request, sizeof request);
    if (result < 0)
        return result;
    ring->block_size = request.tp_block_size;
    ring->block_count = request.tp_block_nr;
    void *blocks = mmap(NULL, ring->block_size * ring->block_count, PROT_READ | PROT_WRITE, MAP_SHARED,
                        ring->descriptor, 0);
    if (blocks == MAP_FAILED)
        return -errno;
    ring->blocks = blocks;
    return 0;
}

static int packet_ring_bind(const struct packet_ring *ring, uint32_t interface_index) {
    struct sockaddr_ll address = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)interface_index};
    int reason = 0;
    socklen_t size = sizeof reason;
    if (bind(ring->descriptor, (const struct sockaddr *)&address, sizeof address) < 0)
        return -errno;
    /* An interface that is down is bound to all the same, and is an error of the socket. */
    if (getsockopt(ring->descriptor, SOL_SOCKET, SO_ERROR, &reason, &size) < 0)
        return -errno;
    return -reason;
}

int packet_ring_start(struct packet_ring *ring, const struct packet_ring_options *options) {
    int result = set_number(ring->descriptor, PACKET_VERSION, TPACKET_V3);
    if (result == 0)
        result = set_number(ring->descriptor, PACKET_RESERVE, TAG_BYTES);
    /* The kernel refuses it once there is a ring. */
    if (result == 0 && options->segment_sizes)
        ring->has_segment_sizes = set_number(ring->descriptor, PACKET_VNET_HDR, 1) == 0;
    if (result == 0)
        result = packet_ring_map(ring, options);
    if (result == 0)
        result = packet_ring_bind(ring, options->interface_index);
    return result;
}

void packet_ring_close(struct packet_ring *ring) {
    if (ring->blocks != NULL)
        munmap(ring->blocks, ring->block_size * ring->block_count);
    if (ring->descriptor >= 0)
        close(ring->descriptor);
    *ring = (struct packet_ring){.descriptor = -1};
}

int packet_ring_set_filter(int descriptor, const struct sock_fprog *filter) {
    return setsockopt(descriptor, SOL_SOCKET, SO_ATTACH_FILTER, filter, sizeof *filter) < 0 ? -errno : 0;
}

int packet_ring_set_promiscuous(int descriptor, uint32_t interface_index) {
    struct packet_mreq request = {.mr_ifindex = (int)interface_index, .mr_type = PACKET_MR_PROMISC};
    return set_option(descriptor, PACKET_ADD_MEMBERSHIP, &request, sizeof request);
}

static struct tpacket_hdr_v1 *header_of(const struct packet_ring *ring, size_t number) {
    uint8_t *block = ring->blocks + number * ring->block_size;
    return &((struct tpacket_block_desc *)(void *)block)->hdr.bh1;
}

static struct tpacket_hdr_v1 *block_header(const struct packet_ring *ring) {
    return header_of(ring, ring->block);
}

static bool is_handed_over(const struct tpacket_hdr_v1 *header) {
    return (__atomic_load_n(&header->block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER) != 0;
}

static void give_back(struct packet_ring *ring) {
    __atomic_store_n(&block_header(ring)->block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
    ring->holds_block = false;
    ring->block = ring->block + 1 < ring->block_count ? ring->block + 1 : 0;
}

/* False: the kernel still has the next block. */
static bool take_block(struct packet_ring *ring) {
    if (ring->holds_block)
        give_back(ring);
    struct tpacket_hdr_v1 *header = block_header(ring);
    if (!is_handed_over(header))
        return false;
    ring->holds_block = true;
    ring->left = header->num_pkts;
    ring->taken += header->num_pkts;
    ring->position =
        (uint8_t *)header - offsetof(struct tpacket_block_desc, hdr) + header->offset_to_first_pkt;
    return true;
}

/* Puts the tag that the kernel took off back behind the addresses, in the room that was reserved. */
static void put_tag_back(struct tpacket3_hdr *header, struct frame *frame) {
    uint16_t protocol =
        header->tp_status & TP_STATUS_VLAN_TPID_VALID ? header->hv1.tp_vlan_tpid : ETH_P_8021Q;
    uint16_t tag[2] = {htons(protocol), htons((uint16_t)header->hv1.tp_vlan_tci)};
    uint8_t *bytes = (uint8_t *)header + header->tp_mac - TAG_BYTES;
    memmove(bytes, frame->bytes, ADDRESSES_BYTES);
    memcpy(bytes + ADDRESSES_BYTES, tag, TAG_BYTES);
    frame->bytes = bytes;
    frame->captured_length += TAG_BYTES;
    frame->wire_length += TAG_BYTES;
}

/* Not of UFO: its pieces are fragments. */
static void read_segments(const struct tpacket3_hdr *header, struct frame *frame) {
    struct virtio_net_hdr hint;
    memcpy(&hint, (const uint8_t *)header + header->tp_mac - sizeof hint, sizeof hint);
    unsigned type = hint.gso_type & ~(unsigned)VIRTIO_NET_HDR_GSO_ECN;
    frame->segment_udp = type == VIRTIO_NET_HDR_GSO_UDP_L4;
    if (type == VIRTIO_NET_HDR_GSO_TCPV4 || type == VIRTIO_NET_HDR_GSO_TCPV6 || frame->segment_udp)
        frame->segment_size = hint.gso_size;
}

/* Link headers of kinds that are not decoded are left out: what is behind them begins with IP, or is nothing for us. */
static void skip_link_header(const struct tpacket3_hdr *header, struct frame *frame) {
    uint32_t length = (uint32_t)(header->tp_net - header->tp_mac);
    if (header->tp_net < header->tp_mac || length > frame->captured_length)
        return;
    frame->bytes += length;
    frame->captured_length -= length;
    frame->wire_length -= length;
}

static void fill_frame(const struct packet_ring *ring, struct tpacket3_hdr *header,
                       const struct sockaddr_ll *address, struct frame *frame) {
    frame->bytes = (const uint8_t *)header + header->tp_mac;
    frame->captured_length = header->tp_snaplen;
    frame->wire_length = header->tp_len;
    frame->seconds = header->tp_sec;
    frame->microseconds = (int32_t)(header->tp_nsec / 1000);
    frame->link_type = hardware_link_type(address->sll_hatype);
    frame->interface_index = (uint32_t)address->sll_ifindex;
    frame->outgoing = address->sll_pkttype == PACKET_OUTGOING;
    frame->segment_size = 0;
    if (ring->has_segment_sizes)
        read_segments(header, frame);
    if (hardware_begins_with_ip(address->sll_hatype))
        skip_link_header(header, frame);
    else if (header->tp_status & TP_STATUS_VLAN_VALID && frame->captured_length >= ADDRESSES_BYTES)
        put_tag_back(header, frame);
}

bool packet_ring_next(struct packet_ring *ring, struct frame *frame) {
    for (;;) {
        while (ring->left == 0)
            if (!take_block(ring))
                return false;
        struct tpacket3_hdr *header = (struct tpacket3_hdr *)(void *)ring->position;
        const struct sockaddr_ll *address =
            (const struct sockaddr_ll *)(const void *)(ring->position + TPACKET_ALIGN(sizeof *header));
        ring->position += header->tp_next_offset;
        ring->left--;
        /* The kernel gave up on the frame for its virtio header: what is in its place is old. */
        if (!(header->tp_status & TP_STATUS_USER)) {
            ring->without_header++;
            continue;
        }
        if (address->sll_hatype == ARPHRD_LOOPBACK && address->sll_pkttype == PACKET_OUTGOING)
            continue;
        fill_frame(ring, header, address, frame);
        return true;
    }
}

int packet_ring_wait(const struct packet_ring *ring, int other, int milliseconds) {
    struct pollfd wait[] = {{.fd = ring->descriptor, .events = POLLIN}, {.fd = other, .events = POLLIN}};
    int ready = poll(wait, 2, milliseconds);
    if (ready > 0 && wait[0].revents & POLLERR) {
        int reason;
        socklen_t size = sizeof reason;
        /* Reading the error ends it: the next call waits. */
        getsockopt(ring->descriptor, SOL_SOCKET, SO_ERROR, &reason, &size);
    }
    return ready;
}

/* How many blocks wait, up to `most`. The kernel hands them over in order, so they lie together, behind the one that is
 * read. */
static size_t count_waiting(const struct packet_ring *ring, size_t most) {
    size_t first = ring->block + ring->holds_block;
    size_t waiting = 0, end = most + 1; /* so many wait at least; fewer than `end` do */
    while (end - waiting > 1) {
        size_t middle = waiting + (end - waiting) / 2;
        if (is_handed_over(header_of(ring, (first + middle - 1) % ring->block_count)))
            waiting = middle;
        else
            end = middle;
    }
    return waiting;
}

unsigned packet_ring_fill(const struct packet_ring *ring) {
    if (!packet_ring_has_fill(ring))
        return 0;
    size_t most = ring->block_count - 1; /* which may wait */
    size_t waiting = count_waiting(ring, most);
    if (waiting <= PACKET_RING_BLOCKS_USUAL)
        return 0;
    return (unsigned)((waiting - PACKET_RING_BLOCKS_USUAL) * 100 / (most - PACKET_RING_BLOCKS_USUAL));
}

void packet_ring_count(struct packet_ring *ring) {
    struct tpacket_stats_v3 counts;
    socklen_t size = sizeof counts;
    if (getsockopt(ring->descriptor, SOL_PACKET, PACKET_STATISTICS, &counts, &size) < 0)
        return;
    ring->counts.stored += counts.tp_packets - counts.tp_drops;
    ring->counts.dropped += counts.tp_drops;
    ring->counts.frozen += counts.tp_freeze_q_cnt;
}

bool packet_ring_has_rest(struct packet_ring *ring) {
    packet_ring_count(ring);
    return ring->counts.stored > ring->taken;
}
