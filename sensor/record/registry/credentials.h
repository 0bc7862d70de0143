/* How the client proves who it is: a password, a bearer token, a token of an OAuth server, or nothing (a certificate is
 * TLS's). Files are read again before each request, so that a new secret needs no restart; one that can't be read is said
 * once, and the old one is used on. Private to the registry client; belongs to one thread at a time. */
#pragma once

#include <curl/curl.h>

#include "base/error.h"
#include "record/registry/registry_access.h"

struct credentials;

/* `options` is borrowed. EX_CONFIG, EX_NOINPUT: a file can't be used. Connects nowhere. */
int credentials_open(const struct registry_options *options, struct credentials **credentials,
                     struct error *error);
void credentials_close(struct credentials *credentials);

/* Gives them to the next request. -errno and the line: there is no token. */
int credentials_apply(struct credentials *credentials, CURL *curl, struct error *error);

/* The registry refused them. */
void credentials_refused(struct credentials *credentials);
