#include "record/login/jwt.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of base64url (RFC 4648, 5); -1: none of it. */
static int digit_of(char letter) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const char *found = letter ? strchr(digits, letter) : NULL;
    return found ? (int)(found - digits) : -1;
}

/* malloc'd, without padding; NULL: not of this form, or no memory. */
static char *decode(const char *text, size_t length, size_t *decoded_length) {
    char *decoded = malloc(length + 1);
    unsigned bits = 0, count = 0;
    size_t used = 0;
    for (size_t i = 0; decoded && i < length; i++) {
        int digit = digit_of(text[i]);
        if (digit < 0) {
            free(decoded);
            return NULL;
        }
        bits = (bits << 6 | (unsigned)digit) & 0xffff;
        if ((count += 6) >= 8)
            decoded[used++] = (char)(bits >> (count -= 8));
    }
    *decoded_length = used;
    return decoded;
}

bool jwt_read(const char *token, struct jwt *jwt) {
    const char *first = strchr(token, '.'), *second = first ? strchr(first + 1, '.') : NULL;
    size_t length = 0;
    *jwt = (struct jwt){0};
    if (!second || strchr(second + 1, '.'))
        return false;
    char *claims = decode(first + 1, (size_t)(second - first - 1), &length);
    json_t *object = claims ? json_loadb(claims, length, 0, NULL) : NULL;
    free(claims);
    const char *subject = json_string_value(json_object_get(object, "sub"));
    double expires = json_number_value(json_object_get(object, "exp"));
    if (subject)
        snprintf(jwt->subject, sizeof jwt->subject, "%s", subject);
    if (expires > 0 && expires < 1e12)
        jwt->expires = (int64_t)expires;
    bool is_jwt = json_is_object(object);
    json_decref(object);
    return is_jwt;
}
