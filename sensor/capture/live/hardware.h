/* The kernel's kinds of network hardware (ARPHRD_*, linux/if_arp.h), and with which link type their frames are decoded. */
#pragma once

#include <linux/if_arp.h>
#include <pcap/dlt.h>
#include <stdbool.h>
#include <stdint.h>

/* DLT_*. */
static inline int hardware_link_type(uint16_t hardware) {
    switch (hardware) {
    case ARPHRD_ETHER:
    case ARPHRD_LOOPBACK: return DLT_EN10MB;
    case ARPHRD_IEEE80211: return DLT_IEEE802_11;
    case ARPHRD_IEEE80211_PRISM: return DLT_PRISM_HEADER;
    case ARPHRD_IEEE80211_RADIOTAP: return DLT_IEEE802_11_RADIO;
    default: return DLT_RAW;
    }
}

/* All others (tun, PPP, tunnels, InfiniBand) have no link header that we need: their frames begin with IP. */
static inline bool hardware_begins_with_ip(uint16_t hardware) {
    return hardware_link_type(hardware) == DLT_RAW;
}
