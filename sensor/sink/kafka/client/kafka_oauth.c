#include "sink/kafka/client/kafka_oauth.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/secret.h"
#include "record/login/url.h"

enum { LIFETIME_MIN_MS = 1000, LIFETIME_MAX_MS = 86400000 };

static const char prefix[] = "sasl.oauthbearer.", librdkafkas[] = "sasl.oauthbearer.config=";

enum property { METHOD, URL, CLIENT_ID, SECRET, SCOPE, EXTENSIONS, CA, FILE_PATH, LIFETIME };

static const char *const names[KAFKA_TOKEN_PROPERTIES] = {
    [METHOD] = "sasl.oauthbearer.method",
    [URL] = "sasl.oauthbearer.token.endpoint.url",
    [CLIENT_ID] = "sasl.oauthbearer.client.id",
    [SECRET] = "sasl.oauthbearer.client.secret",
    [SCOPE] = "sasl.oauthbearer.scope",
    [EXTENSIONS] = "sasl.oauthbearer.extensions",
    [CA] = "https.ca.location",
    [FILE_PATH] = "sasl.oauthbearer.token.file",
    [LIFETIME] = "sasl.oauthbearer.token.lifetime.ms",
};

/* The value, if the property has that name. */
static const char *value_if(const char *property, const char *name) {
    size_t length = strlen(name);
    return strncmp(property, name, length) == 0 && property[length] == '=' ? property + length + 1 : NULL;
}

bool kafka_oauth_is_ours(const char *property) {
    return value_if(property, names[CA]) || (strncmp(property, prefix, sizeof prefix - 1) == 0 &&
                                             strncmp(property, librdkafkas, sizeof librdkafkas - 1) != 0);
}

static const char *value_of(const struct sink_options *options, const char *name) {
    const char *value = NULL;
    for (size_t i = 0; i < options->kafka_count; i++) {
        const char *found = value_if(options->kafka[i], name);
        value = found ? found : value;
    }
    return value;
}

/* Both names are one property, so the last of them counts. */
static bool is_oauthbearer(const struct sink_options *options) {
    const char *mechanism = NULL, *found;
    for (size_t i = 0; i < options->kafka_count; i++)
        if ((found = value_if(options->kafka[i], "sasl.mechanism")) ||
            (found = value_if(options->kafka[i], "sasl.mechanisms")))
            mechanism = found;
    const char *unsecured = value_of(options, "enable.sasl.oauthbearer.unsecure.jwt");
    return mechanism && strcasecmp(mechanism, "OAUTHBEARER") == 0 &&
           !(unsecured && strcasecmp(unsecured, "true") == 0);
}

static int refuse(const struct sink_options *options, struct error *error, const char *name,
                  const char *what) {
    return error_set(error, EINVAL, EX_CONFIG, "output \"%s\": kafka: %s%s", options->output, name, what);
}

static int read_values(const struct sink_options *options, const char *values[KAFKA_TOKEN_PROPERTIES],
                       struct error *error) {
    for (size_t i = 0; i < options->kafka_count; i++) {
        const char *property = options->kafka[i], *found = NULL;
        for (int name = 0; name < KAFKA_TOKEN_PROPERTIES && !found; name++)
            if ((found = value_if(property, names[name])))
                values[name] = *found ? found : NULL;
        if (!found && kafka_oauth_is_ours(property))
            return error_set(
                error, EINVAL, EX_CONFIG,
                "output \"%s\": kafka: %.*s is not known here; there are method (oidc), token.endpoint.url, client.id, client.secret, scope, extensions, token.file and token.lifetime.ms",
                options->output, (int)strcspn(property, "="), property);
    }
    return 0;
}

static int first_given(const char *const values[KAFKA_TOKEN_PROPERTIES]) {
    int name = 0;
    while (name < KAFKA_TOKEN_PROPERTIES && !values[name])
        name++;
    return name;
}

static int check_server(const struct sink_options *options, const char *const values[], struct error *error) {
    struct error reason = {0};
    if (!values[CLIENT_ID])
        return refuse(options, error, names[CLIENT_ID], " is missing: whose tokens the token server gives");
    if (!values[SECRET])
        return refuse(options, error, names[SECRET], " is missing; give it as ${file:PATH}");
    if (values[LIFETIME])
        return refuse(options, error, names[LIFETIME], " is for tokens of a file; the token server says it");
    if (login_check_secret_url(names[URL], values[URL], "sasl.oauthbearer.client.id and client.secret",
                               &reason) < 0)
        return refuse(options, error, reason.text, "");
    return 0;
}

