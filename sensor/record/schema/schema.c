#include "record/schema/schema.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/nearest.h"
#include "base/read_file.h"
#include "record/schema/embedded.h"
#include "record/schema/schema_json.h"

enum { EMBEDDED_MAX = 64 };

const char *const *schema_embedded_names(void) {
    static const char *names[EMBEDDED_MAX + 1];
    for (size_t i = 0; i < embedded_schema_count && i < EMBEDDED_MAX; i++)
        names[i] = embedded_schemas[i].name;
    return names;
}

static const struct embedded_schema *find_embedded(const char *name) {
    for (size_t i = 0; i < embedded_schema_count; i++) {
        if (strcmp(embedded_schemas[i].name, name) == 0)
            return &embedded_schemas[i];
    }
    return NULL;
}

bool schema_is_embedded(const char *name) {
    return find_embedded(name) != NULL;
}

const char *schema_default_name(enum meter_profile profile) {
    return profile == PROFILE_NFSTREAM ? "nfstream/v1" : "flow/v2";
}

/* A name that is neither embedded nor a file: say what there is. */
static int refuse_name(const char *name, int number, struct error *error) {
    const char *const *names = schema_embedded_names();
    const char *nearest = nearest_name(name, names, embedded_schema_count, sizeof *names);
    if (nearest != NULL)
        return error_set(error, number, EX_CONFIG,
                         "schema %s: neither embedded nor a readable file (%s); did you mean %s?", name,
                         strerror(number), nearest);
    return error_set(
        error, number, EX_CONFIG,
        "schema %s: neither embedded nor a readable file (%s); give flow/v2, flow/v1, flow/v3, flow_lite/v1, flow_full/v1, nfstream/v1, sensor_stats/v1, heartbeat/v1, ndpi_dictionary/v1 or the path of an .avsc file",
        name, strerror(number));
}

static int read_stream(const char *name, FILE *file, struct buffer *text, struct error *error) {
    char chunk[65536];
    size_t count;
    while ((count = fread(chunk, 1, sizeof chunk, file)) > 0 && text->length <= SCHEMA_TEXT_MAX)
        buffer_append(text, chunk, count);
    if (ferror(file))
        return refuse_name(name, errno != 0 ? errno : EIO, error);
    if (text->failed)
        return error_set(error, ENOMEM, EX_OSERR, "schema %s: no memory", name);
    return 0;
}

static int schema_read_file(const char *name, struct buffer *text, struct error *error) {
    FILE *file = read_file_open(name);
    if (file == NULL)
        return refuse_name(name, errno, error);
    int status = read_stream(name, file, text, error);
    fclose(file);
    return status;
}

int schema_read_text(const char *name, const struct udps_rows *compose, struct schema *schema,
                     struct error *error) {
    struct buffer text = {0};
    const struct embedded_schema *embedded = find_embedded(name);
    int status = 0;
    if (embedded != NULL)
        buffer_append(&text, embedded->text, embedded->length);
    else
        status = schema_read_file(name, &text, error);
    if (status == 0 && compose != NULL && !text.failed)
        status = schema_compose(name, &text, compose, error);
    buffer_append(&text, "", 1);
    if (status == 0 && text.failed)
        status = error_set(error, ENOMEM, EX_OSERR, "schema %s: no memory", name);
    if (status < 0) {
        buffer_free(&text);
        return status;
    }
    schema->text = (char *)text.data;
    schema->text_length = text.length - 1;
    return 0;
}

static int hash_text(struct schema *schema) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    if (EVP_Digest(schema->text, schema->text_length, digest, NULL, EVP_sha256(), NULL) != 1)
        return -ENOMEM;
    for (size_t i = 0; i < 32; i++)
        snprintf(schema->sha256 + 2 * i, 3, "%02x", digest[i]);
    return 0;
}

static int schema_describe(struct schema *schema, const json_t *root, const struct udps_rows *rows,
                           struct error *error) {
    schema->full_name = schema_full_name(root);
    if (schema->full_name == NULL || hash_text(schema) < 0 ||
        schema_fingerprint(root, &schema->fingerprint) < 0)
        return error_set(error, ENOMEM, EX_OSERR, "schema %s: no memory", schema->name);
    return schema_bind(schema, root, rows, error);
}

static int schema_load_into(const char *name, const struct udps_rows *rows, bool compose,
                            struct schema *schema, struct error *error) {
    schema->name = strdup(name);
    if (schema->name == NULL)
        return error_set(error, ENOMEM, EX_OSERR, "schema %s: no memory", name);
    int status = schema_read_text(name, compose ? rows : NULL, schema, error);
    if (status < 0)
        return status;
    json_t *root = schema_lint_parse(name, schema->text, schema->text_length, error);
    if (root == NULL)
        return -EINVAL;
    status = schema_describe(schema, root, rows, error);
    json_decref(root);
    return status;
}

int schema_load(const char *name, const struct udps_rows *rows, bool compose, struct schema **schema,
                struct error *error) {
    struct schema *loaded = calloc(1, sizeof *loaded);
    if (loaded == NULL)
        return error_set(error, ENOMEM, EX_OSERR, "schema %s: no memory", name);
    int status = schema_load_into(name, rows, compose, loaded, error);
    if (status < 0) {
        schema_free(loaded);
        return status;
    }
    *schema = loaded;
    return 0;
}

void schema_free(struct schema *schema) {
    if (schema == NULL)
        return;
    for (size_t i = 0; i < schema->field_count; i++)
        free((char *)schema->fields[i].name);
    free(schema->fields);
    free(schema->full_name);
    free(schema->text);
    free(schema->name);
    free(schema);
}
