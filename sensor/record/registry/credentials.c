#include "record/registry/credentials.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "record/login/oauth.h"
#include "record/login/secret_line.h"

enum { DEFAULT_MICROSECONDS = 300000000 /* of a token whose server doesn't say how long it is good */ };

struct credentials {
    const struct registry_options *options;
    struct login_limits limits;
    const char *option, *path; /* of the file; NULL: none */
    char *secret;              /* its first line */
    bool fresh;                /* it was read for this request */
    bool said;                 /* that it can't be read */
    struct oauth_options oauth_options;
    struct oauth *oauth; /* NULL: no token server */
    char *token;         /* of it */
    int64_t good_until;  /* monotonic clock: three quarters of its life are over then */
};

static int open_oauth(struct credentials *credentials, struct error *error) {
    const struct registry_options *options = credentials->options;
    if (!options->oauth_token_url)
        return 0;
    credentials->oauth_options = (struct oauth_options){
        .url = options->oauth_token_url,
        .client_id = options->oauth_client_id,
        .secret_file = options->oauth_client_secret_file,
        .scope = options->oauth_scope,
        .ca_file = options->ca_file,
        .limits = credentials->limits,
        .names = {.url = "registry.oauth_token_url",
                  .secret = "registry.oauth_client_secret_file",
                  .all = "registry.oauth_client_id, oauth_client_secret_file and oauth_scope"},
    };
    return oauth_open(&credentials->oauth_options, &credentials->oauth, error);
}

int credentials_open(const struct registry_options *options, struct credentials **opened,
                     struct error *error) {
    struct credentials *made = calloc(1, sizeof *made);
    if (!made)
        return error_set(error, ENOMEM, EX_OSERR, "out of memory");
    made->options = options;
    made->limits = registry_limits(options);
    made->path = options->password_file ? options->password_file : options->bearer_token_file;
    made->option = options->password_file ? "registry.password_file" : "registry.bearer_token_file";
    int result = open_oauth(made, error);
    if (result == 0 && made->path &&
        !(made->secret = secret_line_read(made->option, made->path, &made->limits, error)))
        result = -EINVAL;
    made->fresh = true;
    if (result < 0)
        credentials_close(made);
    else
        *opened = made;
    return result;
}

void credentials_close(struct credentials *credentials) {
    if (!credentials)
        return;
    oauth_close(credentials->oauth);
    secret_free(credentials->secret);
    secret_free(credentials->token);
    free(credentials);
}

/* What a pipe gave was all. */
static void read_again(struct credentials *credentials) {
    struct error error;
    char *secret = secret_line_read(credentials->option, credentials->path, &credentials->limits, &error);
    if (secret) {
        secret_free(credentials->secret);
        credentials->secret = secret;
    } else if (!credentials->said) {
        log_line(LOG_WARNING, "%s; what was read before is used on", error.text);
    }
    credentials->said = !secret;
}

static void apply_bearer(CURL *curl, const char *token) {
    curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
    curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, token);
}

static void forget_token(struct credentials *credentials) {
    secret_free(credentials->token);
    credentials->token = NULL;
}

/* A token that is good now, or NULL with the line of the error. */
static const char *oauth_token_of(struct credentials *credentials, struct error *error) {
    struct oauth_token token;
    if (credentials->token && clock_monotonic() < credentials->good_until)
        return credentials->token;
    forget_token(credentials);
    if (oauth_fetch(credentials->oauth, &token, error) < 0)
        return NULL;
    int64_t lifetime = token.lifetime > 0 ? token.lifetime : DEFAULT_MICROSECONDS;
    credentials->token = token.text;
    credentials->good_until = clock_monotonic() + lifetime / 4 * 3;
    return credentials->token;
}

int credentials_apply(struct credentials *credentials, CURL *curl, struct error *error) {
    const struct registry_options *options = credentials->options;
    if (credentials->path && !credentials->fresh)
        read_again(credentials);
    credentials->fresh = false;
    if (options->username) {
        curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        curl_easy_setopt(curl, CURLOPT_USERNAME, options->username);
        curl_easy_setopt(curl, CURLOPT_PASSWORD, credentials->secret ? credentials->secret : "");
    } else if (credentials->secret) {
        apply_bearer(curl, credentials->secret);
    } else if (credentials->oauth) {
        const char *token = oauth_token_of(credentials, error);
        if (!token)
            return -EACCES;
        apply_bearer(curl, token);
    }
    return 0;
}

void credentials_refused(struct credentials *credentials) {
    forget_token(credentials);
}
