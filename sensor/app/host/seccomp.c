#include "app/host/seccomp.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "app/host/privileges.h"
#include "app/host/seccomp_filter.h"
#include "base/log.h"
#include "base/thread.h"

/* Where nobody listens. */
#ifdef FLOWSENSOR_CHECKS
#define OTHERWISE SECCOMP_RET_KILL_PROCESS
#else
#define OTHERWISE (SECCOMP_RET_ERRNO | EPERM)
#endif

enum { CALLS_LOGGED = 512 }; /* calls above are counted, and logged each time */

/* The kernel's messages, with room for what later kernels put behind. */
union report {
    struct seccomp_notif head;
    char room[1024];
};
union response {
    struct seccomp_notif_resp head;
    char room[256];
};

static _Atomic uint64_t refused;

uint64_t seccomp_refused(void) {
    return atomic_load(&refused);
}

/* A descriptor if `flags` ask for a listener, 0, or -errno. */
static int set_filter(struct sock_filter *program, size_t length, unsigned flags) {
    const struct sock_fprog filter = {.len = (unsigned short)length, .filter = program};
    if (length == 0)
        return -ENOSYS;
    long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter);
    return result < 0 ? -errno : (int)result;
}

static void log_refusal(const struct seccomp_notif *report) {
    static bool logged[CALLS_LOGGED];
    int number = report->data.nr;
    if (number >= 0 && number < CALLS_LOGGED && logged[number])
        return;
    if (number >= 0 && number < CALLS_LOGGED)
        logged[number] = true;
    log_line(
        LOG_WARNING,
        "a system call was refused: number %d %s(0x%llx, 0x%llx, ...), by thread %u; the sensor makes none such "
        "itself: report it, unless a plugin or a library's setting needs it (sandbox = false allows it)",
        number, seccomp_call_name(number), (unsigned long long)report->data.args[0],
        (unsigned long long)report->data.args[1], report->pid);
}

static void answer(int listener) {
    union report report = {0};
    union response response = {0};
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &report) != 0)
        return;
    response.head.id = report.head.id;
    response.head.error = -EPERM;
    atomic_fetch_add(&refused, 1);
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
    log_refusal(&report.head);
}

/* Whoever makes a refused call waits for this thread, which nobody would answer. So it gets a filter of its own, under which
 * its refused calls fail at once: the C library's setuid(2), say, has every thread make the call. */
static void confine_watcher(void) {
    struct sock_filter program[SECCOMP_PROGRAM_MAX];
    set_filter(program, seccomp_filter_start(false, false, SECCOMP_RET_ERRNO | EPERM, program), 0);
}

static void *watch(void *context) {
    struct seccomp_guard *guard = context;
    struct pollfd wanted[] = {{.fd = guard->listener, .events = POLLIN},
                              {.fd = guard->event, .events = POLLIN}};
    eventfd_t count;
    privileges_drop();
    while (!atomic_load(&guard->ends)) {
        if (poll(wanted, 2, -1) <= 0)
            continue;
        if (wanted[1].revents != 0 && eventfd_read(guard->event, &count) == 0 && !atomic_load(&guard->ends))
            confine_watcher();
        if (wanted[0].revents & POLLIN)
            answer(guard->listener);
    }
    return NULL;
}

/* Whether the kernel's messages fit into ours: a later one may have longer ones. */
static bool knows_messages(void) {
    struct seccomp_notif_sizes sizes;
    return syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) == 0 &&
           sizes.seccomp_notif <= sizeof(union report) && sizes.seccomp_notif_resp <= sizeof(union response);
}

/* Whoever makes a refused call waits until the thread answers; if that can't be started, the call fails with ENOSYS. */
static int open_with_listener(struct seccomp_guard *guard, bool live, bool looks) {
    struct sock_filter program[SECCOMP_PROGRAM_MAX];
    if (!knows_messages())
        return -ENOTSUP;
    size_t length = seccomp_filter_start(live, looks, SECCOMP_RET_USER_NOTIF, program);
    int listener = set_filter(program, length,
                              SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH |
                                  SECCOMP_FILTER_FLAG_NEW_LISTENER);
    if (listener < 0)
        return listener;
    guard->listener = listener;
    guard->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (guard->event >= 0 && thread_start(&guard->thread, "seccomp", watch, guard) == 0)
        return 0;
    close(listener);
    guard->listener = -1;
    return 0;
}

/* At the end a sanitizer stops all threads from a process of its own, which traces them: all that the filter is against. */
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
enum { LOOKS_FOR_LEAKS = true };
#else
enum { LOOKS_FOR_LEAKS = false };
#endif

int seccomp_guard_open(struct seccomp_guard *guard, bool live, bool looks) {
    struct sock_filter program[SECCOMP_PROGRAM_MAX];
    *guard = (struct seccomp_guard){.listener = -1, .event = -1};
    if (LOOKS_FOR_LEAKS)
        return -ENOTSUP;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return -errno;
    int result = OTHERWISE == SECCOMP_RET_KILL_PROCESS ? -ENOTSUP : open_with_listener(guard, live, looks);
    if (result < 0) /* also an older kernel, or a container's runtime that listens itself */
        result = set_filter(program, seccomp_filter_start(live, looks, OTHERWISE, program),
                            SECCOMP_FILTER_FLAG_TSYNC);
    return result > 0 ? -ESRCH : result; /* the thread that has a filter of its own */
}

int seccomp_guard_tighten(const struct seccomp_guard *guard) {
    struct sock_filter program[SECCOMP_PROGRAM_MAX];
    int result = set_filter(program, seccomp_filter_run(OTHERWISE, program), SECCOMP_FILTER_FLAG_TSYNC);
    /* Only now: no filter can be set for all threads once one of them has its own. */
    if (guard->listener >= 0)
        eventfd_write(guard->event, 1);
    return result > 0 ? -ESRCH : result;
}

void seccomp_guard_close(struct seccomp_guard *guard) {
    if (guard->listener >= 0) {
        atomic_store(&guard->ends, true);
        eventfd_write(guard->event, 1);
        pthread_join(guard->thread, NULL);
        close(guard->listener);
    }
    if (guard->event >= 0)
        close(guard->event);
    guard->listener = guard->event = -1;
}
