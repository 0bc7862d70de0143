#include "meter/process/diag.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "meter/process/netlink.h"

enum {
    LIVE_TCP = 1 << TCP_ESTABLISHED | 1 << TCP_SYN_SENT | 1 << TCP_FIN_WAIT1 | 1 << TCP_FIN_WAIT2 |
               1 << TCP_CLOSE_WAIT | 1 << TCP_LAST_ACK | 1 << TCP_CLOSING,
    ALL_STATES = 0xfff,
};

struct visitor {
    diag_visit *visit;
    void *context;
    uint8_t protocol;
};

struct diag_request {
    struct nlmsghdr header;
    struct inet_diag_req_v2 body;
};

int diag_open(void) {
    return netlink_open(NETLINK_SOCK_DIAG, 0);
}

int diag_open_events(void) {
    return netlink_open(NETLINK_SOCK_DIAG,
                        1u << (SKNLGRP_INET_TCP_DESTROY - 1) | 1u << (SKNLGRP_INET_UDP_DESTROY - 1) |
                            1u << (SKNLGRP_INET6_TCP_DESTROY - 1) | 1u << (SKNLGRP_INET6_UDP_DESTROY - 1));
}

static bool is_mapped(const void *address) {
    static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};
    return memcmp(address, prefix, sizeof(prefix)) == 0;
}

/* An end of an IPv6 socket that speaks IPv4 is an IPv4 end. */
static void read_endpoint(struct endpoint *endpoint, const void *address, uint16_t port, uint8_t ip_version,
                          bool mapped) {
    memset(endpoint, 0, sizeof(*endpoint));
    endpoint->port = ntohs(port);
    if (ip_version == 6)
        memcpy(endpoint->address, address, 16);
    else if (!mapped)
        memcpy(endpoint->address, address, 4);
    else if (is_mapped(address))
        memcpy(endpoint->address, (const uint8_t *)address + 12, 4);
}

static uint8_t diag_attribute(const struct nlmsghdr *message, const struct inet_diag_msg *body, uint16_t type,
                              uint8_t otherwise) {
    const unsigned char *at = (const unsigned char *)(body + 1);
    const unsigned char *end = (const unsigned char *)message + message->nlmsg_len;
    while ((size_t)(end - at) >= sizeof(struct nlattr)) {
        const struct nlattr *found = (const struct nlattr *)at;
        if (found->nla_len < sizeof(*found) || found->nla_len > end - at)
            break;
        if ((found->nla_type & NLA_TYPE_MASK) == type && found->nla_len > sizeof(*found))
            return at[sizeof(*found)];
        size_t step = NLMSG_ALIGN(found->nla_len);
        if (step > (size_t)(end - at))
            break;
        at += step;
    }
    return otherwise;
}

static void diag_read_message(const struct nlmsghdr *message, uint8_t protocol, struct visitor *visitor) {
    const struct inet_diag_msg *body = NLMSG_DATA(message);
    if (message->nlmsg_len < NLMSG_LENGTH(sizeof(*body)) ||
        (body->idiag_family != AF_INET && body->idiag_family != AF_INET6))
        return;
    const struct inet_diag_sockid *id = &body->id;
    bool mapped = body->idiag_family == AF_INET6 && (is_mapped(id->idiag_src) || is_mapped(id->idiag_dst));
    uint8_t ip_version = body->idiag_family == AF_INET6 && !mapped ? 6 : 4;
    struct socket_report report = {
        .connection = {.protocol = protocol, .ip_version = ip_version},
        .inode = body->idiag_inode,
        .cookie = (uint64_t)id->idiag_cookie[1] << 32 | id->idiag_cookie[0],
        .state = body->idiag_state,
    };
    struct connection *connection = &report.connection;
    read_endpoint(&connection->local, id->idiag_src, id->idiag_sport, ip_version, mapped);
    read_endpoint(&connection->remote, id->idiag_dst, id->idiag_dport, ip_version, mapped);
    report.dual_stack = ip_version == 6 && address_is_zero(connection->local.address) &&
                        address_is_zero(connection->remote.address) &&
                        diag_attribute(message, body, INET_DIAG_SKV6ONLY, 0) == 0;
    visitor->visit(&report, visitor->context);
}

