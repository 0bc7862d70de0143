/* What rtnetlink's messages say, as far as interface_table.h needs it. Pure: no byte of them is trusted, none behind their
 * end is read. The caller's thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "capture/live/interface_rules.h"

enum interface_message_type {
    INTERFACE_MESSAGE_OTHER, /* nothing that matters here */
    INTERFACE_MESSAGE_LINK,
    INTERFACE_MESSAGE_LINK_GONE, /* of `link` the index */
    INTERFACE_MESSAGE_ROUTE,     /* a usable default route of the main table */
    INTERFACE_MESSAGE_ROUTE_GONE, /* perhaps one: some default route is gone or not usable, or an IPv4 address is gone,
                                       with which the kernel takes routes away and says nothing */
    INTERFACE_MESSAGE_DONE,    /* the end of a dump */
    INTERFACE_MESSAGE_REFUSED, /* the kernel refuses the request for a dump */
};

/* More ways of one route aren't kept. */
enum { INTERFACE_WAYS_MAX = 16 };

struct interface_route {
    bool is_ipv6;
    uint32_t metric;
    uint32_t way_count;
    uint32_t ways[INTERFACE_WAYS_MAX]; /* indices of interfaces */
};

struct interface_message {
    enum interface_message_type type;
    uint32_t port, sequence;    /* of the request that it answers, or whose effect it tells */
    bool inconsistent;          /* the dump was disturbed by a change */
    struct interface_link link; /* without is_default_route */
    struct interface_route route;
};

/* Parses the first message of `bytes`. What it takes of them; 0: it is malformed, and so is the rest. */
size_t interface_message_parse(const uint8_t *bytes, size_t length, struct interface_message *message);
