/* What comes due at a time: a queue of nodes that lie in what they belong to, so that nothing is allocated. Putting a node in
 * and taking it out take the same few steps however many there are, since times are sorted into slots (a timing wheel). A
 * node may be told of up to one slot late, never before it is due. Within a slot there is no order.
 *
 * Times are ticks, not negative. All nodes of a queue lie ahead by its span at most when they are put in.
 * @thread meter */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct due_node {
    struct due_node *next;
    struct due_node **at; /* what points to it; NULL: it is in no queue */
    int64_t time;         /* when it is due */
};

enum {
    DUE_SLOTS = 1024,
    DUE_SPAN_SLOTS = 512, /* that the span takes; the others are for what was not taken out in time */
};

struct due_queue {
    int64_t step; /* ticks of a slot */
    int64_t slot; /* the first that may have nodes, counted from time 0 */
    size_t count;
    struct due_node *slots[DUE_SLOTS]; /* by number of the slot, modulo */
};

/* An empty queue for nodes that lie up to `span` ticks ahead; at least 1. */
void due_begin(struct due_queue *queue, int64_t span);

/* Puts a node, which is in no queue, in: due at `time`, while it is `now`. */
void due_add(struct due_queue *queue, struct due_node *node, int64_t time, int64_t now);

/* Takes a node out; one that is in no queue stays so. */
void due_remove(struct due_queue *queue, struct due_node *node);

/* A node that is due by `now`; it stays in. NULL: there is none. */
struct due_node *due_first(struct due_queue *queue, int64_t now);

static inline bool due_is_queued(const struct due_node *node) {
    return node->at != NULL;
}
