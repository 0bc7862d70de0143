#include "sink/kafka/client/kafka_secrets.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/secret.h"
#include "sink/certificate.h"
#include "sink/kafka/client/kafka_oauth.h"

enum { FILE_MAX = 4 << 20 /* a bundle of all authorities has 200 KiB */, NO_CERTIFICATE = -1 };

/* Properties that name a file, or hold what could be in one. */
static const struct {
    const char *name;
    int certificate; /* enum sink_certificate */
    bool is_text;
} kinds[] = {
    {"ssl.ca.location", SINK_CERTIFICATE_ca, false},
    {"ssl.ca.pem", SINK_CERTIFICATE_ca, true},
    {"ssl.certificate.location", SINK_CERTIFICATE_certificate, false},
    {"ssl.certificate.pem", SINK_CERTIFICATE_certificate, true},
    {"ssl.key.location", NO_CERTIFICATE, false},
    {"ssl.crl.location", NO_CERTIFICATE, false},
    {"ssl.keystore.location", SINK_CERTIFICATE_keystore, false},
};

static const char *const certificate_properties[] = {
#define X(name, property) property,
    SINK_CERTIFICATES(X)
#undef X
};

/* The value, if the property has that name. */
static const char *value_if(const char *property, const char *name) {
    size_t length = strlen(name);
    return strncmp(property, name, length) == 0 && property[length] == '=' ? property + length + 1 : NULL;
}

static int kind_of(const char *property) {
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (value_if(property, kinds[i].name))
            return (int)i;
    return -1;
}

static bool names_file(const char *property) {
    int kind = kind_of(property);
    return kind >= 0 && !kinds[kind].is_text;
}

int kafka_secrets_check_file(const char *output, const char *property, struct error *error) {
    struct stat status;
    const char *path = names_file(property) ? strchr(property, '=') + 1 : NULL;
    if (!path || stat(path, &status) < 0 || !S_ISFIFO(status.st_mode))
        return 0;
    return error_set(error, EINVAL, EX_CONFIG,
                     "output \"%s\": kafka: %.*s %s: is a pipe; name a regular file", output,
                     (int)(path - 1 - property), property, path);
}

static bool has_files(const struct sink_options *options) {
    bool found = false;
    for (size_t i = 0; i < options->kafka_count; i++)
        found |= (options->kafka_written && options->kafka_written[i]) || kind_of(options->kafka[i]) >= 0;
    return found;
}

static void free_texts(char **texts, size_t count) {
    for (size_t i = 0; texts && i < count; i++)
        secret_free(texts[i]);
    free(texts);
}

/* Of texts that are there, and not in `instead`. NULL: no memory. */
static char **copy_texts(const char *const *texts, const char *const *instead, size_t count) {
    char **copies = calloc(count + 1, sizeof *copies);
    for (size_t i = 0; copies && i < count; i++)
        if (texts && texts[i] && !(instead && instead[i]) && !(copies[i] = strdup(texts[i]))) {
            free_texts(copies, count);
            return NULL;
        }
    return copies;
}

struct kafka_secrets *kafka_secrets_of(const struct sink_options *options, bool *failed) {
    *failed = false;
    if (!has_files(options))
        return NULL;
    struct kafka_secrets *secrets = calloc(1, sizeof *secrets);
    *failed = !secrets;
    if (!secrets)
        return NULL;
    struct sink_options *own = &secrets->options;
    *own = (struct sink_options){
        .output = strdup(options->output),
        .topic = strdup(options->topic),
        .kafka =
            (const char *const *)copy_texts(options->kafka, options->kafka_written, options->kafka_count),
        .kafka_written = (const char *const *)copy_texts(options->kafka_written, NULL, options->kafka_count),
        .kafka_count = options->kafka_count,
        .expand = options->expand,
        .wait_when_full = options->wait_when_full,
    };
    *failed = !own->output || !own->topic || !own->kafka || !own->kafka_written;
    if (!*failed)
        return secrets;
    kafka_secrets_free(secrets);
    return NULL;
}

void kafka_secrets_free(struct kafka_secrets *secrets) {
    if (!secrets)
        return;
    struct sink_options *own = &secrets->options;
    free((char *)own->output);
    free((char *)own->topic);
    free_texts((char **)own->kafka, own->kafka_count);
    free_texts((char **)own->kafka_written, own->kafka_count);
    free(secrets);
}

