/* The local ends of the TCP connections that this process makes itself, so that its own traffic can be told from all other.
 *
 * A socket is bound before it connects, to a port that nobody else can have while the socket is there; so the local
 * address and port say whose packet it is, whatever the host's address translation makes of the other end. Closing only
 * shuts the connection down: the descriptor, and with it the port, is held a while longer, since the last packets come
 * later. One table for the process: a seqlock for each entry. Writers hold a mutex; own_socket_has() takes no lock, allocates
 * nothing and retries nothing. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* Whether the sockets of this process are to be known; to be called before the first connection. If not, the other
 * functions only connect and close.
 * @thread main, before others are started */
void own_sockets_enable(bool enabled);
/* @thread any */
bool own_sockets_enabled(void);

/* Enters a TCP socket that is about to connect to `peer`. What can't be entered (no port, no room for it) connects all
 * the same; the first time it is logged.
 * @thread any, takes the mutex */
void own_socket_prepare(int descriptor, const struct sockaddr *peer, socklen_t length);
/* Prepares and connects. 0, also while a socket that doesn't block is still connecting, or an errno.
 * @thread any, takes the mutex */
int own_socket_connect(int descriptor, const struct sockaddr *peer, socklen_t length);
/* Instead of close(). 0 or -1 with errno, as close().
 * @thread any, takes the mutex */
int own_socket_close(int descriptor);

/* Shuts down connections of which the peer's kernel answers nothing, so that their owner makes new ones: those that are not made
 * after 3 s, and those whose data was sent five times. The kernel would ask less and less often whether the peer is back, in the end
 * twice a minute. A peer that is slow, or whose program stands still, answers.
 * @thread any, takes the mutex */
void own_sockets_cut_unanswered(void);

/* Closes what is still held; at the end of a run, when no such connection is left.
 * @thread any, takes the mutex */
void own_sockets_release(void);

/* For the packet path: whether some own socket has this port (host byte order).
 * @thread read, meter; one relaxed load */
extern _Atomic uint64_t own_socket_ports[1024];
static inline bool own_socket_has_port(uint16_t port) {
    return (atomic_load_explicit(&own_socket_ports[port / 64], memory_order_relaxed) >> (port % 64) & 1) != 0;
}

/* Whether an own socket has this address and port. IPv4 addresses in the first 4 bytes, the rest is 0. An entry that is
 * being changed is not found.
 * @thread read, meter; no lock */
bool own_socket_has(uint8_t ip_version, const uint8_t address[16], uint16_t port);
