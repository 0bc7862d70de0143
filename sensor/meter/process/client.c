#include "meter/process/client.h"

#include <stdlib.h>

#include "base/check.h"

struct visibility_client *client_create(struct visibility *visibility, size_t flows) {
    struct visibility_client *client = aligned_alloc(_Alignof(struct visibility_client), sizeof(*client));
    if (client == NULL)
        return NULL;
    *client =
        (struct visibility_client){.magic = CLIENT_MAGIC, .visibility = visibility, .slot_count = flows + 1};
    client->slots = calloc(client->slot_count, sizeof(*client->slots));
    client->free_tickets = calloc(client->slot_count, sizeof(*client->free_tickets));
    if (client->slots == NULL || client->free_tickets == NULL) {
        client_destroy(client);
        return NULL;
    }
    for (size_t ticket = flows; ticket > 0; ticket--)
        client->free_tickets[client->free_count++] = (uint32_t)ticket;
    return client;
}

size_t visibility_memory_for(size_t flows) {
    return sizeof(struct visibility_client) + (flows + 1) * (sizeof(struct slot) + sizeof(uint32_t));
}

static void drop_reference(struct slot *slot) {
    struct process *process = atomic_load_explicit(&slot->process, memory_order_relaxed);
    atomic_fetch_sub_explicit(&process->references, 1, memory_order_release);
}

static bool has_process(unsigned state) {
    unsigned status = state & SLOT_STATUS_MASK;
    return status == SLOT_SOURCE || status == SLOT_DESTINATION;
}

void client_destroy(struct visibility_client *client) {
    for (size_t i = 0; client->slots != NULL && i < client->slot_count; i++)
        if (has_process(atomic_load(&client->slots[i].state)))
            drop_reference(&client->slots[i]);
    free(client->slots);
    free(client->free_tickets);
    MAGIC_CLEAR(client);
    free(client);
}

uint32_t visibility_ask(struct visibility_client *client, const struct visibility_question *question) {
    DEBUG_CHECK(IS_VALID(client, CLIENT_MAGIC));
    unsigned head = atomic_load_explicit(&client->head, memory_order_relaxed);
    unsigned tail = atomic_load_explicit(&client->tail, memory_order_acquire);
    if (head - tail == RING_SIZE || client->free_count == 0) {
        atomic_fetch_add_explicit(&client->unasked, 1, memory_order_relaxed);
        return 0;
    }
    uint32_t ticket = client->free_tickets[--client->free_count];
    struct slot *slot = &client->slots[ticket];
    unsigned state = atomic_load_explicit(&slot->state, memory_order_relaxed) | SLOT_ASKED;
    atomic_store_explicit(&slot->state, state, memory_order_relaxed);
    client->ring[head % RING_SIZE] = (struct ring_item){*question, ticket, state};
    /* The service goes to sleep only after it has said so and then looked at the ring once more. */
    atomic_store(&client->head, head + 1);
    visibility_wake(client->visibility);
    return ticket;
}

bool visibility_answer(const struct visibility_client *client, uint32_t ticket,
                       const struct process **process, enum visibility_end *end) {
    DEBUG_CHECK(ticket < client->slot_count);
    const struct slot *slot = &client->slots[ticket];
    unsigned state = atomic_load_explicit(&slot->state, memory_order_acquire);
    *process = NULL;
    *end = END_NONE;
    if (has_process(state)) {
        *process = atomic_load_explicit(&slot->process, memory_order_relaxed);
        *end = (state & SLOT_STATUS_MASK) == SLOT_SOURCE ? END_SOURCE : END_DESTINATION;
    }
    return ticket == 0 || (state & SLOT_STATUS_MASK) != SLOT_ASKED;
}

/* The atomic exchange decides which came first, the answer or the flow's end. */
void visibility_release(struct visibility_client *client, uint32_t ticket) {
    if (ticket == 0)
        return;
    DEBUG_CHECK(ticket < client->slot_count && client->free_count < client->slot_count - 1);
    struct slot *slot = &client->slots[ticket];
    unsigned generation =
        atomic_load_explicit(&slot->state, memory_order_relaxed) & ~(unsigned)SLOT_STATUS_MASK;
    unsigned before =
        atomic_exchange_explicit(&slot->state, generation + SLOT_STATUS_MASK + 1, memory_order_acquire);
    if (has_process(before))
        drop_reference(slot);
    client->free_tickets[client->free_count++] = ticket;
}

bool client_next(struct visibility_client *client, struct ring_item *item) {
    unsigned tail = atomic_load_explicit(&client->tail, memory_order_relaxed);
    if (tail == atomic_load(&client->head))
        return false;
    *item = client->ring[tail % RING_SIZE];
    atomic_store_explicit(&client->tail, tail + 1, memory_order_release);
    return true;
}

void client_answer(struct visibility_client *client, uint32_t ticket, uint32_t state, struct process *process,
                   enum visibility_end end) {
    struct slot *slot = &client->slots[ticket];
    unsigned expected = state;
    unsigned status = process == NULL ? SLOT_NOBODY : end == END_SOURCE ? SLOT_SOURCE : SLOT_DESTINATION;
    if (atomic_load_explicit(&slot->state, memory_order_relaxed) != expected)
        return; /* the flow has ended */
    if (process != NULL) {
        atomic_fetch_add_explicit(&process->references, 1, memory_order_relaxed);
        atomic_store_explicit(&slot->process, process, memory_order_relaxed);
    }
    unsigned answered = (state & ~(unsigned)SLOT_STATUS_MASK) | status;
    if (!atomic_compare_exchange_strong_explicit(&slot->state, &expected, answered, memory_order_release,
                                                 memory_order_relaxed) &&
        process != NULL)
        atomic_fetch_sub_explicit(&process->references, 1, memory_order_relaxed);
}
