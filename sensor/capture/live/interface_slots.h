/* The captured interfaces as the packet path sees them: from the index that the kernel gives with a packet to a slot, a
 * number of 16 bits that a flow can keep, and from the slot to name, role and MTU. One thread, the owner, publishes and
 * retires; any number of threads look up at the same time, without a lock and without waiting.
 *
 * What a slot says never changes, but for the MTU: an interface whose name, role or link type changes gets another slot. A retired
 * slot can still be read: it is given away again only when all others were used, those retired first going first, and then
 * it has another number. Of INTERFACES_MAX slots there are 64 numbers each; an older number is not found any more. Slot 0 is
 * no interface. */
#pragma once

#include <net/if.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "capture/live/interface_rules.h"

enum { INTERFACES_MAX = 1023 };

struct interface_facts {
    enum interface_role role;
    uint32_t mtu;      /* at most 16 MiB - 1 */
    uint16_t hardware; /* ARPHRD_* */
};

struct interface_slots;

/* NULL: no memory. 48 KiB.
 * @thread any: it becomes the owner */
struct interface_slots *interface_slots_create(void);
/* NULL is fine.
 * @thread the owner, after all readers have ended */
void interface_slots_destroy(struct interface_slots *slots);

/* Enters the interface, or what has changed of it. Its slot; the one that it has if nothing has changed; 0: INTERFACES_MAX
 * are in use, and its packets will be of no interface.
 * @thread the owner */
uint16_t interface_slots_publish(struct interface_slots *slots, const struct interface_link *link,
                                 enum interface_role role);
/* The interface is gone: its index is not found any more, its slot can be read. Nothing happens if there is none.
 * @thread the owner */
void interface_slots_retire(struct interface_slots *slots, uint32_t index);

/* The slot of an interface; 0: it has none.
 * @thread any; no lock */
uint16_t interface_slots_find(const struct interface_slots *slots, uint32_t index);

/* Whether the slot is published and was not retired.
 * @thread any; no lock */
bool interface_slots_alive(const struct interface_slots *slots, uint16_t slot);

/* What a slot says. False: it is 0, or its number is too old.
 * @thread any; no lock */
bool interface_slots_facts(const struct interface_slots *slots, uint16_t slot, struct interface_facts *facts);
/* Writes "" if it is false.
 * @thread any; no lock */
bool interface_slots_name(const struct interface_slots *slots, uint16_t slot, char name[IF_NAMESIZE]);
