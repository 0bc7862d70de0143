#include "record/contract/canonical.h"

#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"

static bool make_room(struct canonical *lines) {
    enum { FIRST = 64 };
    if (lines->count < lines->capacity)
        return true;
    size_t capacity = lines->capacity == 0 ? FIRST : 2 * lines->capacity;
    char **grown = reallocarray(lines->line, capacity, sizeof *grown);
    if (grown == NULL)
        return false;
    lines->line = grown;
    lines->capacity = capacity;
    return true;
}

void canonical_add(struct canonical *lines, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    bool added = make_room(lines) && vasprintf(&lines->line[lines->count], format, arguments) >= 0;
    va_end(arguments);
    lines->count += added;
    lines->failed |= !added;
}

static int compare_lines(const void *left, const void *right) {
    return strcmp(*(char *const *)left, *(char *const *)right);
}

char *canonical_finish(struct canonical *lines) {
    struct buffer text = {0};
    if (lines->count > 0)
        qsort(lines->line, lines->count, sizeof *lines->line, compare_lines);
    for (size_t i = 0; i < lines->count; i++) {
        buffer_append(&text, lines->line[i], strlen(lines->line[i]));
        free(lines->line[i]);
    }
    buffer_append(&text, "", 1);
    if (text.failed || lines->failed)
        buffer_free(&text);
    free(lines->line);
    *lines = (struct canonical){0};
    return (char *)text.data;
}

const char *canonical_switch(bool on) {
    return on ? "on" : "off";
}

void canonical_hash(const char *text, char hash[CANONICAL_HASH_SIZE]) {
    unsigned char digest[EVP_MAX_MD_SIZE] = {0};
    /* SHA-256 over memory fails only if OpenSSL doesn't have the algorithm. */
    if (EVP_Digest(text, strlen(text), digest, NULL, EVP_sha256(), NULL) != 1)
        abort();
    for (size_t i = 0; i < (CANONICAL_HASH_SIZE - 1) / 2; i++)
        snprintf(hash + 2 * i, 3, "%02x", digest[i]);
}
