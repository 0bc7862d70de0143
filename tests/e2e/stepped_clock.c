/* Preloaded into a program: its wall clock, and the time stamps in the kernel's rings, are those of a host whose clock
 * is stepped at set moments. The machine's own clock stays as it is. STEPPED_CLOCK is "MOMENT:AHEAD ...": from each
 * moment (true time, microseconds since the epoch, in order) on the clock is so many microseconds ahead of the true
 * one. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

enum { STEPS_MAX = 64, SHADOWS_MAX = 64, MICROSECONDS = 1000000 };

static int64_t moments[STEPS_MAX], ahead[STEPS_MAX];
static int count;
static int (*true_clock)(clockid_t, struct timespec *);
static int (*true_option)(int, int, int, const void *, socklen_t);
static void *(*true_map)(void *, size_t, int, int, int, off_t);
static int (*true_poll)(struct pollfd *, nfds_t, int);

/* Before the program has threads, but maybe after other libraries' own preparations have asked for the time. */
__attribute__((constructor)) static void prepare(void) {
    char *at = getenv("STEPPED_CLOCK");
    if (true_poll)
        return;
    true_clock = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    true_option = (int (*)(int, int, int, const void *, socklen_t))dlsym(RTLD_NEXT, "setsockopt");
    true_map = (void *(*)(void *, size_t, int, int, int, off_t))dlsym(RTLD_NEXT, "mmap");
    true_poll = (int (*)(struct pollfd *, nfds_t, int))dlsym(RTLD_NEXT, "poll");
    while (at && *at && count < STEPS_MAX) {
        moments[count] = strtoll(at, &at, 10);
        ahead[count++] = strtoll(at + 1, &at, 10);
    }
}

static int64_t stepped(int64_t true_time) {
    int64_t result = true_time;
    for (int i = 0; i < count && moments[i] <= true_time; i++)
        result = true_time + ahead[i];
    return result;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    prepare();
    int result = true_clock(clock, time);
    if (result != 0 || clock != CLOCK_REALTIME)
        return result;
    int64_t now = stepped((int64_t)time->tv_sec * MICROSECONDS + time->tv_nsec / 1000);
    time->tv_sec = now / MICROSECONDS;
    time->tv_nsec = now % MICROSECONDS * 1000 + time->tv_nsec % 1000;
    return 0;
}

int gettimeofday(struct timeval *time, void *zone) {
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    time->tv_sec = now.tv_sec;
    time->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *result) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (result)
        *result = now.tv_sec;
    return now.tv_sec;
}

/* The kernel writes its stamps into rings, where the program reads them without a call that could be changed. So the program
 * gets memory of ours instead of a ring. Blocks are copied there, with changed stamps, when it waits for one. */
struct shadow {
    int descriptor;
    size_t block_size, block_count, next;
    char *ring, *copy;
};

static struct shadow shadows[SHADOWS_MAX];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct shadow *shadow_of(int descriptor) {
    for (int i = 0; i < SHADOWS_MAX; i++)
        if (shadows[i].block_size != 0 && shadows[i].descriptor == descriptor)
            return &shadows[i];
    return NULL;
}

int setsockopt(int descriptor, int level, int name, const void *value, socklen_t length) {
    prepare();
    int result = true_option(descriptor, level, name, value, length);
    if (result != 0 || level != SOL_PACKET || name != PACKET_RX_RING)
        return result;
    const struct tpacket_req3 *request = value;
    pthread_mutex_lock(&lock);
    struct shadow *shadow = shadow_of(descriptor);
    for (int i = 0; !shadow && i < SHADOWS_MAX; i++)
        if (shadows[i].block_size == 0)
            shadow = &shadows[i];
    *shadow = (struct shadow){descriptor, request->tp_block_size, request->tp_block_nr, 0, NULL, NULL};
    pthread_mutex_unlock(&lock);
    return result;
}

void *mmap(void *address, size_t length, int protection, int flags, int descriptor, off_t offset) {
    prepare();
    void *result = true_map(address, length, protection, flags, descriptor, offset);
    struct shadow *shadow = flags & MAP_SHARED ? shadow_of(descriptor) : NULL;
    if (!shadow || result == MAP_FAILED)
        return result;
    shadow->ring = result;
    shadow->copy = true_map(NULL, length, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return shadow->copy;
}

static void change_stamps(char *block) {
    struct tpacket_hdr_v1 *header = &((struct tpacket_block_desc *)block)->hdr.bh1;
    char *at = block + header->offset_to_first_pkt;
    for (uint32_t i = 0; i < header->num_pkts; i++) {
        struct tpacket3_hdr *packet = (struct tpacket3_hdr *)at;
        int64_t stamp = stepped((int64_t)packet->tp_sec * MICROSECONDS + packet->tp_nsec / 1000);
        packet->tp_sec = (uint32_t)(stamp / MICROSECONDS);
        packet->tp_nsec = (uint32_t)(stamp % MICROSECONDS * 1000);
        at += packet->tp_next_offset;
    }
}

static uint32_t *status_of(char *ring, const struct shadow *shadow) {
    struct tpacket_block_desc *block =
        (struct tpacket_block_desc *)(ring + shadow->next * shadow->block_size);
    return &block->hdr.bh1.block_status;
}

/* Takes over the blocks that are there. How many. */
static int take_blocks(struct shadow *shadow) {
    int taken = 0;
    while (shadow && shadow->copy &&
           __atomic_load_n(status_of(shadow->ring, shadow), __ATOMIC_ACQUIRE) & TP_STATUS_USER &&
           !(__atomic_load_n(status_of(shadow->copy, shadow), __ATOMIC_ACQUIRE) & TP_STATUS_USER)) {
        char *from = shadow->ring + shadow->next * shadow->block_size,
             *to = shadow->copy + shadow->next * shadow->block_size;
        memcpy(to, from, shadow->block_size);
        change_stamps(to);
        __atomic_store_n(status_of(shadow->ring, shadow), TP_STATUS_KERNEL, __ATOMIC_RELEASE);
        shadow->next = (shadow->next + 1) % shadow->block_count;
        taken++;
    }
    return taken;
}

int poll(struct pollfd *waits, nfds_t count, int milliseconds) {
    prepare();
    struct shadow *shadow = count > 0 ? shadow_of(waits[0].fd) : NULL;
    if (take_blocks(shadow) == 0) {
        int result = true_poll(waits, count, milliseconds);
        if (result <= 0 || !(waits[0].revents & POLLIN) || !shadow)
            return result;
        take_blocks(shadow);
        return result;
    }
    for (nfds_t i = 0; i < count; i++)
        waits[i].revents = 0;
    waits[0].revents = POLLIN;
    return 1;
}
