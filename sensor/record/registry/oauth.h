/* An access token from an OAuth server, by client credentials (RFC 6749, 4.4). Kept until three quarters of its life are over.
 * Private to the registry client; belongs to one thread at a time. */
#pragma once

#include "base/error.h"
#include "record/registry/registry_access.h"

struct oauth;

/* -errno and one line: the URL is none, or the secret can't be read. Connects nowhere. */
int oauth_open(const struct registry_options *options, struct oauth **oauth, struct error *error);
void oauth_close(struct oauth *oauth);

/* A token that is good now, or NULL with the line of the error: EX_UNAVAILABLE if the server doesn't answer as one, EX_NOPERM
 * if it refuses. Reads the client's secret again whenever it asks. */
const char *oauth_token(struct oauth *oauth, const struct registry_options *options, struct error *error);

/* The token was refused: the next one is a new one. */
void oauth_forget(struct oauth *oauth);
