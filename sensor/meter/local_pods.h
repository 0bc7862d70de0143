/* Which addresses are pods of this node: those that sent something by way of a pod's interface. So a conversation between
 * two pods of the node, which passes by both of their interfaces, is metered at one of them.
 *
 * Shared by meters, without a lock. An address counts until its interface is gone. What doesn't fit is forgotten, and then
 * such conversations are metered twice. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct local_pods;

/* Whether the interface of this slot is there.
 * @thread any */
typedef bool local_pods_alive(const void *context, uint16_t interface);

/* NULL: no memory. 128 KiB.
 * @thread main */
struct local_pods *local_pods_create(local_pods_alive *alive, const void *context);
/* NULL is fine.
 * @thread main, after the meters have ended */
void local_pods_destroy(struct local_pods *pods);

/* @thread any */
void local_pods_learn(struct local_pods *pods, const uint8_t address[16], uint16_t interface);
/* @thread any */
bool local_pods_has(const struct local_pods *pods, const uint8_t address[16]);
