#include "record/registry/credentials.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/secret.h"
#include "record/registry/oauth.h"
#include "record/registry/secret_line.h"

struct credentials {
    const struct registry_options *options;
    const char *option, *path; /* of the file; NULL: none */
    char *secret;              /* its first line */
    bool fresh;                /* it was read for this request */
    bool said;                 /* that it can't be read */
    struct oauth *oauth;       /* NULL: no token server */
};

int credentials_open(const struct registry_options *options, struct credentials **opened,
                     struct error *error) {
    struct credentials *made = calloc(1, sizeof *made);
    if (!made)
        return error_set(error, ENOMEM, EX_OSERR, "out of memory");
    made->options = options;
    made->path = options->password_file ? options->password_file : options->bearer_token_file;
    made->option = options->password_file ? "registry.password_file" : "registry.bearer_token_file";
    int result = options->oauth_token_url ? oauth_open(options, &made->oauth, error) : 0;
    if (result == 0 && made->path &&
        !(made->secret = secret_line_read(made->option, made->path, options, error)))
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
    free(credentials);
}

/* What a pipe gave was all. */
static void read_again(struct credentials *credentials) {
    struct error error;
    char *secret = secret_line_read(credentials->option, credentials->path, credentials->options, &error);
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
        const char *token = oauth_token(credentials->oauth, options, error);
        if (!token)
            return -EACCES;
        apply_bearer(curl, token);
    }
    return 0;
}

void credentials_refused(struct credentials *credentials) {
    if (credentials->oauth)
        oauth_forget(credentials->oauth);
}
