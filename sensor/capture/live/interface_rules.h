/* Which of a host's interfaces are captured, and the role of each: what `capture.interfaces` and `capture.roles` say. It is
 * pure: what an interface is, the caller knows (interface_table.h). The rules don't change once they are made.
 *
 * Words of `capture.interfaces`: a name, a glob (fnmatch(3)), `auto` (each interface that the default route takes), `any`
 * (all), and
 * any of these after `!`. An interface is selected if some word without `!` matches it and none with `!` does; the order is
 * of no matter. Only words with `!`: all others are selected.
 *
 * Words of `capture.roles`: ROLE:GLOB. The first that matches the name decides. Where none does:
 * - tunnel: it encapsulates (vxlan, geneve, gre, ipip, sit, wireguard, tun and their like).
 * - uplink: the default route takes it, or it is a physical device, a bond or a team. But a device whose packets come by
 *   once more on what it is a port of (bond, team, a virtual machine's fail-over) has the role host.
 * - pod: a veth whose other end is in another network namespace, a guest's tap, or a name that network plug-ins give.
 * - host: the rest, as loopback, bridges, VLANs, veths within the host. */
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* The names stand in records and in the configuration, so they don't change. */
#define INTERFACE_ROLES(X) \
    X(host)                \
    X(uplink)              \
    X(pod)                 \
    X(tunnel)

enum interface_role {
#define X(name) INTERFACE_##name,
    INTERFACE_ROLES(X)
#undef X
        INTERFACE_ROLE_COUNT,
};

/* What rtnetlink says of an interface. */
struct interface_link {
    uint32_t index;
    char name[IF_NAMESIZE];
    char kind[IF_NAMESIZE]; /* IFLA_INFO_KIND: "veth", "vxlan", ...; "" for physical devices and loopback */
    char
        port_of[IF_NAMESIZE]; /* IFLA_INFO_SLAVE_KIND: "bridge", "bond", ...; "": of none, or it isn't told */
    uint32_t master;          /* index of what it is a port of; 0: of none */
    uint32_t lower;           /* IFLA_LINK: index of the device below, or of a veth's other end; 0: none */
    uint32_t mtu;
    uint16_t hardware;     /* ARPHRD_* */
    bool lower_elsewhere;  /* `lower` counts in another network namespace */
    bool up;               /* by the administrator (IFF_UP) */
    bool is_default_route; /* the default route of IPv4 or IPv6 with the lowest metric takes it */
};

struct interface {
    struct interface_link link;
    enum interface_role role;
};

struct interface_rules;

/* The words are copied. On failure *rules is unchanged. EX_CONFIG: no word, or one that can't match: the text says which.
 * @thread any: nothing is shared */
int interface_rules_create(const char *const *interfaces, size_t interface_count, const char *const *roles,
                           size_t role_count, struct interface_rules **rules, struct error *error);
/* NULL is fine.
 * @thread any, after those that use it have ended */
void interface_rules_destroy(struct interface_rules *rules);

/* @thread any: nothing changes */
bool interface_rules_select(const struct interface_rules *rules, const struct interface_link *link);
/* Whether a word is its name, or `auto` and it has the default route: who names an interface wants all that it can see.
 * @thread any: nothing changes */
bool interface_rules_name(const struct interface_rules *rules, const struct interface_link *link);
/* @thread any: nothing changes */
enum interface_role interface_rules_role(const struct interface_rules *rules,
                                         const struct interface_link *link);

/* "uplink"
 * @thread any: nothing is shared */
const char *interface_role_name(enum interface_role role);
