#include "capture/live/interface_message.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

/* What is left of a message or of an attribute. */
struct span {
    const uint8_t *bytes;
    size_t length;
};

/* Attributes, ways and what is behind a header begin at the next multiple of 4. */
static void skip(struct span *span, size_t size) {
    size_t padded = NLMSG_ALIGN(size);
    if (padded > span->length)
        padded = span->length;
    span->bytes += padded;
    span->length -= padded;
}

static bool take(struct span *span, void *to, size_t size) {
    if (span->length < size)
        return false;
    memcpy(to, span->bytes, size);
    skip(span, size);
    return true;
}

/* The next attribute; false: none, or it is cut, and what follows can't be read. */
static bool next_attribute(struct span *rest, unsigned *type, struct span *value) {
    struct rtattr header;
    if (rest->length < sizeof header)
        return false;
    memcpy(&header, rest->bytes, sizeof header);
    if (header.rta_len < sizeof header || header.rta_len > rest->length)
        return false;
    *type = header.rta_type & NLA_TYPE_MASK;
    *value = (struct span){rest->bytes + sizeof header, header.rta_len - sizeof header};
    skip(rest, header.rta_len);
    return true;
}

static uint32_t number(const struct span *value) {
    uint32_t number = 0;
    if (value->length == sizeof number)
        memcpy(&number, value->bytes, sizeof number);
    return number;
}

static void text(const struct span *value, char text[IF_NAMESIZE]) {
    size_t length = strnlen((const char *)value->bytes, value->length);
    if (length >= IF_NAMESIZE)
        length = IF_NAMESIZE - 1;
    memset(text, 0, IF_NAMESIZE);
    memcpy(text, value->bytes, length);
}

static void parse_kinds(struct span rest, struct interface_link *link) {
    unsigned type;
    struct span value;
    while (next_attribute(&rest, &type, &value)) {
        if (type == IFLA_INFO_KIND)
            text(&value, link->kind);
        else if (type == IFLA_INFO_SLAVE_KIND)
            text(&value, link->port_of);
    }
}

/* False: it isn't about the link as a whole. */
static bool parse_link_attribute(unsigned type, const struct span *value, struct interface_link *link) {
    switch (type) {
    case IFLA_IFNAME: text(value, link->name); return true;
    case IFLA_MTU: link->mtu = number(value); return true;
    case IFLA_MASTER: link->master = number(value); return true;
    case IFLA_LINK: link->lower = number(value); return true;
    case IFLA_LINK_NETNSID: link->lower_elsewhere = true; return true;
    case IFLA_LINKINFO: parse_kinds(*value, link); return true;
    case IFLA_WIRELESS: return false;
    default: return true;
    }
}

/* Bridges and wireless drivers use messages of this type too: the first have a family, the second lack attributes. */
static enum interface_message_type parse_link(struct span rest, bool gone, struct interface_link *link) {
    struct ifinfomsg header;
    unsigned type;
    struct span value;
    if (!take(&rest, &header, sizeof header) || header.ifi_family != AF_UNSPEC || header.ifi_index <= 0)
        return INTERFACE_MESSAGE_OTHER;
    link->index = (uint32_t)header.ifi_index;
    link->hardware = header.ifi_type;
    link->up = (header.ifi_flags & IFF_UP) != 0;
    if (gone)
        return INTERFACE_MESSAGE_LINK_GONE;
    while (next_attribute(&rest, &type, &value))
        if (!parse_link_attribute(type, &value, link))
            return INTERFACE_MESSAGE_OTHER;
    return link->name[0] != '\0' ? INTERFACE_MESSAGE_LINK : INTERFACE_MESSAGE_OTHER;
}

static void add_way(struct interface_route *route, uint32_t index, unsigned flags) {
    if (index != 0 && (flags & RTNH_F_DEAD) == 0 && route->way_count < INTERFACE_WAYS_MAX)
        route->ways[route->way_count++] = index;
}

/* The ways of a route with several: headers with attributes of their own, one behind the other. */
static void parse_ways(struct span rest, struct interface_route *route) {
    struct rtnexthop header;
    while (rest.length >= sizeof header) {
        memcpy(&header, rest.bytes, sizeof header);
        if (header.rtnh_len < sizeof header || header.rtnh_len > rest.length)
            return;
        add_way(route, header.rtnh_ifindex > 0 ? (uint32_t)header.rtnh_ifindex : 0, header.rtnh_flags);
        skip(&rest, header.rtnh_len);
    }
}

/* A default route that is gone or can't be used is told as gone: whoever follows routes asks for all then. */
static enum interface_message_type parse_route(struct span rest, bool gone, struct interface_route *route) {
    struct rtmsg header;
    unsigned type;
    struct span value;
    if (!take(&rest, &header, sizeof header) || header.rtm_dst_len != 0 ||
        (header.rtm_family != AF_INET && header.rtm_family != AF_INET6) ||
        (header.rtm_flags & RTM_F_CLONED) != 0)
        return INTERFACE_MESSAGE_OTHER;
    uint32_t table = header.rtm_table;
    route->is_ipv6 = header.rtm_family == AF_INET6;
    while (next_attribute(&rest, &type, &value)) {
        if (type == RTA_TABLE)
            table = number(&value);
        else if (type == RTA_PRIORITY)
            route->metric = number(&value);
        else if (type == RTA_OIF)
            add_way(route, number(&value), header.rtm_flags);
        else if (type == RTA_MULTIPATH)
            parse_ways(value, route);
    }
    if (table != RT_TABLE_MAIN)
        return INTERFACE_MESSAGE_OTHER;
    return gone || header.rtm_type != RTN_UNICAST || route->way_count == 0 ? INTERFACE_MESSAGE_ROUTE_GONE
                                                                           : INTERFACE_MESSAGE_ROUTE;
}

/* A dump that fails within ends with an error's number, which makes it as good as refused. */
static enum interface_message_type parse_end(struct span rest, enum interface_message_type without_error) {
    int32_t error = 0;
    take(&rest, &error, sizeof error);
    return error < 0 ? INTERFACE_MESSAGE_REFUSED : without_error;
}

size_t interface_message_parse(const uint8_t *bytes, size_t length, struct interface_message *message) {
    struct nlmsghdr header;
    *message = (struct interface_message){.type = INTERFACE_MESSAGE_OTHER};
    if (length < sizeof header)
        return 0;
    memcpy(&header, bytes, sizeof header);
    if (header.nlmsg_len < sizeof header || header.nlmsg_len > length)
        return 0;
    struct span rest = {bytes + sizeof header, header.nlmsg_len - sizeof header};
    message->port = header.nlmsg_pid;
    message->sequence = header.nlmsg_seq;
    message->inconsistent = (header.nlmsg_flags & NLM_F_DUMP_INTR) != 0;
    switch (header.nlmsg_type) {
    case RTM_NEWLINK: message->type = parse_link(rest, false, &message->link); break;
    case RTM_DELLINK: message->type = parse_link(rest, true, &message->link); break;
    case RTM_NEWROUTE: message->type = parse_route(rest, false, &message->route); break;
    case RTM_DELROUTE: message->type = parse_route(rest, true, &message->route); break;
    case RTM_DELADDR: message->type = INTERFACE_MESSAGE_ROUTE_GONE; break;
    case NLMSG_DONE: message->type = parse_end(rest, INTERFACE_MESSAGE_DONE); break;
    case NLMSG_ERROR: message->type = parse_end(rest, INTERFACE_MESSAGE_OTHER); break;
    default: break;
    }
    size_t padded = NLMSG_ALIGN((size_t)header.nlmsg_len);
    return padded < length ? padded : length;
}
