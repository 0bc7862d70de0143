/* Live captures in a network namespace of the test's own, in which lo is the only interface; without the right to make one
 * the tests are skipped. Include it once, behind cmocka.h. */
#pragma once

#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>

#include "capture/capture.h"
#include "skip.h"

enum { POLL_MILLISECONDS = 200, DISCARD_PORT = 9 };

static bool have_namespace;

static inline void raise_loopback(void) {
    struct ifreq request = {.ifr_name = "lo"};
    int descriptor = socket(AF_INET, SOCK_DGRAM, 0);
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    ioctl(descriptor, SIOCSIFFLAGS, &request);
    close(descriptor);
}

static inline int enter_namespace(void **state) {
    (void)state;
    have_namespace = unshare(CLONE_NEWNET) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;
    if (have_namespace)
        raise_loopback();
    return 0;
}

static inline void need_namespace(void) {
    if (!have_namespace)
        skip_because("no right to make a network namespace");
}

/* Of one word; the options hold it until the next call. */
static inline struct capture_options options_for(const char *interface) {
    static const char *words[1];
    words[0] = interface;
    return (struct capture_options){.interfaces = words,
                                    .interface_count = 1,
                                    .snapshot_length = 1536,
                                    .poll_milliseconds = POLL_MILLISECONDS};
}

/* Runs ip(8) with these words; true if it succeeded. */
static inline bool ip(const char *const *words) {
    char *arguments[16] = {(char *)"ip"};
    int status;
    for (size_t i = 0; words[i] != NULL; i++)
        arguments[i + 1] = (char *)words[i];
    pid_t child = fork();
    if (child == 0) {
        execvp("ip", arguments);
        _exit(127);
    }
    return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

#define IP(...) ip((const char *const[]){__VA_ARGS__, NULL})

/* A pair of interfaces, the first one up; the test is skipped where there can be none. */
static inline void need_pair(const char *name, const char *peer) {
    need_namespace();
    if (!IP("link", "add", name, "type", "veth", "peer", "name", peer) || !IP("link", "set", name, "up"))
        skip_because("no veth interfaces here");
}

static inline double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Whether it is a datagram to this port, in Ethernet. */
static inline bool is_to_port(const struct frame *frame, int port) {
    return frame->captured_length > 37 && frame->bytes[23] == IPPROTO_UDP &&
           frame->bytes[36] << 8 == (port & 0xff00) && frame->bytes[37] == (port & 0xff);
}
