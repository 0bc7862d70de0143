#include "record/registry/cache.h"

#include <errno.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* DIRECTORY/schema-id-<16 hex digits>.json; malloc'd. The file's content repeats the whole key. */
static char *cache_path_of(const char *directory, const char *url, const char *subject, const char *sha256) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    char *key;
    char *path = NULL;
    if (asprintf(&key, "%s\n%s\n%s", url, subject, sha256) < 0)
        return NULL;
    uint64_t name = 0;
    if (EVP_Digest(key, strlen(key), digest, NULL, EVP_sha256(), NULL) == 1)
        for (int i = 0; i < 8; i++)
            name = name << 8 | digest[i];
    free(key);
    return asprintf(&path, "%s/schema-id-%016llx.json", directory, (unsigned long long)name) < 0 ? NULL
                                                                                                 : path;
}

static bool member_equals(const json_t *object, const char *key, const char *expected) {
    const char *value = json_string_value(json_object_get(object, key));
    return value && strcmp(value, expected) == 0;
}

int registry_cache_read(const char *directory, const char *url, const char *subject, const char *sha256,
                        uint32_t *id) {
    char *path = cache_path_of(directory, url, subject, sha256);
    json_t *content = path ? json_load_file(path, 0, NULL) : NULL;
    free(path);
    const json_t *number = json_object_get(content, "id");
    bool good = member_equals(content, "url", url) && member_equals(content, "subject", subject) &&
                member_equals(content, "sha256", sha256) && json_is_integer(number) &&
                json_integer_value(number) > 0 && json_integer_value(number) <= INT32_MAX;
    if (good)
        *id = (uint32_t)json_integer_value(number);
    json_decref(content);
    return good ? 0 : -ENOENT;
}

int registry_cache_write(const char *directory, const char *url, const char *subject, const char *sha256,
                         uint32_t id) {
    char *path = cache_path_of(directory, url, subject, sha256);
    char *temporary = NULL;
    json_t *content = json_pack("{s:s, s:s, s:s, s:I}", "url", url, "subject", subject, "sha256", sha256,
                                "id", (json_int_t)id);
    int result = -ENOMEM;
    if (path && content && asprintf(&temporary, "%s.%d", path, getpid()) > 0) {
        errno = EIO;
        result = json_dump_file(content, temporary, JSON_INDENT(2)) == 0 && rename(temporary, path) == 0
                     ? 0
                     : -errno;
        if (result < 0)
            unlink(temporary);
        free(temporary);
    }
    json_decref(content);
    free(path);
    return result;
}
