/* How long a request for a secret or by one may take, and how much its answer may be. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct login_limits {
    int64_t timeout;   /* microseconds for each request */
    uint64_t max_size; /* bytes of an answer */
    /* Called several times a second during waits. True: give up, with -EINTR. NULL: never. */
    bool (*stop)(void *context);
    void *stop_context;
};
