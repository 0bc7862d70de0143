/* The socket to rtnetlink by which interface_table.c follows interfaces: it never blocks, and asks for dumps that come in
 * between the kernel's own messages. The caller's thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum interface_dump { INTERFACE_DUMP_LINKS, INTERFACE_DUMP_ROUTES_4, INTERFACE_DUMP_ROUTES_6 };

struct interface_socket {
    int descriptor;
    uint32_t port;     /* the kernel's name of it, which answers bear */
    uint32_t sequence; /* of the last request */
};

/* In the calling thread's network namespace. 0 or -errno. */
int interface_socket_open(struct interface_socket *socket);
void interface_socket_close(struct interface_socket *socket);

/* Asks for a dump. 0 or -errno: -EAGAIN, -EBUSY and -ENOBUFS are worth another attempt later. */
int interface_socket_ask(struct interface_socket *socket, enum interface_dump dump);

/* One datagram of messages: its length. 0: none waits. -EPERM: it was not the kernel's, or larger than `size`; -ENOBUFS:
 * the kernel lost messages; others: the socket failed. */
ssize_t interface_socket_read(struct interface_socket *socket, uint8_t *bytes, size_t size);
