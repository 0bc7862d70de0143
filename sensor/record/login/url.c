#include "record/login/url.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

int login_check_url(const char *option, const char *url, const char *remedy, struct error *error) {
    const char *host = strstr(url, "://");
    if (strchr(url, '@') && (!host || memchr(host + 3, '@', strcspn(host + 3, "/"))))
        return error_set(error, EINVAL, EX_CONFIG, "%s has a user in it; use %s, which stay out of logs",
                         option, remedy);
    if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
        return error_set(error, EINVAL, EX_CONFIG, "%s \"%s\" does not begin with http:// or https://",
                         option, url);
    CURLU *parts = curl_url();
    CURLUcode code = parts ? curl_url_set(parts, CURLUPART_URL, url, 0) : CURLUE_OUT_OF_MEMORY;
    curl_url_cleanup(parts);
    if (code != CURLUE_OK)
        return error_set(error, EINVAL, EX_CONFIG, "%s \"%s\" is no address: %s", option, url,
                         curl_url_strerror(code));
    return 0;
}

static bool is_loopback(const char *host) {
    return strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
           (strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == strlen(host));
}

int login_check_secret_url(const char *option, const char *url, const char *remedy, struct error *error) {
    char *host = NULL;
    int result = login_check_url(option, url, remedy, error);
    if (result < 0 || strncmp(url, "https://", 8) == 0)
        return result;
    CURLU *parts = curl_url();
    bool known = parts && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
                 curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK;
    if (!known || !is_loopback(host))
        result = error_set(
            error, EINVAL, EX_CONFIG,
            "%s \"%s\": a secret would go there in clear; use https://, or http:// to 127.0.0.1 only", option,
            url);
    curl_free(host);
    curl_url_cleanup(parts);
    return result;
}
