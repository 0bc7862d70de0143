#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "meter/process/service.h"

enum {
    /* How much of a core each kind of work may take: one part in so many. */
    POLL_SHARE = 20,
    REFRESH_SHARE = 20,
    REFRESH_ALL_SHARE = 100,
    RESOLVE_SHARE = 3, /* while flows wait for it */
    RESOLVE_REST_SHARE = 20,
    RESOLVE_FAR_SHARE = 50,
    NAMESPACES_MAX = 64, /* that are told apart when holders are looked for */

    FULL_LOOK_MICROSECONDS = 1000000, /* at the latest, whatever the counters say */
    ACTIVE_MICROSECONDS = 10000000,   /* since the last flow in a namespace */
    REFRESH_ALL_MICROSECONDS = 1000000,
    RESOLVE_FAR_MICROSECONDS = 1000000,
    SWEEP_MICROSECONDS = 1000000,
    KEEP_MICROSECONDS =
        10000000, /* sockets that are gone are remembered for packets that are still under way */
    FREE_PROCESSES_MICROSECONDS = 5000000,
};

/* The inode of the kernel's first process namespace (PROC_PID_INIT_INO), the same on every Linux. */
#define HOST_PID_NAMESPACE UINT64_C(0xEFFFFFFC)

static int64_t thread_time(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static bool is_due(const struct turn *turn) {
    return clock_monotonic() >= turn->next;
}

/* The next turn is `interval` after `started`, or later if this one has cost more than its share. */
static void set_next(struct turn *turn, int64_t started, int64_t interval, int64_t cost, int64_t share) {
    int64_t earliest = started + interval, fair = clock_monotonic() + cost * (share - 1);
    turn->next = fair > earliest ? fair : earliest;
}

struct looking {
    struct visibility *visibility;
    struct network_namespace *namespace;
    struct look look;
    bool found;
};

/* A socket that nobody holds is of interest while it may still be accepted. */
static bool is_of_interest(const struct socket_report *report) {
    if (report->connection.local.port == 0 || report->state == TCP_LISTEN || report->state == TCP_TIME_WAIT)
        return false;
    if (report->inode != 0)
        return true;
    return report->connection.protocol == IPPROTO_TCP &&
           (report->state == TCP_ESTABLISHED || report->state == TCP_SYN_RECV ||
            report->state == TCP_CLOSE_WAIT);
}

static void see_socket(const struct socket_report *report, void *context) {
    struct looking *looking = context;
    looking->found |= report->state != TCP_LISTEN;
    if (!is_of_interest(report))
        return;
    looking->look.after = clock_steady();
    if (!sockets_seen(&looking->visibility->sockets, looking->namespace->number, report, &looking->look))
        looking->namespace->complete_since = looking->look.after;
}

bool look_at_one(struct visibility *visibility, struct network_namespace *namespace,
                 const struct connection *connection) {
    struct looking looking = {
        .visibility = visibility,
        .namespace = namespace,
        .look = {.before = clock_steady(),
                 .checked_at = namespace->protocols[protocol_index(connection->protocol)].checked_at},
    };
    diag_find(namespace->diag, connection, see_socket, &looking);
    return looking.found;
}

static void dump_protocol(struct visibility *visibility, struct network_namespace *namespace,
                          uint8_t protocol) {
    int64_t *checked_at = &namespace->protocols[protocol_index(protocol)].checked_at;
    struct looking looking = {
        .visibility = visibility,
        .namespace = namespace,
        .look = {.before = clock_steady(), .checked_at = *checked_at},
    };
    if (diag_dump(namespace->diag, protocol, see_socket, &looking) < 0)
        return;
    sockets_checked(&visibility->sockets, namespace->number, protocol, looking.look.before, clock_steady());
    *checked_at = looking.look.before;
}

/* Where nothing was destroyed and the kernel counts as many sockets as before, nothing has changed: the counters cost a
 * hundredth of a look at thousands of sockets. A socket that ended and one that began at the same time could hide
 * from them, so now and then all are looked at anyway; and that is enough where no flows are seen. */
static void look_at_namespace(struct visibility *visibility, struct network_namespace *namespace) {
    static const uint8_t protocols[2] = {IPPROTO_TCP, IPPROTO_UDP};
    int64_t now = clock_steady();
    uint64_t counts[2];
    bool active = now - namespace->asked_at < ACTIVE_MICROSECONDS;
    bool counted = active && namespace_count(namespace, counts);
    for (int i = 0; i < 2; i++) {
        struct protocol_look *state = &namespace->protocols[i];
        bool changed = active && (!counted || counts[i] != state->counted || state->disturbed);
        if (!changed && now - state->looked_at < FULL_LOOK_MICROSECONDS) {
            state->checked_at = active ? now : state->checked_at;
            continue;
        }
        state->counted = counted ? counts[i] : 0;
        state->disturbed = false;
        state->looked_at = now;
        dump_protocol(visibility, namespace, protocols[i]);
    }
}

static void see_destroyed(const struct socket_report *report, void *context) {
    struct looking *looking = context;
    looking->namespace->protocols[protocol_index(report->connection.protocol)].disturbed = true;
    if (report->connection.local.port == 0)
        return;
    if (!sockets_destroyed(&looking->visibility->sockets, looking->namespace->number, report,
                           looking->look.after))
        looking->namespace->complete_since = looking->look.after;
}

void look_at_events(struct visibility *visibility) {
    for (struct network_namespace *at = visibility->namespaces.first; at != NULL; at = at->next) {
        struct looking looking = {.visibility = visibility, .namespace = at, .look.after = clock_steady()};
        if (diag_drain(at->events, see_destroyed, &looking) < 0) {
            at->complete_since = looking.look.after;
            at->protocols[0].disturbed = at->protocols[1].disturbed = true;
        }
    }
}

static void forget_namespace(const struct network_namespace *namespace, void *context) {
    struct visibility *visibility = context;
    sockets_checked(&visibility->sockets, namespace->number, 0, NEVER, clock_steady());
}

static void place_process(int32_t pid, const struct network_namespace *namespace, void *context) {
    struct visibility *visibility = context;
    holders_place(&visibility->holders, pid, namespace->number);
}

static void watch_new_namespaces(struct visibility *visibility) {
    for (struct network_namespace *at = visibility->namespaces.first; at != NULL; at = at->next) {
        struct epoll_event event = {.events = EPOLLIN};
        if (at->watched)
            continue;
        at->watched = epoll_ctl(visibility->epoll, EPOLL_CTL_ADD, at->events, &event) == 0;
    }
}

static bool is_placed(int32_t pid, void *context) {
    const struct visibility *visibility = context;
    return holders_is_placed(&visibility->holders, pid);
}

/* New processes bring new namespaces; that one has gone elsewhere, or a namespace is empty, is found out less often. */
static void refresh_namespaces(struct visibility *visibility) {
    bool all = is_due(&visibility->refresh_all);
    if (!all && !is_due(&visibility->refresh))
        return;
    int64_t started = clock_monotonic(), cost = thread_time(), interval = visibility->options.poll_interval;
    struct namespaces_visitor visitor = {all ? NULL : is_placed, place_process, forget_namespace, visibility};
    namespaces_refresh(&visibility->namespaces, visibility->holders.proc, clock_steady(), &visitor);
    watch_new_namespaces(visibility);
    cost = thread_time() - cost;
    if (all)
        set_next(&visibility->refresh_all, started, REFRESH_ALL_MICROSECONDS, cost, REFRESH_ALL_SHARE);
    else
        set_next(&visibility->refresh, started, interval, cost, REFRESH_SHARE);
}

static void look_keep_house(struct visibility *visibility) {
    int64_t now = clock_monotonic();
    if (is_due(&visibility->sweep)) {
        sockets_expire(&visibility->sockets, clock_steady() - KEEP_MICROSECONDS);
        visibility->sweep.next = now + SWEEP_MICROSECONDS;
    }
    if (is_due(&visibility->free_processes)) {
        processes_sweep(&visibility->processes);
        visibility->free_processes.next = now + FREE_PROCESSES_MICROSECONDS;
    }
}

bool look_at_all(struct visibility *visibility) {
    if (!is_due(&visibility->poll))
        return false;
    refresh_namespaces(visibility);
    int64_t started = clock_monotonic(), cost = thread_time();
    for (struct network_namespace *at = visibility->namespaces.first; at != NULL; at = at->next)
        look_at_namespace(visibility, at);
    look_keep_house(visibility);
    atomic_fetch_add_explicit(&visibility->counters.polls, 1, memory_order_relaxed);
    set_next(&visibility->poll, started, visibility->options.poll_interval, thread_time() - cost, POLL_SHARE);
    return true;
}

/* Sightings whose holder is looked for, by inode. */
struct wanted {
    struct visibility *visibility;
    struct sighting **items;
    size_t count, capacity;
    enum { WANT_URGENT, WANT_NEAR, WANT_ALL } scope;
    bool everywhere; /* look in all namespaces */
    uint32_t namespaces[NAMESPACES_MAX];
    size_t namespace_count;
    int64_t describing; /* what it cost to read about the processes that were found */
};

static bool has_namespace(const struct wanted *wanted, uint32_t namespace_number) {
    for (size_t i = 0; i < wanted->namespace_count; i++)
        if (wanted->namespaces[i] == namespace_number)
            return true;
    return false;
}

static void want_namespace(struct wanted *wanted, uint32_t namespace_number) {
    if (has_namespace(wanted, namespace_number))
        return;
    if (wanted->namespace_count < NAMESPACES_MAX)
        wanted->namespaces[wanted->namespace_count++] = namespace_number;
    else
        wanted->everywhere = true;
}

/* The process that holds a socket is mostly in the socket's network namespace, but need not be. */
static void want_holders(struct sighting *sighting, void *context) {
    struct wanted *wanted = context;
    if (wanted->count < wanted->capacity)
        wanted->items[wanted->count++] = sighting;
    if (wanted->scope == WANT_URGENT ? sighting_is_urgent(sighting) : sighting_is_near(sighting))
        want_namespace(wanted, sighting->namespace_number);
}

static int compare_inodes(const void *left, const void *right) {
    uint32_t a = (*(struct sighting *const *)left)->report.inode;
    uint32_t b = (*(struct sighting *const *)right)->report.inode;
    return a < b ? -1 : a > b;
}

/* The first wanted sighting with an inode that is not below. */
static size_t lower_bound(const struct wanted *wanted, uint32_t inode) {
    size_t low = 0, high = wanted->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (wanted->items[middle]->report.inode < inode)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool has_more(const struct wanted *wanted) {
    const struct sockets *sockets = &wanted->visibility->sockets;
    return (wanted->scope == WANT_URGENT ? sockets->urgent
            : wanted->scope == WANT_NEAR ? sockets->near
                                         : sockets->unresolved) > 0;
}

static struct process *describe_holder(struct wanted *wanted, int32_t pid) {
    struct visibility *visibility = wanted->visibility;
    int64_t before = thread_time();
    struct process *process = processes_find(&visibility->processes, visibility->holders.proc, pid);
    wanted->describing += thread_time() - before;
    return process;
}

static bool resolve_holder(uint32_t inode, int32_t pid, void *context) {
    struct wanted *wanted = context;
    struct visibility *visibility = wanted->visibility;
    struct process *process = NULL;
    for (size_t i = lower_bound(wanted, inode); i < wanted->count && wanted->items[i]->report.inode == inode;
         i++) {
        if (wanted->items[i]->process != NULL)
            continue;
        if (process == NULL)
            process = describe_holder(wanted, pid);
        if (process == NULL)
            break;
        sockets_resolve(&visibility->sockets, wanted->items[i], process);
        holders_remember(&visibility->holders, pid);
    }
    return has_more(wanted);
}

static bool wants_namespace(uint32_t namespace_number, void *context) {
    const struct wanted *wanted = context;
    return namespace_number == 0 || wanted->everywhere || has_namespace(wanted, namespace_number);
}

static void scan_holders(struct visibility *visibility, struct wanted *wanted) {
    struct holders_visitor visitor = {wants_namespace, resolve_holder, wanted};
    sockets_visit_unresolved(&visibility->sockets, want_holders, wanted);
    qsort(wanted->items, wanted->count, sizeof(struct sighting *), compare_inodes);
    bool complete = holders_scan(&visibility->holders, &visitor);
    for (size_t i = 0; complete && i < wanted->count; i++)
        if (wanted->items[i]->process == NULL && wants_namespace(wanted->items[i]->namespace_number, wanted))
            sockets_attempted(&visibility->sockets, wanted->items[i]);
}

/* Those that no flow waits for are found on the way, or now and then. */
void look_for_holders(struct visibility *visibility) {
    const struct sockets *sockets = &visibility->sockets;
    bool urgent = sockets->urgent > 0 && is_due(&visibility->resolve);
    bool rest = sockets->near > 0 && is_due(&visibility->resolve_rest);
    bool far = sockets->unresolved > sockets->near && is_due(&visibility->resolve_far);
    if (!urgent && !rest && !far)
        return;
    int64_t started = clock_monotonic(), cost = thread_time();
    struct wanted wanted = {
        .visibility = visibility,
        .capacity = sockets->unresolved,
        .scope = far    ? WANT_ALL
                 : rest ? WANT_NEAR
                        : WANT_URGENT,
        .everywhere = far,
    };
    wanted.items = calloc(wanted.capacity + 1, sizeof(struct sighting *));
    if (wanted.items == NULL)
        return;
    scan_holders(visibility, &wanted);
    free(wanted.items);
    /* Many processes that begin at once are no reason to look for the next ones later. */
    cost = thread_time() - cost - wanted.describing;
    set_next(&visibility->resolve, started, 0, cost, RESOLVE_SHARE);
    if (rest || far)
        set_next(&visibility->resolve_rest, started, visibility->options.poll_interval, cost,
                 RESOLVE_REST_SHARE);
    if (far)
        set_next(&visibility->resolve_far, started, RESOLVE_FAR_MICROSECONDS, cost, RESOLVE_FAR_SHARE);
}

/* Everything that is missing, in one line. */
static void warn_of_missing_rights(const struct visibility *visibility) {
    struct stat identity;
    int files = openat(visibility->holders.proc, "1/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool no_host = fstatat(visibility->holders.proc, "self/ns/pid", &identity, 0) < 0 ||
                   identity.st_ino != HOST_PID_NAMESPACE;
    bool no_trace = files < 0;
    bool no_entry = !visibility->namespaces.may_enter && (no_trace || visibility->namespaces.unopened > 0);
    if (files >= 0)
        close(files);
    if (!no_host && !no_trace && !no_entry)
        return;
    log_line(
        LOG_WARNING,
        "meter.system_visibility_mode: the fields of many processes will be null, for want of%s%s%s; grant with: "
        "setcap cap_net_raw,cap_sys_ptrace,cap_sys_admin=p PROGRAM; in a container: --pid=host (hostPID: true) and "
        "these capabilities",
        no_trace ? " SYS_PTRACE (other users' processes)" : "",
        no_entry ? " SYS_ADMIN (other network namespaces)" : "",
        no_host ? " the host's process namespace" : "");
}

int look_begin(struct visibility *visibility, struct error *error) {
    visibility->namespaces.own = -1;
    int result = holders_open(&visibility->holders);
    if (result < 0)
        return error_set(error, -result, EX_OSERR,
                         "meter.system_visibility_mode: can't read /proc: %s; mount it", strerror(-result));
    if (sockets_create(&visibility->sockets) < 0)
        return error_set(error, ENOMEM, EX_OSERR, "out of memory");
    result = namespaces_open(&visibility->namespaces, clock_steady(), error);
    if (result < 0)
        return result;
    look_at_all(visibility);
    look_for_holders(visibility);
    warn_of_missing_rights(visibility);
    return 0;
}

void look_end(struct visibility *visibility) {
    namespaces_close(&visibility->namespaces);
    sockets_destroy(&visibility->sockets);
    holders_close(&visibility->holders);
    processes_free(&visibility->processes);
}
