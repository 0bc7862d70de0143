#include "meter/process/addresses.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "meter/process/netlink.h"

enum { FIRST_CAPACITY = 8 };

struct reading {
    struct address_list *list;
    bool no_memory;
};

int addresses_open_events(void) {
    return netlink_open(NETLINK_ROUTE, RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR);
}

static void count_message(const struct nlmsghdr *message, void *context) {
    (void)message;
    ++*(size_t *)context;
}

bool addresses_changed(int descriptor) {
    size_t messages = 0;
    return netlink_drain(descriptor, count_message, &messages) < 0 || messages > 0;
}

/* Room for one more item; NULL: no memory. */
static void *list_grow(void *items, size_t count, size_t *capacity, size_t size) {
    if (count < *capacity)
        return items;
    size_t wanted = *capacity > 0 ? 2 * *capacity : FIRST_CAPACITY;
    void *grown = reallocarray(items, wanted, size);
    if (grown != NULL)
        *capacity = wanted;
    return grown;
}

static void add_address(struct reading *reading, const void *bytes, size_t length, uint8_t family) {
    struct address_list *list = reading->list;
    size_t size = family == AF_INET ? 4 : 16;
    if (length < size)
        return;
    struct local_address *grown =
        list_grow(list->addresses, list->address_count, &list->address_capacity, sizeof(*grown));
    if (grown == NULL) {
        reading->no_memory = true;
        return;
    }
    list->addresses = grown;
    struct local_address *address = &list->addresses[list->address_count++];
    *address = (struct local_address){.ip_version = family == AF_INET ? 4 : 6};
    memcpy(address->bytes, bytes, size);
}

static void add_mac(struct reading *reading, const void *bytes, size_t length) {
    static const struct mac_address none;
    struct address_list *list = reading->list;
    if (length != sizeof(none) || memcmp(bytes, &none, sizeof(none)) == 0)
        return;
    struct mac_address *grown = list_grow(list->macs, list->mac_count, &list->mac_capacity, sizeof(*grown));
    if (grown == NULL) {
        reading->no_memory = true;
        return;
    }
    list->macs = grown;
    memcpy(&list->macs[list->mac_count++], bytes, length);
}

static const struct rtattr *route_attribute(const struct rtattr *first, size_t length, unsigned short type) {
    for (const struct rtattr *at = first; RTA_OK(at, length); at = RTA_NEXT(at, length))
        if (at->rta_type == type)
            return at;
    return NULL;
}

/* Where an interface has a peer, IFA_ADDRESS is the peer's and IFA_LOCAL its own. */
static void read_address(const struct nlmsghdr *message, struct reading *reading) {
    const struct ifaddrmsg *body = NLMSG_DATA(message);
    if (message->nlmsg_len < NLMSG_LENGTH(sizeof(*body)) ||
        (body->ifa_family != AF_INET && body->ifa_family != AF_INET6))
        return;
    size_t length = IFA_PAYLOAD(message);
    const struct rtattr *own = route_attribute(IFA_RTA(body), length, IFA_LOCAL);
    if (own == NULL)
        own = route_attribute(IFA_RTA(body), length, IFA_ADDRESS);
    if (own != NULL)
        add_address(reading, RTA_DATA(own), RTA_PAYLOAD(own), body->ifa_family);
}

static void read_link(const struct nlmsghdr *message, struct reading *reading) {
    const struct ifinfomsg *body = NLMSG_DATA(message);
    if (message->nlmsg_len < NLMSG_LENGTH(sizeof(*body)))
        return;
    const struct rtattr *mac = route_attribute(IFLA_RTA(body), IFLA_PAYLOAD(message), IFLA_ADDRESS);
    if (mac != NULL)
        add_mac(reading, RTA_DATA(mac), RTA_PAYLOAD(mac));
}

static void addresses_read_message(const struct nlmsghdr *message, void *context) {
    if (message->nlmsg_type == RTM_NEWADDR)
        read_address(message, context);
    else if (message->nlmsg_type == RTM_NEWLINK)
        read_link(message, context);
}

static int addresses_dump(int descriptor, uint16_t type, struct reading *reading) {
    struct {
        struct nlmsghdr header;
        struct ifinfomsg body; /* for addresses only its first byte counts: the family */
    } request = {
        .header = {.nlmsg_len = sizeof(request),
                   .nlmsg_type = type,
                   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
        .body = {.ifi_family = AF_UNSPEC},
    };
    int result = netlink_request(descriptor, &request.header, addresses_read_message, reading);
    return result == -EINTR ? 0 : result; /* a change under way is heard of */
}

int addresses_read(int descriptor, struct address_list *list) {
    struct reading reading = {.list = list};
    list->address_count = list->mac_count = 0;
    int result = addresses_dump(descriptor, RTM_GETLINK, &reading);
    if (result == 0)
        result = addresses_dump(descriptor, RTM_GETADDR, &reading);
    if (result == 0 && reading.no_memory)
        result = -ENOMEM;
    if (result < 0)
        list->address_count = list->mac_count = 0;
    return result;
}

void addresses_free(struct address_list *list) {
    free(list->addresses);
    free(list->macs);
    *list = (struct address_list){0};
}

bool addresses_have(const struct address_list *list, const uint8_t address[16], uint8_t ip_version) {
    for (size_t i = 0; i < list->address_count; i++)
        if (list->addresses[i].ip_version == ip_version && memcmp(list->addresses[i].bytes, address, 16) == 0)
            return true;
    return false;
}

bool addresses_have_mac(const struct address_list *list, const uint8_t mac[6]) {
    for (size_t i = 0; i < list->mac_count; i++)
        if (memcmp(list->macs[i].bytes, mac, sizeof(list->macs[i].bytes)) == 0)
            return true;
    return false;
}
