/* One request to the registry and its answer, bounded in time and size. Private to the registry client. */
#pragma once

#include <jansson.h>

#include "base/error.h"
#include "record/registry/registry_access.h"

struct registry_http;

int registry_http_open(const struct registry_options *options, struct registry_http **http,
                       struct error *error);
void registry_http_close(struct registry_http *http);

struct registry_answer {
    long status;       /* HTTP */
    json_t *body;      /* NULL if the answer was not JSON; freed by registry_answer_free() */
    long code;         /* error_code of the registry, e.g. 40401; 0: none */
    char message[512]; /* message of the registry, or the first bytes of an answer that is not JSON */
};

/* POSTs {"schema": text} (with schemaType left out: Avro) to URL + path, where the path's %s is the escaped subject.
 * Returns 0 if there was any answer; -errno and the line if there was none, or if it broke a limit. */
int registry_http_post_schema(struct registry_http *http, const char *path_format, const char *subject,
                              const char *schema_text, struct registry_answer *answer, struct error *error);

/* GETs URL + path, where the path's %s is the escaped name; as above. */
int registry_http_get(struct registry_http *http, const char *path_format, const char *name,
                      struct registry_answer *answer, struct error *error);
void registry_answer_free(struct registry_answer *answer);

/* The registry's URL without a slash at its end. */
const char *registry_http_url(const struct registry_http *http);

/* "libcurl/7.88.1 ...". */
const char *registry_http_version(void);
