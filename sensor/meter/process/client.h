/* Between a meter's thread and the service's: an SPSC ring of questions, and for each flow a slot that takes the answer.
 * There is no lock: a question is published by storing the ring's head, an answer by changing the slot's state. Included
 * by this folder's files only. */
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "meter/process/question.h"

struct visibility;

enum { RING_SIZE = 4096 }; /* power of two */

/* A slot's state: a generation tag, which changes when the ticket is given back, and what is in the slot. */
enum slot_status { SLOT_FREE, SLOT_ASKED, SLOT_NOBODY, SLOT_SOURCE, SLOT_DESTINATION, SLOT_STATUS_MASK = 7 };

struct slot {
    atomic_uint state;
    _Atomic(struct process *) process; /* written by the service before the state says so */
};

struct ring_item {
    struct visibility_question question;
    uint32_t ticket, state; /* the slot's when it was asked */
};

enum { CLIENT_MAGIC = 0x3c11e47a };

struct visibility_client {
    uint32_t magic;
    struct visibility *visibility;
    struct visibility_client *next; /* the service's list */
    struct slot *slots;             /* by ticket; the one of ticket 0 is not used */
    uint32_t *free_tickets;         /* the meter's stack */
    size_t free_count, slot_count;
    atomic_uint_fast64_t unasked;
    _Alignas(64) atomic_uint head; /* next to write: the meter's */
    _Alignas(64) atomic_uint tail; /* next to read: the service's */
    struct ring_item ring[RING_SIZE];
};

/* @thread any, as visibility_join() */
struct visibility_client *client_create(struct visibility *visibility, size_t flows);
/* Gives back what the slots refer to.
 * @thread any, as visibility_leave() */
void client_destroy(struct visibility_client *client);

/* The next question, false if there is none.
 * @thread the service's */
bool client_next(struct visibility_client *client, struct ring_item *item);
/* Puts the answer into the slot, if the flow still waits for it.
 * @thread the service's */
void client_answer(struct visibility_client *client, uint32_t ticket, uint32_t state, struct process *process,
                   enum visibility_end end);

/* Wakes the service if it sleeps: a question was put into a ring, or the service is to stop.
 * @thread any, after that was stored */
void visibility_wake(struct visibility *visibility);
