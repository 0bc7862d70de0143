/* The program that the kernel runs on each frame of a packet socket (BPF): whether it is of a captured interface, whether
 * the user's filter lets it pass, and how much of it is kept. A socket of all interfaces sees frames of several kinds of
 * hardware, so the user's filter is compiled for each kind that there is a link type for.
 *
 * @thread one: whoever opens the capture, then the owner of its first share */
#pragma once

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* The kernel takes programs of 4,096 instructions, and an interface takes five. The frames of more interfaces all pass. */
enum { LIVE_FILTER_INTERFACES_MAX = 600 };

struct live_filter;

/* Compiles `text` (pcap-filter(7); NULL: everything passes). `ethernet` names an interface of Ethernet that is asked for what
 * the kernel can do there (NULL: none, then a filter that asks for VLANs finds only tags that the kernel leaves in the frame);
 * that needs CAP_NET_RAW. On failure *filter is unchanged. EX_CONFIG: it can't be compiled for `hardware` (ARPHRD_*), that of
 * the interface `name`; for other kinds it lets nothing pass then. */
int live_filter_create(const char *text, uint16_t hardware, const char *name, const char *ethernet,
                       uint32_t snapshot_length, struct live_filter **filter, struct error *error);
/* Whether libpcap compiles the text only for an interface that it captures from, which takes CAP_NET_RAW: it asks for tags,
 * directions or interfaces, as the kernel keeps them beside the frame. Returns that word; NULL: none.
 * @thread any */
const char *live_filter_needs_interface(const char *text);
void live_filter_destroy(struct live_filter *filter); /* NULL is fine */

/* The program for a socket of one interface of this kind of hardware; it belongs to the filter and holds until the next
 * call. NULL: it is too long for the kernel. */
const struct sock_fprog *live_filter_of_one(struct live_filter *filter, uint16_t hardware);

/* The program for frames of these interfaces; `indices` is sorted. Count 0: of none; NULL: of all. It belongs to the
 * filter and holds until the next call. NULL: it is too long for the kernel. */
const struct sock_fprog *live_filter_program(struct live_filter *filter, const uint32_t *indices,
                                             size_t count);