static int check_file(const struct sink_options *options, const char *const values[], int64_t *lifetime,
                      struct error *error) {
    static const int servers[] = {CLIENT_ID, SECRET, SCOPE, CA};
    char *end = NULL;
    for (size_t i = 0; i < sizeof servers / sizeof *servers; i++)
        if (values[servers[i]])
            return refuse(options, error, names[servers[i]],
                          " is for a token server, and sasl.oauthbearer.token.file is given");
    long number = values[LIFETIME] ? strtol(values[LIFETIME], &end, 10) : LIFETIME_MIN_MS;
    if ((end && *end) || number < LIFETIME_MIN_MS || number > LIFETIME_MAX_MS)
        return refuse(options, error, names[LIFETIME], ": expected milliseconds, 1000 to 86400000 (a day)");
    *lifetime = values[LIFETIME] ? INT64_C(1000) * number : 0;
    return 0;
}

static int check_extensions(const struct sink_options *options, const char *extensions, struct error *error) {
    const char *texts[2 * KAFKA_EXTENSIONS_MAX];
    char *copy = extensions ? strdup(extensions) : NULL;
    int count = copy ? kafka_oauth_split(copy, texts) : 0;
    free(copy);
    return count >= 0
               ? 0
               : refuse(options, error, names[EXTENSIONS],
                        ": expected NAME=VALUE,NAME=VALUE: names of letters other than \"auth\", at most 16");
}

static int check_source(const struct sink_options *options, const char *const values[], int64_t *lifetime,
                        struct error *error) {
    if (values[METHOD] && strcasecmp(values[METHOD], "oidc") != 0)
        return refuse(options, error, names[METHOD], ": only oidc is known, and it may be left out");
    if (values[URL] && values[FILE_PATH])
        return refuse(options, error, names[FILE_PATH],
                      " and token.endpoint.url are two sources of tokens; give one");
    if (!values[URL] && !values[FILE_PATH])
        return refuse(
            options, error, "sasl.mechanism=OAUTHBEARER",
            " needs tokens: give sasl.oauthbearer.token.endpoint.url, client.id and client.secret, or sasl.oauthbearer.token.file");
    return values[URL] ? check_server(options, values, error) : check_file(options, values, lifetime, error);
}

int kafka_oauth_read(const struct sink_options *options, struct kafka_oauth *oauth, bool *needed,
                     struct error *error) {
    const char *values[KAFKA_TOKEN_PROPERTIES] = {0};
    int64_t lifetime = 0;
    int result = read_values(options, values, error);
    if (result < 0)
        return result;
    *needed = is_oauthbearer(options);
    if (!*needed && first_given(values) < KAFKA_TOKEN_PROPERTIES)
        return refuse(options, error, names[first_given(values)],
                      " means nothing without sasl.mechanism=OAUTHBEARER");
    if (*needed)
        result = check_source(options, values, &lifetime, error);
    if (result == 0)
        result = check_extensions(options, values[EXTENSIONS], error);
    *oauth = (struct kafka_oauth){.url = values[URL],
                                  .client_id = values[CLIENT_ID],
                                  .secret = values[SECRET],
                                  .scope = values[SCOPE],
                                  .ca_file = values[CA],
                                  .file = values[FILE_PATH],
                                  .lifetime = lifetime,
                                  .extensions = values[EXTENSIONS]};
    return result;
}

int kafka_oauth_check(const struct sink_options *options, struct error *error) {
    struct kafka_oauth oauth;
    struct error reason = {0};
    bool needed = false;
    int result = kafka_oauth_read(options, &oauth, &needed, error);
    const char *path = result < 0 || !needed ? NULL : oauth.file ? oauth.file : oauth.ca_file;
    if (!path)
        return result;
    const char *name = names[oauth.file ? FILE_PATH : CA];
    if (oauth.file && secret_check_file(name, path, &reason) < 0)
        return refuse(options, error, reason.text, "");
    return access(path, R_OK) == 0 ? 0
                                   : error_set(error, errno, EX_CONFIG, "output \"%s\": kafka: %s %s: %s",
                                               options->output, name, path, strerror(errno));
}

/* What librdkafka takes, too (RFC 7628, 3.1). */
static bool is_extension(const char *name, const char *value) {
    if (!*name || strcmp(name, "auth") == 0 || !*value)
        return false;
    for (; *name; name++)
        if (!isalpha((unsigned char)*name))
            return false;
    for (; *value; value++)
        if (*value < 0x20 || *value > 0x7e)
            return false;
    return true;
}

int kafka_oauth_split(char *extensions, const char *texts[2 * KAFKA_EXTENSIONS_MAX]) {
    char *rest = NULL;
    int count = 0;
    for (char *name = strtok_r(extensions, ",", &rest); name; name = strtok_r(NULL, ",", &rest)) {
        name += strspn(name, " ");
        char *equals = strchr(name, '=');
        if (!equals || count == 2 * KAFKA_EXTENSIONS_MAX)
            return -1;
        *equals = '\0';
        if (!is_extension(name, equals + 1))
            return -1;
        texts[count++] = name;
        texts[count++] = equals + 1;
    }
    return count;
}
