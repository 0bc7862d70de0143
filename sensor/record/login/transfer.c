#include "record/login/transfer.h"

#include <errno.h>

#include "base/own_sockets.h"

enum { LOOK_MILLISECONDS = 100 }; /* whether to give up */

static size_t transfer_receive(char *data, size_t size, size_t count, void *context) {
    struct transfer *transfer = context;
    if (size * count > transfer->max_size - transfer->response.length)
        return 0; /* libcurl ends the transfer with CURLE_WRITE_ERROR */
    buffer_append(&transfer->response, data, size * count);
    return transfer->response.failed ? 0 : size * count;
}

static curl_socket_t transfer_open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *peer) {
    (void)context, (void)purpose;
    int descriptor = socket(peer->family, peer->socktype | SOCK_CLOEXEC, peer->protocol);
    if (descriptor >= 0 && peer->socktype == SOCK_STREAM)
        own_socket_prepare(descriptor, &peer->addr, peer->addrlen);
    return descriptor;
}

static int transfer_close_socket(void *context, curl_socket_t descriptor) {
    (void)context;
    return own_socket_close(descriptor);
}

static void transfer_configure(struct transfer *transfer, const struct login_limits *limits,
                               const char *ca_file) {
    CURL *curl = transfer->curl;
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, transfer->reason);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    /* When we give up, we must not wait for a name look-up that is still going on: its thread ends by itself. */
    curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)(limits->timeout / 1000));
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, transfer_receive);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "flowsensor");
    if (own_sockets_enabled()) {
        curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, transfer_open_socket);
        curl_easy_setopt(curl, CURLOPT_CLOSESOCKETFUNCTION, transfer_close_socket);
    }
    /* Both are libcurl's defaults too; no setting may switch them off. */
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    if (ca_file)
        curl_easy_setopt(curl, CURLOPT_CAINFO, ca_file);
#if LIBCURL_VERSION_NUM >= 0x075700
    curl_easy_setopt(curl, CURLOPT_CA_CACHE_TIMEOUT,
                     0L); /* else for a day, in builds without a folder of authorities */
#endif
}

int transfer_open(struct transfer *transfer, const struct login_limits *limits, const char *ca_file) {
    transfer->stop = limits->stop;
    transfer->stop_context = limits->stop_context;
    transfer->max_size = limits->max_size;
    transfer->curl = curl_easy_init();
    transfer->requests = curl_multi_init();
    if (!transfer->curl || !transfer->requests)
        return -ENOMEM;
    transfer_configure(transfer, limits, ca_file);
    return 0;
}

void transfer_close(struct transfer *transfer) {
    curl_easy_cleanup(transfer->curl);
    curl_multi_cleanup(transfer->requests);
    buffer_free(&transfer->response);
}

/* Waits until the request has ended, or until we must give up. */
static CURLcode transfer_wait(struct transfer *transfer) {
    int running = 1, left;
    const CURLMsg *message = NULL;
    if (curl_multi_add_handle(transfer->requests, transfer->curl) != CURLM_OK)
        return CURLE_OUT_OF_MEMORY;
    while (running && !(transfer->stop && transfer->stop(transfer->stop_context)))
        if (curl_multi_perform(transfer->requests, &running) != CURLM_OK ||
            (running && curl_multi_poll(transfer->requests, NULL, 0, LOOK_MILLISECONDS, NULL) != CURLM_OK))
            break;
    if (!running)
        message = curl_multi_info_read(transfer->requests, &left);
    CURLcode code = message ? message->data.result : CURLE_ABORTED_BY_CALLBACK;
    curl_multi_remove_handle(transfer->requests, transfer->curl);
    return code;
}

CURLcode transfer_run(struct transfer *transfer, const char *url, const char *body, long *status) {
    transfer->response.length = 0;
    transfer->reason[0] = '\0';
    curl_easy_setopt(transfer->curl, CURLOPT_URL, url);
    if (body)
        curl_easy_setopt(transfer->curl, CURLOPT_POSTFIELDS, body);
    else
        curl_easy_setopt(transfer->curl, CURLOPT_HTTPGET, 1L);
    CURLcode code = transfer_wait(transfer);
    if (code == CURLE_OK)
        curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, status);
    return code;
}

const char *transfer_reason(const struct transfer *transfer, CURLcode code) {
    return transfer->reason[0] ? transfer->reason : curl_easy_strerror(code);
}
