#include "record/registry/oauth.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/secret.h"
#include "record/registry/secret_line.h"
#include "record/registry/transfer.h"

/* Where the server doesn't say how long it is good. */
enum { DEFAULT_SECONDS = 300, LONGEST_SECONDS = 86400 };

static const char secret_option[] = "registry.oauth_client_secret_file";

struct oauth {
    struct transfer transfer;
    char *body;
    char *secret; /* read at the start, for the first request; NULL: read it again */
    char *token;
    int64_t good_until; /* monotonic clock */
};

static char *make_body(CURL *curl, const char *scope) {
    char *body = NULL;
    if (!scope)
        return strdup("grant_type=client_credentials");
    char *escaped = curl_easy_escape(curl, scope, 0);
    if (!escaped || asprintf(&body, "grant_type=client_credentials&scope=%s", escaped) < 0)
        body = NULL;
    curl_free(escaped);
    return body;
}

int oauth_open(const struct registry_options *options, struct oauth **opened, struct error *error) {
    struct oauth *oauth = calloc(1, sizeof *oauth);
    int result = oauth ? transfer_open(&oauth->transfer, options) : -ENOMEM;
    if (result == 0 && !(oauth->body = make_body(oauth->transfer.curl, options->oauth_scope)))
        result = -ENOMEM;
    if (result < 0)
        error_set(error, ENOMEM, EX_OSERR, "out of memory");
    else if (!(oauth->secret =
                   secret_line_read(secret_option, options->oauth_client_secret_file, options, error)))
        result = -EINVAL;
    if (result < 0)
        oauth_close(oauth);
    else
        *opened = oauth;
    return result;
}

void oauth_close(struct oauth *oauth) {
    if (!oauth)
        return;
    transfer_close(&oauth->transfer);
    secret_free(oauth->secret);
    secret_free(oauth->token);
    free(oauth->body);
    free(oauth);
}

void oauth_forget(struct oauth *oauth) {
    secret_free(oauth->token);
    oauth->token = NULL;
}

/* The answer's token. */
static int take_token(struct oauth *oauth, const struct registry_options *options, long status,
                      struct error *error) {
    struct buffer *response = &oauth->transfer.response;
    json_t *answer = json_loadb((const char *)response->data, response->length, 0, NULL);
    const char *token = json_string_value(json_object_get(answer, "access_token"));
    const char *refusal = json_string_value(json_object_get(answer, "error"));
    json_int_t seconds = json_integer_value(json_object_get(answer, "expires_in"));
    int result = 0;
    if (seconds <= 0 || seconds > LONGEST_SECONDS)
        seconds = seconds <= 0 ? DEFAULT_SECONDS : LONGEST_SECONDS;
    if (status == 200 && token && *token) {
        oauth->token = strdup(token);
        oauth->good_until = clock_monotonic() + (int64_t)seconds * 750000;
        if (!oauth->token)
            result = error_set(error, ENOMEM, EX_OSERR, "out of memory");
    } else if (refusal) {
        result = error_set(error, EACCES, EX_NOPERM,
                           "registry.oauth_token_url %s: it gives client %s no token (%ld, %s); check "
                           "registry.oauth_client_id, oauth_client_secret_file and oauth_scope",
                           options->oauth_token_url, options->oauth_client_id, status, refusal);
    } else {
        result = error_set(error, EPROTO, EX_UNAVAILABLE,
                           "registry.oauth_token_url %s: this is not how a token server answers (%ld); check "
                           "the address",
                           options->oauth_token_url, status);
    }
    json_decref(answer);
    if (response->data)
        explicit_bzero(response->data, response->length);
    return result;
}

static int fetch(struct oauth *oauth, const struct registry_options *options, struct error *error) {
    long status = 0;
    CURL *curl = oauth->transfer.curl;
    if (!oauth->secret)
        oauth->secret = secret_line_read(secret_option, options->oauth_client_secret_file, options, error);
    if (!oauth->secret)
        return -EINVAL;
    curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
    curl_easy_setopt(curl, CURLOPT_USERNAME, options->oauth_client_id);
    curl_easy_setopt(curl, CURLOPT_PASSWORD, oauth->secret);
    CURLcode code = transfer_run(&oauth->transfer, options->oauth_token_url, oauth->body, &status);
    curl_easy_setopt(curl, CURLOPT_PASSWORD, NULL);
    secret_free(oauth->secret);
    oauth->secret = NULL;
    if (code == CURLE_ABORTED_BY_CALLBACK)
        return error_set(error, EINTR, EX_UNAVAILABLE,
                         "registry.oauth_token_url %s: the request was given up", options->oauth_token_url);
    if (code != CURLE_OK)
        return error_set(error, ECONNREFUSED, EX_UNAVAILABLE, "registry.oauth_token_url %s: %s",
                         options->oauth_token_url, transfer_reason(&oauth->transfer, code));
    return take_token(oauth, options, status, error);
}

const char *oauth_token(struct oauth *oauth, const struct registry_options *options, struct error *error) {
    if (oauth->token && clock_monotonic() < oauth->good_until)
        return oauth->token;
    oauth_forget(oauth);
    return fetch(oauth, options, error) < 0 ? NULL : oauth->token;
}
