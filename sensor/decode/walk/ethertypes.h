/* The EtherTypes that more than one file of the native dialect knows. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum ethertype {
    ETHERTYPE_FIRST = 0x0600, /* below: the length of an 802.2 frame */
    ETHERTYPE_IPV4 = 0x0800,
    ETHERTYPE_BRIDGED_ETHERNET = 0x6558, /* transparent Ethernet bridging: a whole frame follows */
    ETHERTYPE_VLAN = 0x8100,
    ETHERTYPE_IPV6 = 0x86dd,
    ETHERTYPE_MPLS = 0x8847,
    ETHERTYPE_PPPOE_SESSION = 0x8864,
    ETHERTYPE_VLAN_SERVICE = 0x88a8, /* IEEE 802.1ad */
    ETHERTYPE_VLAN_STACKED = 0x9100, /* what vendors used before 802.1ad */
    ETHERTYPE_NSH = 0x894f,
};

static inline bool ethertype_is_vlan(uint16_t type) {
    return type == ETHERTYPE_VLAN || type == ETHERTYPE_VLAN_SERVICE || type == ETHERTYPE_VLAN_STACKED;
}
