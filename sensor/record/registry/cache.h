/* A file with the last good answer of a registry: the id of a schema under a subject. Private to the registry client. */
#pragma once

#include <stdint.h>

/* Key: registry's URL, subject, and SHA-256 of the schema's text. 0 and *id, or -ENOENT (also for a damaged file). */
int registry_cache_read(const char *directory, const char *url, const char *subject, const char *sha256,
                        uint32_t *id);

/* Writes by rename, so that a reader never sees half a file. 0 or -errno. */
int registry_cache_write(const char *directory, const char *url, const char *subject, const char *sha256,
                         uint32_t id);
