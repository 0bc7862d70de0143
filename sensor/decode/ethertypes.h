/* The EtherTypes that more than one file of the native dialect knows. */
#pragma once

enum ethertype {
    ETHERTYPE_FIRST = 0x0600, /* below: the length of an 802.2 frame */
    ETHERTYPE_IPV4 = 0x0800,
    ETHERTYPE_BRIDGED_ETHERNET = 0x6558, /* transparent Ethernet bridging: a whole frame follows */
    ETHERTYPE_IPV6 = 0x86dd,
    ETHERTYPE_MPLS = 0x8847,
    ETHERTYPE_NSH = 0x894f,
};