static int fail_read(const struct kafka_secrets *secrets, const char *property, const char *reason,
                     struct error *error) {
    return error_set(error, EINVAL, EX_CONFIG, "output \"%s\": kafka: %.*s %s: %s", secrets->options.output,
                     (int)strcspn(property, "="), property, strchr(property, '=') + 1, reason);
}

struct content {
    unsigned char *bytes;
    size_t length;
};

static void content_free(struct content *content) {
    if (content->bytes)
        explicit_bzero(content->bytes, content->length);
    free(content->bytes);
    *content = (struct content){0};
}

/* NULL, or why not. A file is replaced by another, or written in place: then it may be read in the middle, which the next
 * reading shows. */
static const char *read_regular(int file, struct content *content) {
    struct stat status;
    if (fstat(file, &status) < 0)
        return strerror(errno);
    if (!S_ISREG(status.st_mode) || status.st_size > FILE_MAX)
        return "is no regular file of at most 4 MiB";
    content->bytes = malloc((size_t)status.st_size + 1);
    if (!content->bytes)
        return "out of memory";
    ssize_t got = 1;
    while (got > 0 && content->length < (size_t)status.st_size) {
        got = read(file, content->bytes + content->length, (size_t)status.st_size - content->length);
        content->length += got > 0 ? (size_t)got : 0;
    }
    return got < 0 ? strerror(errno) : content->length == 0 ? "is empty" : NULL;
}

