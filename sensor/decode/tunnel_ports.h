/* Which UDP ports are looked into, and for which tunnel. Plain data without pointers: it may be copied, and any thread
 * may read it. Each port has one tunnel at most. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum {
    TUNNEL_PORTS_MAX = 64,
    TUNNEL_PORTS_TEXT_SIZE = 1024, /* all that tunnel_ports_format() can write */
};

struct tunnel_ports {
    uint64_t bits[1024]; /* asked of each UDP packet: one bit a port */
    struct {
        uint16_t port;
        uint8_t row; /* of tunnel_rows */
    } list[TUNNEL_PORTS_MAX];
    size_t count;
};

/* Each item "NAME=PORT,PORT" (a row of tunnel/tunnels.def over UDP) replaces that tunnel's usual ports; "NAME=" leaves
 * it no ports. Tunnels that are not named keep theirs. An item of ports only belongs to the name before it, so that a
 * list may be split at all its commas. EX_CONFIG with one line about the items, without the option's name. */
int tunnel_ports_set(struct tunnel_ports *ports, const char *const *items, size_t count, struct error *error);

/* All ports as one line, "gtp_u=2152 vxlan=4789,8472 ...", in the order of the table: equal text, equal meaning. */
void tunnel_ports_format(const struct tunnel_ports *ports, char text[TUNNEL_PORTS_TEXT_SIZE]);

static inline bool tunnel_ports_have(const struct tunnel_ports *ports, uint16_t port) {
    return (ports->bits[port / 64] >> (port % 64) & 1) != 0;
}

/* The row of tunnel_rows that has this port, or TUNNEL_ROWS. */
size_t tunnel_ports_row(const struct tunnel_ports *ports, uint16_t port);
