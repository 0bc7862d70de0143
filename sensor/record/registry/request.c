#include "record/registry/request.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/secret.h"
#include "record/login/transfer.h"
#include "record/login/url.h"
#include "record/registry/credentials.h"

static _Atomic uint64_t request_count, error_count;

struct registry_http {
    struct registry_options options; /* texts are the caller's */
    struct transfer transfer;
    struct credentials *credentials;
    struct curl_slist *headers;
    char *url;
};

static char *without_last_slash(const char *url) {
    size_t length = strlen(url);
    while (length > 0 && url[length - 1] == '/')
        length--;
    return strndup(url, length);
}

static void http_configure(struct registry_http *http) {
    CURL *curl = http->transfer.curl;
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, http->headers);
    if (http->options.certificate_file)
        curl_easy_setopt(curl, CURLOPT_SSLCERT, http->options.certificate_file);
    if (http->options.key_file)
        curl_easy_setopt(curl, CURLOPT_SSLKEY, http->options.key_file);
}

/* A name and a value that are no second line, and none of the headers that say who asks and what. */
static int check_header(const char *header, struct error *error) {
    static const char *const ours[] = {"authorization", "content-type", "content-length", "host"};
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    size_t name = strspn(header, letters), value = name + 2;
    bool good = name > 0 && strncmp(header + name, ": ", 2) == 0 && header[value] != '\0';
    for (size_t i = 0; good && i < sizeof ours / sizeof *ours; i++)
        good = strlen(ours[i]) != name || strncasecmp(header, ours[i], name) != 0;
    for (size_t i = value; good && header[i] != '\0'; i++)
        good = header[i] >= 0x20 && header[i] <= 0x7e;
    return good
               ? 0
               : error_set(
                     error, EINVAL, EX_CONFIG,
                     "registry.headers \"%.*s\": expected \"Name: value\", and none of Authorization, Content-Type, Content-Length and Host",
                     (int)name, header);
}

/* False: no memory. */
static bool make_headers(struct registry_http *http) {
    const struct registry_options *options = &http->options;
    http->headers = curl_slist_append(NULL, "Content-Type: application/vnd.schemaregistry.v1+json");
    for (size_t i = 0; http->headers && i < options->header_count; i++) {
        struct curl_slist *longer = curl_slist_append(http->headers, options->headers[i]);
        if (!longer)
            return false;
        http->headers = longer;
    }
    return http->headers;
}

static int check_options(const struct registry_options *options, struct error *error) {
    int result =
        login_check_url("registry.url", options->url, "registry.username and registry.password_file", error);
    for (size_t i = 0; result == 0 && i < options->header_count; i++)
        result = check_header(options->headers[i], error);
    if (result == 0 && options->key_file)
        result = secret_check_file("registry.key_file", options->key_file, error);
    return result;
}

int registry_http_open(const struct registry_options *options, struct registry_http **opened,
                       struct error *error) {
    int result = check_options(options, error);
    if (result < 0)
        return result;
    const struct login_limits limits = registry_limits(options);
    struct registry_http *http = calloc(1, sizeof *http);
    if (!http)
        return error_set(error, ENOMEM, EX_OSERR, "out of memory");
    http->options = *options;
    http->url = without_last_slash(options->url);
    if (transfer_open(&http->transfer, &limits, options->ca_file) < 0 || !http->url || !make_headers(http))
        result = error_set(error, ENOMEM, EX_OSERR, "out of memory");
    if (result == 0)
        result = credentials_open(&http->options, &http->credentials, error);
    if (result < 0) {
        registry_http_close(http);
        return result;
    }
    http_configure(http);
    *opened = http;
    return 0;
}

void registry_http_close(struct registry_http *http) {
    if (!http)
        return;
    curl_slist_free_all(http->headers);
    transfer_close(&http->transfer);
    credentials_close(http->credentials);
    free(http->url);
    free(http);
}

/* Why no answer came, as one line. */
static int fail_transfer(struct registry_http *http, CURLcode code, struct error *error) {
    if (code == CURLE_ABORTED_BY_CALLBACK)
        return error_set(error, EINTR, EX_UNAVAILABLE, "registry %s: the request was given up", http->url);
    if (code == CURLE_WRITE_ERROR)
        return error_set(
            error, EMSGSIZE, EX_UNAVAILABLE,
            "registry %s: its answer is larger than registry.max_response_size; is this the registry's address?",
            http->url);
    if (code == CURLE_OPERATION_TIMEDOUT)
        return error_set(
            error, ETIMEDOUT, EX_UNAVAILABLE,
            "registry %s: no answer within %.1f s; check that it runs, or raise registry.timeout", http->url,
            (double)http->options.timeout / 1e6);
    return error_set(error, ECONNREFUSED, EX_UNAVAILABLE,
                     "registry %s: %s; check registry.url and that the registry runs", http->url,
                     transfer_reason(&http->transfer, code));
}

