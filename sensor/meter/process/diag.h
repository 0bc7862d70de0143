/* What the kernel says of the sockets of one network namespace (sock_diag(7)). Only the service's thread
 * uses these. */
#pragma once

#include <stdint.h>

#include "meter/process/endpoint.h"

/* A socket as the kernel reports it. */
struct socket_report {
    struct connection connection;
    bool dual_stack; /* an IPv6 wildcard that takes IPv4 too */
    uint32_t inode;  /* 0: no process holds it (closed, or not accepted yet) */
    uint64_t cookie; /* the kernel's name for the socket, never used again */
    uint8_t state;   /* TCP_ESTABLISHED ... */
};

typedef void diag_visit(const struct socket_report *report, void *context);

/* A socket for requests, or one that hears of sockets that are destroyed, in the calling thread's namespace; the
 * descriptor or -errno. */
int diag_open(void);
int diag_open_events(void);

/* Visits all sockets of the protocol that can send or receive: TCP but for listeners and those that wait out their
 * time. 0 or -errno. */
int diag_dump(int descriptor, uint8_t protocol, diag_visit *visit, void *context);

/* Visits the sockets that the kernel itself would choose for this connection, which may be a listener. */
void diag_find(int descriptor, const struct connection *connection, diag_visit *visit, void *context);

/* Visits the sockets that were destroyed since the last call. -ENOBUFS: some are missing. */
int diag_drain(int descriptor, diag_visit *visit, void *context);
