/* Where a server listens: "192.0.2.1:19995" or "[2001:db8::1]:19995". Literals only: a name may mean another address
 * tomorrow. */
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/error.h"

struct listen_address {
    union {
        struct sockaddr any;
        struct sockaddr_in ipv4;
        struct sockaddr_in6 ipv6;
    } socket;
    socklen_t length;
};

/* EX_CONFIG with a line that names monitoring.listen. */
int listen_address_parse(const char *text, struct listen_address *address, struct error *error);
