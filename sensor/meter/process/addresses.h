/* The addresses of one network namespace: whether a packet's end is there. Only the service's thread
 * uses these. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct local_address {
    uint8_t bytes[16]; /* IPv4: the first 4 */
    uint8_t ip_version;
};

struct mac_address {
    uint8_t bytes[6];
};

struct address_list {
    struct local_address *addresses;
    size_t address_count, address_capacity;
    struct mac_address *macs;
    size_t mac_count, mac_capacity;
};

/* A netlink socket in the calling thread's namespace that hears of changes; the descriptor or -errno. */
int addresses_open_events(void);

/* Whether anything was heard since the last call. */
bool addresses_changed(int descriptor);

/* Reads the addresses and MAC addresses of all interfaces anew; `descriptor` is a plain netlink socket
 * (NETLINK_ROUTE). 0 or -errno: the list is empty then. */
int addresses_read(int descriptor, struct address_list *list);
void addresses_free(struct address_list *list);

bool addresses_have(const struct address_list *list, const uint8_t address[16], uint8_t ip_version);
bool addresses_have_mac(const struct address_list *list, const uint8_t mac[6]);