static void visit_answer(const struct nlmsghdr *message, void *context) {
    struct visitor *visitor = context;
    if (message->nlmsg_type == SOCK_DIAG_BY_FAMILY || message->nlmsg_type == TCPDIAG_GETSOCK)
        diag_read_message(message, visitor->protocol, visitor);
}

static int dump_family(int descriptor, uint8_t family, struct visitor *visitor) {
    struct diag_request request = {
        .header = {.nlmsg_len = sizeof(request),
                   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
        .body = {.sdiag_family = family, .sdiag_protocol = visitor->protocol, .idiag_states = ALL_STATES},
    };
    return netlink_request(descriptor, &request.header, visit_answer, visitor);
}

/* The older form of the request gives both families in one walk over the kernel's table, which is the larger part of
 * the cost where there are few sockets. */
static int dump_tcp(int descriptor, struct visitor *visitor) {
    struct {
        struct nlmsghdr header;
        struct inet_diag_req body;
    } request = {
        .header = {.nlmsg_len = sizeof(request),
                   .nlmsg_type = TCPDIAG_GETSOCK,
                   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
        .body = {.idiag_family = AF_INET, .idiag_states = LIVE_TCP},
    };
    return netlink_request(descriptor, &request.header, visit_answer, visitor);
}

int diag_dump(int descriptor, uint8_t protocol, diag_visit *visit, void *context) {
    struct visitor visitor = {visit, context, protocol};
    if (protocol == IPPROTO_TCP)
        return dump_tcp(descriptor, &visitor);
    int result = dump_family(descriptor, AF_INET, &visitor);
    /* A kernel without IPv6 has none of its sockets. */
    int other = dump_family(descriptor, AF_INET6, &visitor);
    return result < 0 ? result : other == -ENOENT ? 0 : other;
}

static void diag_find_one(int descriptor, const struct connection *connection, uint8_t family, bool swapped,
                          struct visitor *visitor) {
    const struct endpoint *source = swapped ? &connection->remote : &connection->local;
    const struct endpoint *destination = swapped ? &connection->local : &connection->remote;
    struct diag_request request = {
        .header = {.nlmsg_len = sizeof(request),
                   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                   .nlmsg_flags = NLM_F_REQUEST},
        .body = {.sdiag_family = family,
                 .sdiag_protocol = connection->protocol,
                 .idiag_states = ALL_STATES,
                 .id = {.idiag_sport = htons(source->port),
                        .idiag_dport = htons(destination->port),
                        .idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}}},
    };
    memcpy(request.body.id.idiag_src, source->address, sizeof(source->address));
    memcpy(request.body.id.idiag_dst, destination->address, sizeof(destination->address));
    netlink_request(descriptor, &request.header, visit_answer, visitor);
}

/* For UDP the kernel looks for the socket that would receive from source to destination. IPv6 sockets that speak IPv4
 * are found by the IPv4 request. */
void diag_find(int descriptor, const struct connection *connection, diag_visit *visit, void *context) {
    struct visitor visitor = {visit, context, connection->protocol};
    uint8_t family = connection->ip_version == 6 ? AF_INET6 : AF_INET;
    diag_find_one(descriptor, connection, family, connection->protocol == IPPROTO_UDP, &visitor);
}

static void visit_destroyed(const struct nlmsghdr *message, void *context) {
    const struct inet_diag_msg *body = NLMSG_DATA(message);
    if (message->nlmsg_type != SOCK_DIAG_BY_FAMILY || message->nlmsg_len < NLMSG_LENGTH(sizeof(*body)))
        return;
    /* Which of the groups it was sent to is not said, but the protocol is an attribute. */
    diag_read_message(message, diag_attribute(message, body, INET_DIAG_PROTOCOL, 0), context);
}

int diag_drain(int descriptor, diag_visit *visit, void *context) {
    struct visitor visitor = {visit, context, 0};
    return netlink_drain(descriptor, visit_destroyed, &visitor);
}
