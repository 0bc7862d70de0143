/* A compiled BPF expression (pcap-filter(7)) over a metered packet, which begins with its IP header.
 * @thread any: a filter is constant once it is compiled */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decode/walk/packet.h"

struct packet_filter;

/* -EINVAL and libpcap's words in `reason`, or -ENOMEM. Free with packet_filter_free(). */
int packet_filter_compile(const char *expression, struct packet_filter **filter, char *reason,
                          size_t reason_size);
void packet_filter_free(struct packet_filter *filter);

/* Reads what was captured of the IP packet, never what a link put behind it; `len` in an expression is the packet's
 * real length. */
bool packet_filter_matches(const struct packet_filter *filter, const struct packet *packet);
