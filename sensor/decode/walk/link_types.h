/* libpcap's numbers of the link types that are decoded (DLT_* values, as pcap_datalink() gives them on Linux). */
#pragma once

enum link_type {
    LINK_NULL = 0,
    LINK_ETHERNET = 1,
    LINK_PPP = 9,
    LINK_RAW = 12,
    LINK_RAW_OPENBSD = 14,
    LINK_PPP_SERIAL = 50,
    LINK_PPP_ETHER = 51,
    LINK_RAW_FILE = 101, /* the number of LINK_RAW in files */
    LINK_C_HDLC = 104,
    LINK_IEEE802_11 = 105,
    LINK_FRAME_RELAY = 107,
    LINK_LOOP = 108,
    LINK_LINUX_SLL = 113,
    LINK_PFLOG = 117,
    LINK_PRISM = 119,
    LINK_IEEE802_11_RADIO = 127,
    LINK_IEEE802_11_AVS = 163,
    LINK_PPI = 192,
    LINK_PPP_WITH_DIRECTION = 204,
    LINK_C_HDLC_WITH_DIRECTION = 205,
    LINK_FRAME_RELAY_WITH_DIRECTION = 206,
    LINK_IPV4 = 228,
    LINK_IPV6 = 229,
    LINK_NFLOG = 239,
    LINK_PKTAP = 258,
    LINK_LINUX_SLL2 = 276,
};
