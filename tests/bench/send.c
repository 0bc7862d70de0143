// Sends the first frames of a capture on an interface, at a rate, all of them in memory before the first one goes.
//
// RATE is in packets a second, 0 for as fast as it can. Frames go in small bursts, past the queueing discipline; where the
// device's queue is full they are sent again. Usage: bench-send INTERFACE FILE RATE COUNT

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <pcap/pcap.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <time.h>

enum { BURST = 32 };

struct frames {
    struct iovec *all;
    uint64_t count;
    uint64_t bytes;
};

static void fail(const char *what, const char *object) {
    fprintf(stderr, "bench-send: %s: %s: %s\n", object, what, strerror(errno));
    exit(EX_OSERR);
}

static struct frames load(const char *path, uint64_t count) {
    char error[PCAP_ERRBUF_SIZE];
    struct frames frames = {.all = calloc(count, sizeof *frames.all)};
    struct pcap_pkthdr *header;
    const u_char *data;
    pcap_t *capture = pcap_open_offline(path, error);

    if (capture == NULL || frames.all == NULL) {
        fprintf(stderr, "bench-send: %s: %s\n", path, capture == NULL ? error : "out of memory");
        exit(EX_NOINPUT);
    }
    while (frames.count < count && pcap_next_ex(capture, &header, &data) == 1) {
        struct iovec *frame = &frames.all[frames.count++];
        frame->iov_len = header->caplen;
        frame->iov_base = malloc(header->caplen);
        if (frame->iov_base == NULL)
            fail("load", path);
        memcpy(frame->iov_base, data, header->caplen);
        frames.bytes += header->caplen;
    }
    pcap_close(capture);
    return frames;
}

static void unload(struct frames *frames) {
    for (uint64_t at = 0; at < frames->count; at++)
        free(frames->all[at].iov_base);
    free(frames->all);
}

static int open_interface(const char *interface) {
    // Protocol 0: it receives nothing.
    int sending = socket(AF_PACKET, SOCK_RAW, 0);
    struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(interface)};
    int yes = 1;

    if (sending < 0 || address.sll_ifindex == 0 ||
        setsockopt(sending, SOL_PACKET, PACKET_QDISC_BYPASS, &yes, sizeof yes) != 0 ||
        bind(sending, (struct sockaddr *)&address, sizeof address) != 0)
        fail("open for sending", interface);
    return sending;
}

static double now(void) {
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

// The clock is read in a loop: a sleep would be late by a burst or two.
static void wait_for(double time) {
    while (now() < time)
        continue;
}

static void send_burst(int sending, struct mmsghdr *burst, unsigned count) {
    for (unsigned sent = 0; sent < count;) {
        int done = sendmmsg(sending, burst + sent, count - sent, 0);
        if (done < 0 && errno != ENOBUFS && errno != EAGAIN && errno != EINTR)
            fail("send", "a frame");
        sent += done > 0 ? (unsigned)done : 0;
    }
}

static void send_all(int sending, const struct frames *frames, double rate) {
    struct mmsghdr burst[BURST];
    double start = now();

    memset(burst, 0, sizeof burst);
    for (uint64_t at = 0; at < frames->count;) {
        unsigned count = 0;
        for (; count < BURST && at + count < frames->count; count++) {
            burst[count].msg_hdr.msg_iov = &frames->all[at + count];
            burst[count].msg_hdr.msg_iovlen = 1;
        }
        if (rate > 0)
            wait_for(start + (double)at / rate);
        send_burst(sending, burst, count);
        at += count;
    }
    printf("packets %llu bytes %llu microseconds %.0f\n", (unsigned long long)frames->count,
           (unsigned long long)frames->bytes, (now() - start) * 1e6);
}

int main(int argc, char **argv) {
    if (argc != 5 || strtoull(argv[4], NULL, 10) == 0) {
        fprintf(stderr, "usage: bench-send INTERFACE FILE RATE COUNT\n");
        return EX_USAGE;
    }
    struct frames frames = load(argv[2], strtoull(argv[4], NULL, 10));
    int sending = open_interface(argv[1]);
    send_all(sending, &frames, strtod(argv[3], NULL));
    unload(&frames);
    return EX_OK;
}
