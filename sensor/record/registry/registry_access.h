/* Which schema registry, how it is reached, and what it was asked. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record/login/limits.h"

struct registry_options {
    const char *url;               /* may have a path: http://127.0.0.1:8080/apis/ccompat/v7 */
    const char *username;          /* basic auth; NULL: none */
    const char *password_file;     /* its first line is the password */
    const char *bearer_token_file; /* its first line is the token; NULL: none */
    /* Where a token is got by client credentials; NULL: nowhere. The scope may be NULL. */
    const char *oauth_token_url, *oauth_client_id, *oauth_client_secret_file, *oauth_scope;
    const char *const *headers; /* "Name: value", further ones of each request */
    size_t header_count;
    const char *ca_file, *certificate_file, *key_file; /* TLS; NULL: system's CA, no client certificate */
    int64_t timeout;                                   /* microseconds per request */
    uint64_t max_response_size;                        /* bytes */
    const char *cache_directory;                       /* NULL: no cache */
    /* Called several times a second during waits. True: give up, with -EINTR. NULL: never. */
    bool (*stop)(void *context);
    void *stop_context;
};

static inline struct login_limits registry_limits(const struct registry_options *options) {
    return (struct login_limits){.timeout = options->timeout,
                                 .max_size = options->max_response_size,
                                 .stop = options->stop,
                                 .stop_context = options->stop_context};
}

/* The requests that the process sent to registries since its start, those of watches included.
 * @thread any: atomic counters */
struct registry_statistics {
    uint64_t requests;
    /* Of these: no answer, one that breaks a limit, a server's error (5xx), or access refused (401, 403). */
    uint64_t errors;
};
void registry_statistics(struct registry_statistics *statistics);
