/* A small HTTP server for a few fixed paths: one thread, GET and HEAD, everything bounded (connections, memory and time
 * of each). A new client is always let in: if there are too many, the oldest one is cut off (http_clients.h). It is
 * answered within a second, whatever the others do, if `answer` takes less. No answer contains what a client sent. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "app/config/listen_address.h"
#include "base/error.h"

struct http_answer {
    unsigned status;
    const char *content_type;
    char *body; /* malloc'd, the server's from the call on; NULL: no memory, answered with 500 */
    size_t length;
    bool is_last; /* of its connection: who asks for many costly answers takes a turn for each */
};

/* Fills the answer for a path. False: there is nothing (404).
 * @thread monitor: the server's */
typedef bool http_answer_call(void *context, const char *path, struct http_answer *answer);

struct http_server;

/* Listens from here on, in a thread that calls `begin` first, and logs the port. EX_UNAVAILABLE: the port is in use, or the
 * host doesn't have the address; EX_NOPERM.
 * @thread main (both) */
int http_server_open(const struct listen_address *address, void (*begin)(void), http_answer_call *answer,
                     void *context, struct http_server **server, struct error *error);
void http_server_close(struct http_server *server); /* NULL: nothing */

/* "0.9.75". */
const char *http_library_version(void);
