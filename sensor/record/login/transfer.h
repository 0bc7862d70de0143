/* One HTTP request at a time by libcurl: bounded in time and size, without redirects, and given up when the caller says so.
 * Servers' certificates and names are checked. Private to record/login/ and the registry client; belongs
 * to one thread at a time. */
#pragma once

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "record/login/limits.h"

struct transfer {
    CURL *curl;      /* for options of one's own */
    CURLM *requests; /* of the one at a time */
    bool (*stop)(void *context);
    void *stop_context;
    uint64_t max_size;
    struct buffer response; /* of the last request */
    char reason[CURL_ERROR_SIZE];
};

/* `ca_file`: NULL: the system's authorities. -ENOMEM; transfer_close() then frees too. */
int transfer_open(struct transfer *transfer, const struct login_limits *limits, const char *ca_file);
void transfer_close(struct transfer *transfer);

/* Posts the body, or gets if it is NULL. CURLE_ABORTED_BY_CALLBACK: given up; CURLE_WRITE_ERROR: too large an answer. */
CURLcode transfer_run(struct transfer *transfer, const char *url, const char *body, long *status);

/* Why there was no answer, in libcurl's words. */
const char *transfer_reason(const struct transfer *transfer, CURLcode code);
