#include "record/registry/request.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/own_sockets.h"
#include "base/secret.h"

static _Atomic uint64_t request_count, error_count;

enum { LOOK_MILLISECONDS = 100 }; /* whether to give up */

struct registry_http {
    CURL *curl;
    CURLM *transfers; /* of the one at a time */
    bool (*stop)(void *context);
    void *stop_context;
    struct curl_slist *headers;
    char *url;
    char *password;
    int64_t timeout;
    uint64_t max_response_size;
    struct buffer response;
    char reason[CURL_ERROR_SIZE];
};

static size_t http_receive(char *data, size_t size, size_t count, void *context) {
    struct registry_http *http = context;
    if (size * count > http->max_response_size - http->response.length)
        return 0; /* libcurl ends the transfer with CURLE_WRITE_ERROR */
    buffer_append(&http->response, data, size * count);
    return http->response.failed ? 0 : size * count;
}

static bool must_stop(const struct registry_options *options) {
    return options->stop && options->stop(options->stop_context);
}

/* A pipe's writer may take as long as a request. Bytes, or -errno. */
static ssize_t read_some(int file, char *bytes, size_t size, const struct registry_options *options) {
    struct pollfd ready = {.fd = file, .events = POLLIN};
    for (int64_t end = clock_monotonic() + options->timeout; clock_monotonic() < end && !must_stop(options);)
        if (poll(&ready, 1, LOOK_MILLISECONDS) > 0) {
            ssize_t length = read(file, bytes, size);
            return length < 0 ? -errno : length;
        }
    return must_stop(options) ? -EINTR : -ETIMEDOUT;
}

/* Reads it into `line`, which has room for the longest one: 0 or -errno. */
static int read_password_line(const char *path, char *line, size_t size,
                              const struct registry_options *options) {
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0)
        return -errno;
    size_t used = 0;
    ssize_t length;
    while ((length = read_some(file, line + used, size - 1 - used, options)) > 0 &&
           !memchr(line + used, '\n', (size_t)length))
        used += (size_t)length;
    close(file);
    return length < 0 ? (int)length : 0;
}

/* The first line of the password file; NULL with the line of the error. */
static char *read_password(const struct registry_options *options, struct error *error) {
    char line[1024] = "";
    int result = read_password_line(options->password_file, line, sizeof line, options);
    if (result < 0 || line[0] == '\0') {
        explicit_bzero(line, sizeof line);
        error_set(error, result < 0 ? -result : EINVAL, EX_NOINPUT, "registry.password_file %s: %s",
                  options->password_file,
                  result < 0 ? strerror(-result) : "is empty; its first line is the password");
        return NULL;
    }
    line[strcspn(line, "\r\n")] = '\0';
    char *password = strdup(line);
    explicit_bzero(line, sizeof line);
    if (!password)
        error_set(error, ENOMEM, EX_OSERR, "out of memory");
    return password;
}

static int check_writers(const struct registry_options *options, struct error *error) {
    int result = options->password_file
                     ? secret_check_file("registry.password_file", options->password_file, error)
                     : 0;
    return result == 0 && options->key_file ? secret_check_file("registry.key_file", options->key_file, error)
                                            : result;
}

static int check_url(const char *url, struct error *error) {
    const char *host = strstr(url, "://");
    if (strchr(url, '@') && (!host || memchr(host + 3, '@', strcspn(host + 3, "/"))))
        return error_set(
            error, EINVAL, EX_CONFIG,
            "registry.url has a user in it; use registry.username and registry.password_file, which stay out of logs");
    if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
        return error_set(error, EINVAL, EX_CONFIG,
                         "registry.url \"%s\" does not begin with http:// or https://", url);
    CURLU *parts = curl_url();
    CURLUcode code = parts ? curl_url_set(parts, CURLUPART_URL, url, 0) : CURLUE_OUT_OF_MEMORY;
    curl_url_cleanup(parts);
    if (code != CURLUE_OK)
        return error_set(error, EINVAL, EX_CONFIG, "registry.url \"%s\" is no address: %s", url,
                         curl_url_strerror(code));
    return 0;
}

static char *without_last_slash(const char *url) {
    size_t length = strlen(url);
    while (length > 0 && url[length - 1] == '/')
        length--;
    return strndup(url, length);
}

static curl_socket_t http_open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *peer) {
    (void)context, (void)purpose;
    int descriptor = socket(peer->family, peer->socktype | SOCK_CLOEXEC, peer->protocol);
    if (descriptor >= 0 && peer->socktype == SOCK_STREAM)
        own_socket_prepare(descriptor, &peer->addr, peer->addrlen);
    return descriptor;
}

static int http_close_socket(void *context, curl_socket_t descriptor) {
    (void)context;
    return own_socket_close(descriptor);
}

