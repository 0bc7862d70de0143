#include "app/config/listen_address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { HOST_SIZE = 64, PORT_MAX = 65535, PORT_DIGITS = 5 };

static bool parse_port(const char *text, in_port_t *port) {
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > PORT_DIGITS || text[digits] != '\0' || strtoul(text, NULL, 10) > PORT_MAX)
        return false;
    *port = htons((uint16_t)strtoul(text, NULL, 10));
    return true;
}

/* An IPv6 address needs brackets: without them nothing shows where it ends. */
static bool parse_host(const char *host, bool brackets, in_port_t port, struct listen_address *address) {
    if (brackets) {
        address->socket.ipv6.sin6_family = AF_INET6;
        address->socket.ipv6.sin6_port = port;
        address->length = sizeof address->socket.ipv6;
        return inet_pton(AF_INET6, host, &address->socket.ipv6.sin6_addr) == 1;
    }
    address->socket.ipv4.sin_family = AF_INET;
    address->socket.ipv4.sin_port = port;
    address->length = sizeof address->socket.ipv4;
    return inet_pton(AF_INET, host, &address->socket.ipv4.sin_addr) == 1;
}

int listen_address_parse(const char *text, struct listen_address *address, struct error *error) {
    char host[HOST_SIZE] = "";
    const char *colon = strrchr(text, ':');
    size_t length = colon ? (size_t)(colon - text) : 0;
    bool brackets = length > 1 && text[0] == '[' && text[length - 1] == ']';
    in_port_t port = 0;
    *address = (struct listen_address){0};
    size_t skipped = brackets ? 1 : 0;
    if (length > 2 * skipped && length < sizeof host)
        memcpy(host, text + skipped, length - 2 * skipped);
    if (!colon || !parse_port(colon + 1, &port) || !parse_host(host, brackets, port, address))
        return error_set(
            error, EINVAL, EX_CONFIG,
            "monitoring.listen \"%s\" is no address and port; write it as 127.0.0.1:19995 or [::1]:19995",
            text);
    return 0;
}
