/* What a meter asks of system visibility, and the answer. See visibility.h. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "meter/process/process_record.h"

struct visibility_client; /* one per meter, used by its thread */

/* Bytes that such a client takes. What the service knows of the host's sockets and processes is not in it.
 * @thread any: nothing is shared */
size_t visibility_memory_for(size_t flows);

/* A flow by its first packet. IPv4 addresses in the first 4 bytes, the rest 0; ports in host byte order. */
struct visibility_question {
    int64_t earliest,
        latest; /* the packet's time, as precisely as is known; microseconds of the steady clock */
    uint8_t source[16], destination[16];
    uint16_t source_port, destination_port;
    uint8_t source_mac[6], destination_mac[6];
    uint8_t ip_version, protocol; /* IPPROTO_TCP, IPPROTO_UDP */
    bool has_mac;
    bool opening; /* TCP: SYN without ACK */
};

enum visibility_end { END_NONE, END_SOURCE, END_DESTINATION };

/* The following neither wait nor allocate nor take a lock; at most they wake the service. Questions go through an SPSC ring
 * of the client. Each answer comes in a slot with an atomic state. A ticket is given back with visibility_release(); 0 is
 * none.
 * @thread meter: the client's own (all three) */
uint32_t visibility_ask(struct visibility_client *client, const struct visibility_question *question);
/* Whether the answer is there; *process is then the process and *end where it is, NULL if there is none. Valid until the
 * ticket is given back. */
bool visibility_answer(const struct visibility_client *client, uint32_t ticket,
                       const struct process **process, enum visibility_end *end);
void visibility_release(struct visibility_client *client, uint32_t ticket);
