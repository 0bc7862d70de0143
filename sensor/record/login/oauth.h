/* An access token from an OAuth server, by client credentials (RFC 6749, 4.4): one request, bounded in time and size. For the
 * registry's client and for Kafka outputs. Belongs to one thread at a time. */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "record/login/limits.h"

struct oauth_options {
    const char *url, *client_id;
    const char *secret;      /* of the client; NULL: a file has it */
    const char *secret_file; /* its first line is the secret, read again for each request */
    const char *scope;       /* NULL: none */
    const char *ca_file;     /* of the server's certificate; NULL: the system's */
    struct login_limits limits;
    /* How the configuration calls these: for lines of errors. */
    struct {
        const char *url, *secret;
        const char *all; /* what to check when the server gives no token */
    } names;
};

struct oauth;

/* The options are borrowed. -errno and one line: the URL is none or would send the secret in clear (EX_CONFIG), or the secret
 * can't be read. Connects nowhere. */
int oauth_open(const struct oauth_options *options, struct oauth **oauth, struct error *error);
void oauth_close(struct oauth *oauth);

struct oauth_token {
    char *text;       /* for secret_free() */
    int64_t lifetime; /* microseconds, at most a day; 0: the server doesn't say */
};

/* Asks for a token. -errno and the line of the error: EX_UNAVAILABLE if the server doesn't answer as one, EX_NOPERM if it
 * refuses. */
int oauth_fetch(struct oauth *oauth, struct oauth_token *token, struct error *error);
