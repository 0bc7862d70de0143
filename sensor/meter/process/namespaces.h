/* The network namespaces of the host, each with its netlink sockets. Only the service's thread uses these: it enters
 * namespaces, and is back in its own after each call. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "meter/process/addresses.h"

/* Looks at the sockets of a namespace, of one protocol. Times are microseconds of the steady clock. */
struct protocol_look {
    int64_t checked_at; /* begin of the last look at all sockets; 0: none */
    int64_t looked_at;  /* begin of the last one that asked for all of them; 0: none */
    uint64_t counted;   /* what the counters said then */
    bool disturbed;     /* sockets were destroyed since */
};

struct network_namespace {
    uint32_t number; /* of this opening: never used again */
    uint64_t device, inode;
    bool own;                /* the one that the sensor captures in */
    bool present;            /* found by the last look */
    int diag, events;        /* diag_open(), diag_open_events() */
    int route, route_events; /* for addresses */
    int counters[2];         /* /proc/net/sockstat and sockstat6; -1: not there */
    struct address_list addresses;
    int64_t complete_since; /* from here on no socket's end was missed; microseconds of the steady clock */
    struct protocol_look protocols[2]; /* TCP, UDP */
    int64_t asked_at;                  /* when a flow was last looked for in it; 0: never */
    bool watched;                      /* the events wake the thread */
    struct network_namespace *next;
};

struct namespaces {
    struct network_namespace *first;
    size_t count;
    int own; /* descriptor of the namespace that the thread lives in */
    uint32_t next_number;
    bool may_enter;  /* the thread may enter namespaces (SYS_ADMIN) */
    size_t unopened; /* of the last look: present, but without sockets of ours */
};

/* Opens the thread's own namespace. 0 or -errno with the error set. */
int namespaces_open(struct namespaces *namespaces, int64_t now, struct error *error);
void namespaces_close(struct namespaces *namespaces);

/* What a look at all processes finds. */
struct namespaces_visitor {
    /* Whether the process need not be looked at; NULL: all are, and only then namespaces are closed. */
    bool (*skips)(int32_t pid, void *context);
    /* The process is in the namespace. */
    void (*placed)(int32_t pid, const struct network_namespace *namespace, void *context);
    /* No process is in the namespace any more; it is about to be closed. */
    void (*closed)(const struct network_namespace *namespace, void *context);
    void *context;
};

/* Looks at all processes below `proc` (a descriptor of /proc): opens new namespaces, closes those that no process is in
 * any more, since an open socket would keep them alive. */
void namespaces_refresh(struct namespaces *namespaces, int proc, int64_t now,
                        const struct namespaces_visitor *visitor);

struct network_namespace *namespaces_find(const struct namespaces *namespaces, uint32_t number);

/* How many sockets of each protocol the kernel counts in the namespace; false: it does not say. */
bool namespace_count(const struct network_namespace *namespace, uint64_t counts[2]);

/* Index of TCP and UDP in the namespace's arrays. */
static inline int protocol_index(uint8_t protocol) {
    return protocol == IPPROTO_UDP;
}

enum location { LOCATION_FOREIGN, LOCATION_AMBIGUOUS, LOCATION_FOUND };

/* Finds the namespace that has the address. `mac` is what the frame carries for that end, NULL where the link has none.
 * If several namespaces have the address, the one that also has the MAC address counts. If only one has it, the MAC
 * address must still be of this host; otherwise the packet is another host's. A loopback address is the own namespace's,
 * and so is an address on a loopback link without MAC addresses. */
enum location namespaces_locate(const struct namespaces *namespaces, const uint8_t address[16],
                                uint8_t ip_version, const uint8_t *mac, struct network_namespace **found);
