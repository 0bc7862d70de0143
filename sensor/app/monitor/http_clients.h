/* Who is connected to the HTTP server, so that a new client always finds room. When there are too many, the one that
 * has been at its request for longest is cut off. So is a client that takes too long: for its request, or for its answer.
 * A probe is answered within milliseconds, so it is never the oldest, whatever the others do and whatever addresses they
 * come from. Addresses don't count: the kubelet's probes come from the node's own, and so may an attack.
 *
 * Belongs to the server's thread. Times are microseconds of the monotonic clock. Descriptors are the server's: they are
 * shut down here, and closed by the server. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
    HTTP_CLIENTS_MAX = 64, /* the kubelet's probes and two or three scrapers need a few */
    HTTP_CLIENTS_ROOM =
        128, /* with those that were cut off and are not closed yet: the server takes no more */
    HTTP_REQUEST_MICROSECONDS =
        3 * 1000000, /* from accept, or from the answer before, to a complete request */
    HTTP_ANSWER_MICROSECONDS = 10 * 1000000, /* from there until the client has taken the answer */
};

struct http_client {
    int descriptor; /* -1: nobody */
    bool cut;
    int64_t since;    /* when it was accepted, or its last answer was complete */
    int64_t deadline; /* for its request, or for its answer */
};

struct http_clients {
    struct http_client places[HTTP_CLIENTS_ROOM];
};

void http_clients_init(struct http_clients *clients);

/* One came; NULL: no room, which can't be while the server keeps to HTTP_CLIENTS_ROOM. Cuts off the oldest if there are
 * too many. */
struct http_client *http_clients_add(struct http_clients *clients, int descriptor, int64_t now);

/* Its request is complete; its answer begins. */
void http_client_asked(struct http_client *client, int64_t now);

/* It got its answer and may ask again. */
void http_client_answered(struct http_client *client, int64_t now);

/* Its connection is being closed. */
void http_client_remove(struct http_client *client);

/* Now and then: cuts off those that take too long. */
void http_clients_sweep(struct http_clients *clients, int64_t now);
