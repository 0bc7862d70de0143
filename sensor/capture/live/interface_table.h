/* The interfaces of this network namespace, followed by rtnetlink: what is there, what appears, vanishes, goes up or down,
 * and which the default route takes. It needs no capability. A table belongs to one thread, its owner; there is no lock.
 *
 * Interfaces are told apart by index and name: another index under the same name, and another name for the same index, are
 * told as vanished and appeared. So is an index that was given away and taken again between two calls.
 *
 * The owner calls interface_table_poll() when the descriptor is readable, and after interface_table_wait() at the latest.
 * A call never blocks and reads a bounded amount. What came and went between two calls isn't told. Where the kernel lost
 * messages, or is in the middle of a change, all is asked again, at most five times a second. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "capture/live/interface_rules.h"

enum interface_change {
    INTERFACE_APPEARED, /* it is there and selected: link.up says whether it can be captured from */
    INTERFACE_VANISHED, /* it is gone, or not selected any more: told with what was last known of it */
    INTERFACE_UP,       /* `up` and whatever else has changed */
    INTERFACE_DOWN,     /* the same */
    INTERFACE_CHANGED,  /* role, MTU, default route or what it is a port of has changed */
};

/* `interface` is borrowed during the call, which may not call the table. */
typedef void interface_visit(enum interface_change change, const struct interface *interface, void *context);

struct interface_table_statistics {
    uint64_t messages; /* from the kernel, that were looked at */
    uint64_t dumps;    /* how often all links, or all routes, were asked for */
    uint64_t overruns; /* how often the kernel lost messages, since they were read too late */
    uint64_t refused;  /* messages that are not the kernel's, or malformed */
    uint64_t left_out; /* links that the table had no room for: it takes 16,384 */
};

struct interface_table;

/* Opens, and waits for the kernel's first answer: a few milliseconds. `rules` is borrowed; NULL: nothing is
 * selected. On failure *table is unchanged.
 * EX_OSERR: no netlink socket, no memory, or no answer.
 * @thread any: it becomes the owner */
int interface_table_open(const struct interface_rules *rules, struct interface_table **table,
                         struct error *error);
/* NULL is fine.
 * @thread the owner */
void interface_table_close(struct interface_table *table);

/* To poll(2) for POLLIN.
 * @thread the owner */
int interface_table_descriptor(const struct interface_table *table);
/* After so many milliseconds interface_table_poll() is due, readable or not; -1: only when it is readable.
 * @thread the owner */
int interface_table_wait(const struct interface_table *table);

/* Tells what has changed since the last call, first of all what vanished; the first call tells all selected interfaces as
 * appeared. The number of changes told, or -errno: the socket failed, and nothing is followed any more.
 * @thread the owner */
int interface_table_poll(struct interface_table *table, interface_visit *visit, void *context);

/* As it was told last; NULL: it is not there or not selected.
 * @thread the owner; valid until the next poll */
const struct interface *interface_table_find(const struct interface_table *table, uint32_t index);

/* @thread the owner */
void interface_table_statistics(const struct interface_table *table,
                                struct interface_table_statistics *statistics);
