/* What a JSON Web Token (RFC 7519) says of itself. Its signature is its receiver's matter.
 *
 * @thread any: nothing is shared */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct jwt {
    int64_t expires;   /* Unix time in seconds; 0: it doesn't say */
    char subject[256]; /* "": it doesn't say */
};

/* False: it is none. */
bool jwt_read(const char *token, struct jwt *jwt);
