/* The few calls to netlink that the look-up of processes makes. They block. Only the service's thread
 * uses them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/netlink.h>

/* A socket in the calling thread's network namespace, bound to the multicast `groups` (bit set); such a one doesn't
 * block. The descriptor or -errno. */
int netlink_open(int protocol, uint32_t groups);

/* Called for each message of an answer. */
typedef void netlink_visit(const struct nlmsghdr *message, void *context);

/* Sends a request and visits the messages of its answer: of a dump all, else the one. 0, or -errno: of the call, or the
 * one that the kernel answers. -EINTR: the dump is not consistent; what was visited is still true. */
int netlink_request(int descriptor, struct nlmsghdr *request, netlink_visit *visit, void *context);

/* Visits what the groups of the socket have sent, without waiting. 0; -ENOBUFS: messages were lost. */
int netlink_drain(int descriptor, netlink_visit *visit, void *context);
