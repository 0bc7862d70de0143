/* A small HTTP server for a few fixed paths: one thread, GET and HEAD, everything bounded (connections, memory and time
 * of each). A new client is always let in, at the cost of the oldest (http_clients.h), and answered within a second,
 * whatever the others do, if `answer` takes less. What a client sends comes back in no answer. */
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

/* In the server's thread: fills the answer for a path. False: there is nothing (404). */
typedef bool http_answer_call(void *context, const char *path, struct http_answer *answer);

struct http_server;

/* Listens from here on, in a thread that calls `begin` first; the port is said in the log. A port that is in use or an
 * address that the host doesn't have: EX_UNAVAILABLE, or EX_NOPERM. */
int http_server_open(const struct listen_address *address, void (*begin)(void), http_answer_call *answer,
                     void *context, struct http_server **server, struct error *error);
void http_server_close(struct http_server *server); /* NULL: nothing */

/* "0.9.75". */
const char *http_library_version(void);