static void http_configure(struct registry_http *http, const struct registry_options *options) {
    curl_easy_setopt(http->curl, CURLOPT_ERRORBUFFER, http->reason);
    curl_easy_setopt(http->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(http->curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(http->curl, CURLOPT_FOLLOWLOCATION, 0L);
    /* When we give up, we must not wait for a name look-up that is still going on: its thread ends by itself. */
    curl_easy_setopt(http->curl, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(http->curl, CURLOPT_TIMEOUT_MS, (long)(options->timeout / 1000));
    curl_easy_setopt(http->curl, CURLOPT_HTTPHEADER, http->headers);
    curl_easy_setopt(http->curl, CURLOPT_WRITEFUNCTION, http_receive);
    curl_easy_setopt(http->curl, CURLOPT_WRITEDATA, http);
    curl_easy_setopt(http->curl, CURLOPT_USERAGENT, "flowsensor");
    if (own_sockets_enabled()) {
        curl_easy_setopt(http->curl, CURLOPT_OPENSOCKETFUNCTION, http_open_socket);
        curl_easy_setopt(http->curl, CURLOPT_CLOSESOCKETFUNCTION, http_close_socket);
    }
    if (options->username) {
        curl_easy_setopt(http->curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        curl_easy_setopt(http->curl, CURLOPT_USERNAME, options->username);
        curl_easy_setopt(http->curl, CURLOPT_PASSWORD, http->password ? http->password : "");
    }
    if (options->ca_file)
        curl_easy_setopt(http->curl, CURLOPT_CAINFO, options->ca_file);
    if (options->certificate_file)
        curl_easy_setopt(http->curl, CURLOPT_SSLCERT, options->certificate_file);
    if (options->key_file)
        curl_easy_setopt(http->curl, CURLOPT_SSLKEY, options->key_file);
}

int registry_http_open(const struct registry_options *options, struct registry_http **opened,
                       struct error *error) {
    int result = check_url(options->url, error);
    if (result == 0)
        result = check_writers(options, error);
    if (result < 0)
        return result;
    struct registry_http *http = calloc(1, sizeof *http);
    if (!http)
        return error_set(error, ENOMEM, EX_OSERR, "out of memory");
    http->timeout = options->timeout;
    http->max_response_size = options->max_response_size;
    http->url = without_last_slash(options->url);
    http->stop = options->stop;
    http->stop_context = options->stop_context;
    http->curl = curl_easy_init();
    http->transfers = curl_multi_init();
    http->headers = curl_slist_append(NULL, "Content-Type: application/vnd.schemaregistry.v1+json");
    if (!http->curl || !http->transfers || !http->url || !http->headers)
        result = error_set(error, ENOMEM, EX_OSERR, "out of memory");
    if (result == 0 && options->password_file && !(http->password = read_password(options, error)))
        result = -EINVAL;
    if (result < 0) {
        registry_http_close(http);
        return result;
    }
    http_configure(http, options);
    *opened = http;
    return 0;
}

void registry_http_close(struct registry_http *http) {
    if (!http)
        return;
    curl_slist_free_all(http->headers);
    curl_easy_cleanup(http->curl);
    curl_multi_cleanup(http->transfers);
    secret_free(http->password);
    free(http->url);
    buffer_free(&http->response);
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
            (double)http->timeout / 1e6);
    return error_set(error, ECONNREFUSED, EX_UNAVAILABLE,
                     "registry %s: %s; check registry.url and that the registry runs", http->url,
                     http->reason[0] ? http->reason : curl_easy_strerror(code));
}

static char *make_url(struct registry_http *http, const char *path_format, const char *subject) {
    char *escaped = curl_easy_escape(http->curl, subject, 0);
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
    answer->body = json_loadb((const char *)http->response.data, http->response.length, 0, NULL);
    const char *message = json_string_value(json_object_get(answer->body, "message"));
    answer->code = (long)json_integer_value(json_object_get(answer->body, "error_code"));
    if (message)
        snprintf(answer->message, sizeof answer->message, "%s", message);
    else
        snprintf(answer->message, sizeof answer->message, "%.*s",
                 (int)(http->response.length < 80 ? http->response.length : 80),
                 http->response.data ? (const char *)http->response.data : "");
}

/* Waits until the transfer has ended, or until we must give up. That gives CURLE_ABORTED_BY_CALLBACK, as in libcurl. */
static CURLcode http_transfer(struct registry_http *http) {
    int running = 1, left;
    const CURLMsg *message = NULL;
    if (curl_multi_add_handle(http->transfers, http->curl) != CURLM_OK)
        return CURLE_OUT_OF_MEMORY;
    while (running && !(http->stop && http->stop(http->stop_context)))
        if (curl_multi_perform(http->transfers, &running) != CURLM_OK ||
            (running && curl_multi_poll(http->transfers, NULL, 0, LOOK_MILLISECONDS, NULL) != CURLM_OK))
            break;
    if (!running)
        message = curl_multi_info_read(http->transfers, &left);
    CURLcode code = message ? message->data.result : CURLE_ABORTED_BY_CALLBACK;
    curl_multi_remove_handle(http->transfers, http->curl);
    return code;
}

/* Posts the body, or gets if there is none. */
static int http_exchange(struct registry_http *http, const char *url, const char *body,
                         struct registry_answer *answer, struct error *error) {
    http->response.length = 0;
    http->reason[0] = '\0';
    curl_easy_setopt(http->curl, CURLOPT_URL, url);
    if (body)
        curl_easy_setopt(http->curl, CURLOPT_POSTFIELDS, body);
    else
        curl_easy_setopt(http->curl, CURLOPT_HTTPGET, 1L);
    CURLcode code = http_transfer(http);
    if (code != CURLE_OK)
        return fail_transfer(http, code, error);
    curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, &answer->status);
    read_answer(http, answer);
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
