#include "record/login/oauth.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "record/login/secret_line.h"
#include "record/login/transfer.h"
#include "record/login/url.h"

enum { LONGEST_SECONDS = 86400 };

struct oauth {
    const struct oauth_options *options;
    struct transfer transfer;
    char *body;
    char *secret; /* read at the start, for the first request; NULL: read it again */
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

static int read_secret(struct oauth *oauth, struct error *error) {
    const struct oauth_options *options = oauth->options;
    if (oauth->secret || options->secret)
        return 0;
    oauth->secret = secret_line_read(options->names.secret, options->secret_file, &options->limits, error);
    return oauth->secret ? 0 : -EINVAL;
}

int oauth_open(const struct oauth_options *options, struct oauth **opened, struct error *error) {
    int result = login_check_secret_url(options->names.url, options->url, options->names.all, error);
    if (result < 0)
        return result;
    struct oauth *oauth = calloc(1, sizeof *oauth);
    if (oauth)
        oauth->options = options;
    result = oauth ? transfer_open(&oauth->transfer, &options->limits, options->ca_file) : -ENOMEM;
    if (result == 0 && !(oauth->body = make_body(oauth->transfer.curl, options->scope)))
        result = -ENOMEM;
    if (result < 0)
        error_set(error, ENOMEM, EX_OSERR, "out of memory");
    else
        result = read_secret(oauth, error);
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
    free(oauth->body);
    free(oauth);
}

/* What the server said instead of a token. */
static int no_token(const struct oauth *oauth, long status, const char *refusal, struct error *error) {
    const struct oauth_options *options = oauth->options;
    if (refusal || status == 401 || status == 403)
        return error_set(error, EACCES, EX_NOPERM, "%s %s: it gives client %s no token (%ld%s%s); check %s",
                         options->names.url, options->url, options->client_id, status, refusal ? ", " : "",
                         refusal ? refusal : "", options->names.all);
    return error_set(error, EPROTO, EX_UNAVAILABLE,
                     "%s %s: this is not how a token server answers (%ld); check the address",
                     options->names.url, options->url, status);
}

/* The answer's token. */
static int take_token(struct oauth *oauth, long status, struct oauth_token *taken, struct error *error) {
    struct buffer *response = &oauth->transfer.response;
    json_t *answer = json_loadb((const char *)response->data, response->length, 0, NULL);
    const char *token = json_string_value(json_object_get(answer, "access_token"));
    const char *refusal = json_string_value(json_object_get(answer, "error"));
    json_int_t seconds = json_integer_value(json_object_get(answer, "expires_in"));
    int result = 0;
    if (status != 200 || !token || !*token) {
        result = no_token(oauth, status, refusal, error);
    } else {
        taken->lifetime = (seconds <= 0                ? 0
                           : seconds < LONGEST_SECONDS ? (int64_t)seconds
                                                       : LONGEST_SECONDS) *
                          1000000;
        taken->text = strdup(token);
        if (!taken->text)
            result = error_set(error, ENOMEM, EX_OSERR, "out of memory");
    }
    json_decref(answer);
    if (response->data)
        explicit_bzero(response->data, response->length);
    return result;
}

/* Why no answer came, as one line. */
static int no_answer(const struct oauth *oauth, CURLcode code, struct error *error) {
    const struct oauth_options *options = oauth->options;
    if (code == CURLE_ABORTED_BY_CALLBACK)
        return error_set(error, EINTR, EX_UNAVAILABLE, "%s %s: the request was given up", options->names.url,
                         options->url);
    if (code == CURLE_WRITE_ERROR)
        return error_set(error, EMSGSIZE, EX_UNAVAILABLE,
                         "%s %s: its answer is larger than a token server's; check the address",
                         options->names.url, options->url);
    return error_set(error, ECONNREFUSED, EX_UNAVAILABLE, "%s %s: %s", options->names.url, options->url,
                     transfer_reason(&oauth->transfer, code));
}

int oauth_fetch(struct oauth *oauth, struct oauth_token *token, struct error *error) {
    const struct oauth_options *options = oauth->options;
    long status = 0;
    CURL *curl = oauth->transfer.curl;
    *token = (struct oauth_token){0};
    if (read_secret(oauth, error) < 0)
        return -EINVAL;
    curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
    curl_easy_setopt(curl, CURLOPT_USERNAME, options->client_id);
    curl_easy_setopt(curl, CURLOPT_PASSWORD, options->secret ? options->secret : oauth->secret);
    CURLcode code = transfer_run(&oauth->transfer, options->url, oauth->body, &status);
    curl_easy_setopt(curl, CURLOPT_PASSWORD, NULL);
    secret_free(oauth->secret);
    oauth->secret = NULL;
    return code == CURLE_OK ? take_token(oauth, status, token, error) : no_answer(oauth, code, error);
}
