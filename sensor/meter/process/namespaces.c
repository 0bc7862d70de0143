#include "meter/process/namespaces.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "meter/process/diag.h"
#include "meter/process/endpoint.h"
#include "meter/process/netlink.h"

enum { PATH_SIZE = 64, COUNTERS_SIZE = 512 };

static void close_descriptor(int descriptor) {
    if (descriptor >= 0)
        close(descriptor);
}

static void free_namespace(struct network_namespace *namespace) {
    close_descriptor(namespace->diag);
    close_descriptor(namespace->events);
    close_descriptor(namespace->route);
    close_descriptor(namespace->route_events);
    close_descriptor(namespace->counters[0]);
    close_descriptor(namespace->counters[1]);
    addresses_free(&namespace->addresses);
    free(namespace);
}

/* In the namespace that the thread is in. The events come first: what is destroyed from then on is heard of. */
static int open_sockets(struct network_namespace *namespace) {
    namespace->events = diag_open_events();
    namespace->diag = diag_open();
    namespace->route_events = addresses_open_events();
    namespace->route = netlink_open(NETLINK_ROUTE, 0);
    namespace->counters[0] = open("/proc/thread-self/net/sockstat", O_RDONLY | O_CLOEXEC);
    namespace->counters[1] = open("/proc/thread-self/net/sockstat6", O_RDONLY | O_CLOEXEC);
    if (namespace->events < 0)
        return namespace->events;
    if (namespace->diag < 0)
        return namespace->diag;
    if (namespace->route_events < 0)
        return namespace->route_events;
    return namespace->route < 0 ? namespace->route : addresses_read(namespace->route, &namespace->addresses);
}

/* Makes the record of the namespace that the thread is in. */
static int add_current(struct namespaces *namespaces, const struct stat *identity, int64_t now) {
    struct network_namespace *new = calloc(1, sizeof(*new));
    if (new == NULL)
        return -ENOMEM;
    int result = open_sockets(new);
    if (result < 0) {
        free_namespace(new);
        return result;
    }
    new->number = ++namespaces->next_number;
    new->device = identity->st_dev;
    new->inode = identity->st_ino;
    new->present = true;
    new->complete_since = now;
    new->next = namespaces->first;
    namespaces->first = new;
    namespaces->count++;
    return 0;
}

int namespaces_open(struct namespaces *namespaces, int64_t now, struct error *error) {
    struct stat identity;
    *namespaces = (struct namespaces){.own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)};
    if (namespaces->own < 0 || fstat(namespaces->own, &identity) < 0)
        return error_set(error, errno, EX_OSERR,
                         "meter.system_visibility_mode: can't read /proc/thread-self/ns/net: %s; mount /proc",
                         strerror(errno));
    int result = add_current(namespaces, &identity, now);
    if (result < 0)
        return error_set(
            error, -result, EX_OSERR,
            "meter.system_visibility_mode: the kernel doesn't list its sockets (sock_diag): %s; load the modules "
            "inet_diag, tcp_diag and udp_diag",
            strerror(-result));
    namespaces->first->own = true;
    namespaces->may_enter = setns(namespaces->own, CLONE_NEWNET) == 0;
    return 0;
}

void namespaces_close(struct namespaces *namespaces) {
    struct network_namespace *next;
    for (struct network_namespace *at = namespaces->first; at != NULL; at = next) {
        next = at->next;
        free_namespace(at);
    }
    close_descriptor(namespaces->own);
    *namespaces = (struct namespaces){.own = -1};
}

static struct network_namespace *find_identity(const struct namespaces *namespaces,
                                               const struct stat *identity) {
    for (struct network_namespace *at = namespaces->first; at != NULL; at = at->next)
        if (at->inode == identity->st_ino && at->device == identity->st_dev)
            return at;
    return NULL;
}

