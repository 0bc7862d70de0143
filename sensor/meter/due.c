#include "meter/due.h"

#include <string.h>

#include "base/check.h"

void due_begin(struct due_queue *queue, int64_t span) {
    CHECK(span >= 1);
    *queue = (struct due_queue){.step = span / DUE_SPAN_SLOTS + 1};
}

/* Where a node belongs whose time is farther ahead than there are slots (the queue is behind by half of them): into the last
 * one, from which it is moved on. */
static int64_t slot_of(const struct due_queue *queue, int64_t time) {
    int64_t slot = time / queue->step, last = queue->slot + DUE_SLOTS - 1;
    if (slot < queue->slot)
        return queue->slot;
    return slot < last ? slot : last;
}

void due_add(struct due_queue *queue, struct due_node *node, int64_t time, int64_t now) {
    DEBUG_CHECK(!due_is_queued(node) && now >= 0);
    if (queue->count == 0)
        queue->slot = now / queue->step;
    struct due_node **at = &queue->slots[slot_of(queue, time) % DUE_SLOTS];
    *node = (struct due_node){.next = *at, .at = at, .time = time};
    if (node->next != NULL)
        node->next->at = &node->next;
    *at = node;
    queue->count++;
}

void due_remove(struct due_queue *queue, struct due_node *node) {
    if (!due_is_queued(node))
        return;
    *node->at = node->next;
    if (node->next != NULL)
        node->next->at = node->at;
    node->at = NULL;
    queue->count--;
}

/* A slot is looked at once its whole time is over. What isn't due then lay too far ahead of a queue that is behind, perhaps by years: it
 * is kept aside until the walk ends, for a queue without nodes begins anew at the present, and need not be walked through. */
struct due_node *due_first(struct due_queue *queue, int64_t now) {
    struct due_node *early = NULL, *found = NULL;
    while (found == NULL && queue->count > 0 && queue->slot < now / queue->step) {
        struct due_node *node = queue->slots[queue->slot % DUE_SLOTS];
        if (node == NULL) {
            queue->slot++;
        } else if (node->time <= now) {
            found = node;
        } else {
            due_remove(queue, node);
            node->next = early;
            early = node;
        }
    }
    while (early != NULL) {
        struct due_node *next = early->next;
        due_add(queue, early, early->time, now);
        early = next;
    }
    return found;
}