static char *make_url(struct registry_http *http, const char *path_format, const char *subject) {
    char *escaped = curl_easy_escape(http->transfer.curl, subject, 0);
    const char *place = strstr(path_format, "%s");
    char *url = NULL;
    if (escaped && place &&
        asprintf(&url, "%s%.*s%s%s", http->url, (int)(place - path_format), path_format, escaped, place + 2) <
            0)
        url = NULL;
    curl_free(escaped);
    return url;
}

/* Texts of the registry go into messages: error_set() makes control characters visible. */
static void read_answer(struct registry_http *http, struct registry_answer *answer) {
    answer->body =
        json_loadb((const char *)http->transfer.response.data, http->transfer.response.length, 0, NULL);
    const char *message = json_string_value(json_object_get(answer->body, "message"));
    answer->code = (long)json_integer_value(json_object_get(answer->body, "error_code"));
    if (message)
        snprintf(answer->message, sizeof answer->message, "%s", message);
    else
        snprintf(answer->message, sizeof answer->message, "%.*s",
                 (int)(http->transfer.response.length < 80 ? http->transfer.response.length : 80),
                 http->transfer.response.data ? (const char *)http->transfer.response.data : "");
}

/* Posts the body, or gets if there is none. */
static int http_exchange(struct registry_http *http, const char *url, const char *body,
                         struct registry_answer *answer, struct error *error) {
    int result = credentials_apply(http->credentials, http->transfer.curl, error);
    if (result < 0)
        return result;
    CURLcode code = transfer_run(&http->transfer, url, body, &answer->status);
    if (code != CURLE_OK)
        return fail_transfer(http, code, error);
    read_answer(http, answer);
    if (answer->status == 401)
        credentials_refused(http->credentials);
    if (answer->status >= 500)
        return error_set(error, EIO, EX_UNAVAILABLE,
                         "registry %s: it answers %ld (%s); look into the registry's log", http->url,
                         answer->status, answer->message);
    return 0;
}

/* The same, counted. */
static int http_perform(struct registry_http *http, const char *url, const char *body,
                        struct registry_answer *answer, struct error *error) {
    int result = http_exchange(http, url, body, answer, error);
    atomic_fetch_add(&request_count, 1);
    if (result < 0 || answer->status == 401 || answer->status == 403)
        atomic_fetch_add(&error_count, 1);
    return result;
}

int registry_http_post_schema(struct registry_http *http, const char *path_format, const char *subject,
                              const char *schema_text, struct registry_answer *answer, struct error *error) {
    *answer = (struct registry_answer){0};
    json_t *request = json_pack("{s:s}", "schema", schema_text);
    char *body = request ? json_dumps(request, JSON_COMPACT) : NULL;
    char *url = make_url(http, path_format, subject);
    int result = body && url ? http_perform(http, url, body, answer, error)
                             : error_set(error, ENOMEM, EX_OSERR, "out of memory");
    json_decref(request);
    free(body);
    free(url);
    if (result < 0)
        registry_answer_free(answer);
    return result;
}

int registry_http_get(struct registry_http *http, const char *path_format, const char *name,
                      struct registry_answer *answer, struct error *error) {
    *answer = (struct registry_answer){0};
    char *url = make_url(http, path_format, name);
    int result = url ? http_perform(http, url, NULL, answer, error)
                     : error_set(error, ENOMEM, EX_OSERR, "out of memory");
    free(url);
    if (result < 0)
        registry_answer_free(answer);
    return result;
}

void registry_answer_free(struct registry_answer *answer) {
    json_decref(answer->body);
    answer->body = NULL;
}

const char *registry_http_url(const struct registry_http *http) {
    return http->url;
}

void registry_statistics(struct registry_statistics *statistics) {
    statistics->errors = atomic_load(&error_count);
    statistics->requests = atomic_load(&request_count);
}

const char *registry_http_version(void) {
    return curl_version();
}