static int enter_and_add(struct namespaces *namespaces, int proc, const char *path, int64_t now) {
    struct stat identity;
    int descriptor = openat(proc, path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return -errno;
    int result = fstat(descriptor, &identity) < 0 || setns(descriptor, CLONE_NEWNET) < 0 ? -errno : 0;
    close(descriptor);
    if (result < 0)
        return result;
    /* The process may have gone elsewhere since it was looked at. */
    if (find_identity(namespaces, &identity) == NULL)
        result = add_current(namespaces, &identity, now);
    if (setns(namespaces->own, CLONE_NEWNET) < 0)
        abort(); /* everything after would be asked in the wrong namespace */
    return result;
}

static void look_at_process(struct namespaces *namespaces, int proc, int32_t pid, int64_t now,
                            const struct namespaces_visitor *visitor) {
    char path[PATH_SIZE];
    struct stat identity;
    snprintf(path, sizeof(path), "%d/ns/net", (int)pid);
    if (fstatat(proc, path, &identity, 0) < 0)
        return;
    struct network_namespace *known = find_identity(namespaces, &identity);
    if (known == NULL && namespaces->may_enter && enter_and_add(namespaces, proc, path, now) == 0)
        known = find_identity(namespaces, &identity);
    if (known == NULL) {
        namespaces->unopened++;
        return;
    }
    known->present = true;
    visitor->placed(pid, known, visitor->context);
}

static void close_absent(struct namespaces *namespaces, const struct namespaces_visitor *visitor) {
    struct network_namespace **link = &namespaces->first;
    while (*link != NULL) {
        struct network_namespace *at = *link;
        if (at->present || at->own) {
            link = &at->next;
            continue;
        }
        *link = at->next;
        namespaces->count--;
        visitor->closed(at, visitor->context);
        free_namespace(at);
    }
}

void namespaces_refresh(struct namespaces *namespaces, int proc, int64_t now,
                        const struct namespaces_visitor *visitor) {
    int again = openat(proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = again >= 0 ? fdopendir(again) : NULL;
    if (directory == NULL) {
        close_descriptor(again);
        return;
    }
    bool all = visitor->skips == NULL;
    for (struct network_namespace *at = namespaces->first; all && at != NULL; at = at->next)
        at->present = false;
    if (all)
        namespaces->unopened = 0;
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        int32_t pid = (int32_t)strtol(entry->d_name, NULL, 10);
        if (pid > 0 && (all || !visitor->skips(pid, visitor->context)))
            look_at_process(namespaces, proc, pid, now, visitor);
    }
    closedir(directory);
    if (all)
        close_absent(namespaces, visitor);
    for (struct network_namespace *at = namespaces->first; at != NULL; at = at->next)
        if (addresses_changed(at->route_events))
            addresses_read(at->route, &at->addresses);
}

struct network_namespace *namespaces_find(const struct namespaces *namespaces, uint32_t number) {
    for (struct network_namespace *at = namespaces->first; at != NULL; at = at->next)
        if (at->number == number)
            return at;
    return NULL;
}

/* Adds what a file like /proc/net/sockstat says ("TCP: inuse 4 ..."); the rest of it is of the whole host. */
static bool add_counts(int descriptor, const char *const labels[2], uint64_t counts[2]) {
    char text[COUNTERS_SIZE];
    ssize_t length = descriptor >= 0 ? pread(descriptor, text, sizeof(text) - 1, 0) : 0;
    if (length <= 0)
        return false;
    text[length] = '\0';
    for (int i = 0; i < 2; i++) {
        const char *line = strstr(text, labels[i]);
        counts[i] += line != NULL ? strtoull(line + strlen(labels[i]), NULL, 10) : 0;
    }
    return true;
}

bool namespace_count(const struct network_namespace *namespace, uint64_t counts[2]) {
    static const char *const labels[2] = {"TCP: inuse ", "UDP: inuse "}, *const labels6[2] = {"TCP6: inuse ",
                                                                                              "UDP6: inuse "};
    counts[0] = counts[1] = 0;
    add_counts(namespace->counters[1], labels6, counts); /* a kernel without IPv6 has none */
    return add_counts(namespace->counters[0], labels, counts);
}

static bool is_host_mac(const struct namespaces *namespaces, const uint8_t *mac) {
    for (const struct network_namespace *at = namespaces->first; at != NULL; at = at->next)
        if (addresses_have_mac(&at->addresses, mac))
            return true;
    return false;
}

static struct network_namespace *own_namespace(const struct namespaces *namespaces) {
    struct network_namespace *at = namespaces->first;
    while (!at->own)
        at = at->next;
    return at;
}

enum location namespaces_locate(const struct namespaces *namespaces, const uint8_t address[16],
                                uint8_t ip_version, const uint8_t *mac, struct network_namespace **found) {
    static const uint8_t zero[6];
    struct network_namespace *owner = NULL, *with_mac = NULL;
    int owners = 0, with_macs = 0;
    *found = own_namespace(namespaces);
    if (address_is_loopback(address, ip_version))
        return LOCATION_FOUND;
    if (mac != NULL && memcmp(mac, zero, sizeof(zero)) == 0)
        return addresses_have(&(*found)->addresses, address, ip_version) ? LOCATION_FOUND : LOCATION_FOREIGN;
    for (struct network_namespace *at = namespaces->first; at != NULL; at = at->next) {
        if (!addresses_have(&at->addresses, address, ip_version))
            continue;
        owner = at;
        owners++;
        if (mac == NULL || !addresses_have_mac(&at->addresses, mac))
            continue;
        with_mac = at;
        with_macs++;
    }
    *found = with_macs == 1 ? with_mac : owner;
    if (owners == 0 || (owners == 1 && mac != NULL && with_macs == 0 && !is_host_mac(namespaces, mac)))
        return LOCATION_FOREIGN;
    return owners == 1 || with_macs == 1 ? LOCATION_FOUND : LOCATION_AMBIGUOUS;
}
