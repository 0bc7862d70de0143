/* What an output's properties say of tokens for SASL OAUTHBEARER. They have librdkafka's names, but it doesn't get them: Debian's
 * builds have no OIDC, and one way for all builds is enough (kafka_tokens.h). Private to sink/kafka*.c.
 *
 * @thread any: nothing is shared */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "sink/sink.h"

struct rd_kafka_conf_s;

enum { KAFKA_EXTENSIONS_MAX = 16, KAFKA_TOKEN_PROPERTIES = 9 };

/* Where tokens come from: a token server, or a file that somebody else keeps fresh. Texts are the properties'. */
struct kafka_oauth {
    const char *url, *client_id, *secret; /* NULL: it is a file */
    const char *scope, *ca_file;          /* may be NULL */
    const char *file;                     /* NULL: it is a server */
    int64_t lifetime;                     /* microseconds, of a token that doesn't say it; 0: not given */
    const char *extensions;               /* "name=value,name=value"; NULL: none */
};

/* Whether it is one of these properties: "name=value". */
bool kafka_oauth_is_ours(const char *property);

/* Whether clients need tokens of ours: then *oauth has all. EX_CONFIG: something is wrong or missing. */
int kafka_oauth_read(const struct sink_options *options, struct kafka_oauth *oauth, bool *needed,
                     struct error *error);

/* The same, and whether the files can be used. */
int kafka_oauth_check(const struct sink_options *options, struct error *error);

/* Cuts a copy of the extensions into name, value, name, value; how many texts there are. -1: not of this form, or too many. */
int kafka_oauth_split(char *extensions, const char *texts[2 * KAFKA_EXTENSIONS_MAX]);
