#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "meter/process/service.h"

enum {
    /* Long enough for the kernel to say which sockets were destroyed before the one that was found, also on a busy host:
     * it says so in a work queue. */
    SETTLE_MICROSECONDS = 200000,
    /* What is not known after this time never will be: a connection is not accepted, a process can't be read. */
    PATIENCE_MICROSECONDS = 2000000,
    PENDING_MAX = 1 << 16,
    QUESTIONS_MAX = 4096, /* taken in one round, so that the rest goes on too */
};

struct pending {
    struct visibility_client *client;
    uint32_t ticket, state;
    enum visibility_end end;
    int64_t asked_at; /* microseconds of the steady clock */
    struct socket_question question;
    struct pending *next;
};

static void count_one(atomic_uint_fast64_t *counter) {
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* Where is the flow's socket? The initiator's, if it is on this host, else the responder's. */
static enum location locate_flow(const struct visibility *visibility,
                                 const struct visibility_question *question, enum visibility_end *end,
                                 struct network_namespace **found) {
    const uint8_t *source_mac = question->has_mac ? question->source_mac : NULL;
    const uint8_t *destination_mac = question->has_mac ? question->destination_mac : NULL;
    *end = END_SOURCE;
    enum location location =
        namespaces_locate(&visibility->namespaces, question->source, question->ip_version, source_mac, found);
    if (location != LOCATION_FOREIGN)
        return location;
    *end = END_DESTINATION;
    return namespaces_locate(&visibility->namespaces, question->destination, question->ip_version,
                             destination_mac, found);
}

static struct connection connection_of(const struct visibility_question *question, enum visibility_end end) {
    struct connection connection = {.protocol = question->protocol, .ip_version = question->ip_version};
    struct endpoint *source = end == END_SOURCE ? &connection.local : &connection.remote;
    struct endpoint *destination = end == END_SOURCE ? &connection.remote : &connection.local;
    memcpy(source->address, question->source, sizeof(source->address));
    memcpy(destination->address, question->destination, sizeof(destination->address));
    source->port = question->source_port;
    destination->port = question->destination_port;
    return connection;
}

/* The kernel is asked some time after the packet, so the socket that it finds is not the packet's for sure. But a
 * socket that is first seen later did not exist now, or the kernel would have found it: that one is not the packet's
 * either. The kernel would not find a TCP socket that is yet to be made for a SYN from outside, nor all of the datagram
 * sockets that share a port. */
static void look_for_socket(struct visibility *visibility, struct network_namespace *namespace,
                            struct pending *pending) {
    struct socket_question *question = &pending->question;
    if (sockets_ask(&visibility->sockets, question))
        return;
    bool found = look_at_one(visibility, namespace, &question->connection);
    bool exclusive = question->connection.protocol == IPPROTO_UDP ? !found : pending->end == END_SOURCE;
    if (exclusive && question->no_younger == NEVER)
        question->no_younger = clock_steady();
    sockets_ask(&visibility->sockets, question);
}

static void take_question(struct visibility *visibility, struct visibility_client *client,
                          const struct ring_item *item) {
    const struct visibility_question *asked = &item->question;
    struct network_namespace *namespace;
    enum visibility_end end;
    enum location location = locate_flow(visibility, asked, &end, &namespace);
    struct pending *pending = location == LOCATION_FOUND && visibility->answers.count < PENDING_MAX
                                  ? malloc(sizeof(*pending))
                                  : NULL;
    count_one(&visibility->counters.asked);
    if (pending == NULL) {
        count_one(location == LOCATION_FOUND       ? &visibility->counters.unknown
                  : location == LOCATION_AMBIGUOUS ? &visibility->counters.ambiguous
                                                   : &visibility->counters.foreign);
        client_answer(client, item->ticket, item->state, NULL, END_NONE);
        return;
    }
    int64_t now = clock_steady();
    namespace->asked_at = now;
    *pending = (struct pending){
        .client = client,
        .ticket = item->ticket,
        .state = item->state,
        .end = end,
        .asked_at = now,
        .question = {.namespace_number = namespace->number,
                     .connection = connection_of(asked, end),
                     .earliest = asked->earliest,
                     .latest = asked->latest,
                     .opening = asked->opening && end == END_SOURCE,
                     .no_younger = NEVER},
    };
    look_for_socket(visibility, namespace, pending);
    *visibility->answers.last = pending;
    visibility->answers.last = &pending->next;
    visibility->answers.count++;
}

void answers_take(struct visibility *visibility) {
    for (struct visibility_client *client = visibility->clients; client != NULL; client = client->next) {
        struct ring_item item;
        for (int i = 0; i < QUESTIONS_MAX && client_next(client, &item); i++)
            take_question(visibility, client, &item);
    }
}

/* False: the question has to wait. */
static bool answer_pending(struct visibility *visibility, struct pending *pending, int64_t now) {
    struct socket_question *question = &pending->question;
    struct network_namespace *namespace =
        namespaces_find(&visibility->namespaces, question->namespace_number);
    struct process *process = NULL;
    enum socket_verdict verdict = SOCKET_UNKNOWN;
    if (namespace != NULL) {
        question->complete_since = namespace->complete_since;
        question->checked_at = namespace->protocols[protocol_index(question->connection.protocol)].checked_at;
        if (now - pending->asked_at < SETTLE_MICROSECONDS || question->checked_at <= pending->asked_at)
            return false;
        verdict = sockets_decide(&visibility->sockets, question, &process);
    }
    if (verdict == SOCKET_UNRESOLVED && now - pending->asked_at < PATIENCE_MICROSECONDS) {
        look_for_socket(visibility, namespace, pending);
        return false;
    }
    count_one(verdict == SOCKET_FOUND       ? &visibility->counters.found
              : verdict == SOCKET_AMBIGUOUS ? &visibility->counters.ambiguous
                                            : &visibility->counters.unknown);
    client_answer(pending->client, pending->ticket, pending->state, verdict == SOCKET_FOUND ? process : NULL,
                  pending->end);
    return true;
}

/* Takes the one at `link` out of the list. */
static void remove_pending(struct answers *answers, struct pending **link) {
    struct pending *pending = *link;
    *link = pending->next;
    if (answers->last == &pending->next)
        answers->last = link;
    answers->count--;
    free(pending);
}

void answers_give(struct visibility *visibility, bool looked) {
    int64_t now = clock_steady();
    struct pending **link = &visibility->answers.first;
    if (!looked)
        return;
    while (*link != NULL) {
        if (answer_pending(visibility, *link, now))
            remove_pending(&visibility->answers, link);
        else
            link = &(*link)->next;
    }
}

void answers_drop(struct visibility *visibility, const struct visibility_client *client) {
    struct pending **link = &visibility->answers.first;
    while (*link != NULL) {
        if (client == NULL || (*link)->client == client)
            remove_pending(&visibility->answers, link);
        else
            link = &(*link)->next;
    }
}
