/* Which interfaces a live capture is of, by the words of the configuration and the scope: chosen at the start, followed from
 * then on. It belongs to the live capture's group (live_group.h); other threads read slots and the cards' drops only. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "capture/capture.h"
#include "capture/live/interface_rules.h"
#include "capture/live/interface_slots.h"

struct live_interfaces;

/* Chooses. Exit codes as capture_open(): where one interface is named, it must be there and up.
 * @thread main: the owner is that of share 0, afterwards */
int live_interfaces_open(const struct capture_options *options, struct live_interfaces **interfaces,
                         struct error *error);
void live_interfaces_close(struct live_interfaces *interfaces); /* NULL is fine */

/* Reads what has changed, and logs it. True: the list did. `up` is called for each interface that may have come up.
 * @thread the owner */
bool live_interfaces_look(struct live_interfaces *interfaces,
                          void (*up)(const struct interface_link *link, void *context), void *context);
/* To wait for; -1: nothing is followed any more.
 * @thread the owner */
int live_interfaces_descriptor(const struct live_interfaces *interfaces);

/* The indices of those whose packets are wanted, sorted: with the scope uplink without devices that stand on another
 * uplink. At most INTERFACES_MAX.
 * @thread the owner; until the next call */
const uint32_t *live_interfaces_list(struct live_interfaces *interfaces, size_t *count);
/* By index; NULL: it is gone.
 * @thread the owner; valid until the next look */
const struct interface_link *live_interfaces_link(const struct live_interfaces *interfaces, uint32_t index);
/* Whether a word is its name, or `auto` and it has the default route.
 * @thread the owner */
bool live_interfaces_named(const struct live_interfaces *interfaces, const struct interface_link *link);

/* Whether the words mean one interface.
 * @thread any: it doesn't change */
bool live_interfaces_is_one(const struct live_interfaces *interfaces);
/* For messages: the names of what was chosen at the start if the words mean one, else the words.
 * @thread any: it doesn't change */
const char *live_interfaces_name(const struct live_interfaces *interfaces);
/* @thread any */
const struct interface_slots *live_interfaces_slots(const struct live_interfaces *interfaces);
/* Packets that network cards dropped since the start: of all, and each card's.
 * @thread any */
uint64_t live_interfaces_dropped(const struct live_interfaces *interfaces);
void live_interfaces_visit_cards(const struct live_interfaces *interfaces, capture_card_visit *visit,
                                 void *context);
/* Sets what a capture's statistics say of interfaces.
 * @thread the owner */
void live_interfaces_count(const struct live_interfaces *interfaces, struct capture_statistics *statistics);
