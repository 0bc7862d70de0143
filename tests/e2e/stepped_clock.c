/* Preloaded into a program: its wall clock, and the time stamps that libpcap hands it, are those of a host whose clock
 * is stepped at set moments. The machine's own clock stays as it is. STEPPED_CLOCK is "MOMENT:AHEAD ...": from each
 * moment (true time, microseconds since the epoch, in order) on the clock is so many microseconds ahead of the true
 * one. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pcap/pcap.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

enum { STEPS_MAX = 64, MICROSECONDS = 1000000 };

static int64_t moments[STEPS_MAX], ahead[STEPS_MAX];
static int count;
static int (*true_clock)(clockid_t, struct timespec *);
static int (*true_next)(pcap_t *, struct pcap_pkthdr **, const u_char **);

/* Before the program has threads, but maybe after other libraries' own preparations have asked for the time. */
__attribute__((constructor)) static void prepare(void) {
    char *at = getenv("STEPPED_CLOCK");
    if (true_clock)
        return;
    true_clock = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    true_next = (int (*)(pcap_t *, struct pcap_pkthdr **, const u_char **))dlsym(RTLD_NEXT, "pcap_next_ex");
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

int pcap_next_ex(pcap_t *handle, struct pcap_pkthdr **header, const u_char **bytes) {
    int result = true_next(handle, header, bytes);
    if (result == 1) {
        int64_t stamp = stepped((int64_t)(*header)->ts.tv_sec * MICROSECONDS + (*header)->ts.tv_usec);
        (*header)->ts.tv_sec = stamp / MICROSECONDS;
        (*header)->ts.tv_usec = stamp % MICROSECONDS;
    }
    return result;
}