/* A folder of certificates is not read: librdkafka looks into it when it needs one. */
static bool is_folder(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static int read_file(const struct kafka_secrets *secrets, const char *property, struct content *content,
                     struct error *error) {
    const char *path = strchr(property, '=') + 1;
    if (is_folder(path) || strcmp(path, "probe") == 0)
        return 0;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    const char *reason = file < 0 ? strerror(errno) : read_regular(file, content);
    if (file >= 0)
        close(file);
    return reason ? fail_read(secrets, property, reason, error) : 0;
}

static void note_certificate(struct kafka_reading *reading, const char *property,
                             const struct content *content) {
    int kind = kind_of(property);
    struct certificate_ends ends = {0};
    if (kind < 0 || kinds[kind].certificate == NO_CERTIFICATE)
        return;
    int which = kinds[kind].certificate;
    const char *value = strchr(property, '=') + 1;
    if (kinds[kind].is_text)
        certificate_ends_of_pem(value, strlen(value), &ends);
    else if (which == SINK_CERTIFICATE_keystore)
        certificate_ends_of_store(content->bytes, content->length,
                                  kafka_reading_value(reading, "ssl.keystore.password"), &ends);
    else
        certificate_ends_of_pem(content->bytes, content->length, &ends);
    /* One authority of a bundle is enough; of a chain all must be valid. */
    reading->not_after[which] = which == SINK_CERTIFICATE_ca ? ends.last : ends.first;
}

static void digest_of(const char *property, const struct content *content, struct kafka_digest *digest) {
    unsigned char parts[2][sizeof digest->bytes];
    SHA256((const unsigned char *)property, strlen(property), parts[0]);
    SHA256(content->bytes ? content->bytes : (const unsigned char *)"", content->length, parts[1]);
    SHA256(parts[0], sizeof parts, digest->bytes);
}

/* The property's text as it is now. */
static int read_property(const struct kafka_secrets *secrets, size_t index, char **property,
                         struct error *error) {
    const char *written = secrets->options.kafka_written[index];
    struct error reason = {0};
    if (!written) {
        *property = strdup(secrets->options.kafka[index]);
        return *property ? 0 : error_set(error, ENOMEM, EX_OSERR, "out of memory");
    }
    if (secrets->options.expand(written, property, &reason) < 0)
        return error_set(error, EINVAL, EX_CONFIG, "output \"%s\": kafka: %.*s: %s", secrets->options.output,
                         (int)strcspn(written, "="), written, reason.text);
    const char *equals = strchr(*property, '=');
    if (equals && equals[1] == '\0')
        return error_set(error, EINVAL, EX_CONFIG, "output \"%s\": kafka: %.*s: its file is empty",
                         secrets->options.output, (int)strcspn(written, "="), written);
    return equals ? 0
                  : error_set(error, EINVAL, EX_CONFIG, "output \"%s\": kafka: \"name=value\" is expected",
                              secrets->options.output);
}

static int read_all(const struct kafka_secrets *secrets, struct kafka_reading *reading, struct error *error) {
    int result = 0;
    for (size_t i = 0; result == 0 && i < reading->count; i++)
        result = read_property(secrets, i, &reading->properties[i], error);
    for (size_t i = 0; result == 0 && i < reading->count; i++) {
        struct content content = {0};
        if (names_file(reading->properties[i]))
            result = read_file(secrets, reading->properties[i], &content, error);
        digest_of(reading->properties[i], &content, &reading->digests[i]);
        note_certificate(reading, reading->properties[i], &content);
        content_free(&content);
    }
    return result;
}

int kafka_secrets_read(const struct kafka_secrets *secrets, struct kafka_reading **made,
                       struct error *error) {
    size_t count = secrets->options.kafka_count;
    struct kafka_reading *reading = calloc(1, sizeof *reading);
    *made = NULL;
    if (reading) {
        reading->count = count;
        reading->properties = calloc(count + 1, sizeof *reading->properties);
        reading->digests = calloc(count + 1, sizeof *reading->digests);
    }
    int result = reading && reading->properties && reading->digests
                     ? read_all(secrets, reading, error)
                     : error_set(error, ENOMEM, EX_OSERR, "out of memory");
    if (result == 0)
        *made = reading;
    else
        kafka_reading_free(reading);
    return result;
}

void kafka_reading_forget(struct kafka_reading *reading) {
    if (!reading)
        return;
    free_texts(reading->properties, reading->count);
    reading->properties = NULL;
}

void kafka_reading_free(struct kafka_reading *reading) {
    if (!reading)
        return;
    kafka_reading_forget(reading);
    free(reading->digests);
    free(reading);
}

int kafka_reading_check(const struct kafka_secrets *secrets, const struct kafka_reading *reading, int64_t now,
                        struct error *error) {
    for (int i = 0; i < SINK_CERTIFICATE_COUNT; i++) {
        time_t end = reading->not_after[i];
        struct tm broken_down;
        char day[16];
        if (end == 0 || end > now)
            continue;
        strftime(day, sizeof day, "%Y-%m-%d", gmtime_r(&end, &broken_down));
        const char *path = kafka_reading_value(reading, certificate_properties[i]);
        return error_set(error, EINVAL, EX_CONFIG,
                         "output \"%s\": kafka: %s %s: the certificate expired on %s",
                         secrets->options.output, certificate_properties[i], path ? path : "", day);
    }
    return 0;
}

static bool differs(const struct kafka_reading *one, const struct kafka_reading *other, size_t index) {
    return memcmp(&one->digests[index], &other->digests[index], sizeof *one->digests) != 0;
}

bool kafka_reading_equals(const struct kafka_reading *one, const struct kafka_reading *other) {
    if (!one || !other)
        return false;
    for (size_t i = 0; i < one->count; i++)
        if (differs(one, other, i))
            return false;
    return true;
}

void kafka_reading_changes(const struct kafka_reading *one, const struct kafka_reading *other, char *names,
                           size_t size) {
    size_t length = 0;
    *names = '\0';
    for (size_t i = 0; i < one->count; i++)
        if (differs(one, other, i) && length < size)
            length += (size_t)snprintf(names + length, size - length, "%s%.*s", length > 0 ? ", " : "",
                                       (int)strcspn(other->properties[i], "="), other->properties[i]);
}

bool kafka_reading_changes_login_only(const struct kafka_reading *one, const struct kafka_reading *other) {
    const char *mechanism = kafka_reading_value(other, "sasl.mechanisms");
    if (!mechanism)
        mechanism = kafka_reading_value(other, "sasl.mechanism");
    bool by_password = mechanism && (strcmp(mechanism, "PLAIN") == 0 || strncmp(mechanism, "SCRAM", 5) == 0);
    bool only = true;
    for (size_t i = 0; only && i < one->count; i++)
        if (differs(one, other, i))
            only = kafka_oauth_is_ours(other->properties[i]) ||
                   (by_password && (value_if(other->properties[i], "sasl.username") ||
                                    value_if(other->properties[i], "sasl.password")));
    return only;
}

const char *kafka_reading_value(const struct kafka_reading *reading, const char *name) {
    const char *value = NULL;
    for (size_t i = 0; i < reading->count; i++) {
        const char *found = reading->properties[i] ? value_if(reading->properties[i], name) : NULL;
        value = found ? found : value;
    }
    return value;
}
