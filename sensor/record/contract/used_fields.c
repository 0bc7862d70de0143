#include "record/contract/used_fields.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/buffer.h"
#include "base/nearest.h"
#include "record/contract/metering.h"
#include "record/contract/label_release.h"

static const struct bound_field *find_field(const struct schema *schema, const char *name, size_t length) {
    for (size_t i = 0; i < schema->field_count; i++)
        if (strlen(schema->fields[i].name) == length && memcmp(schema->fields[i].name, name, length) == 0)
            return &schema->fields[i];
    return NULL;
}

static const char separators[] = ", ";

/* The next of the names; false: there are no more. */
static bool next_name(const char **names, const char **name, size_t *length) {
    *name = *names + strspn(*names, separators);
    *length = strcspn(*name, separators);
    *names = *name + *length;
    return *length > 0;
}

static const struct catalogue_row *row_of(const struct bound_field *field, enum meter_profile profile) {
    const struct catalogue_row *row = bound_field_row(field, profile);
    return row != NULL ? row : field->row;
}

bool used_fields_are_personal(const struct schema *schema, enum meter_profile profile, const char *names) {
    const char *name;
    size_t length;
    while (next_name(&names, &name, &length)) {
        const struct bound_field *field = find_field(schema, name, length);
        if (field != NULL && row_of(field, profile)->pii != PII_NONE)
            return true;
    }
    return false;
}

static int refuse_name(const struct used_fields *used, const char *name, size_t length, struct error *error) {
    char given[CATALOGUE_NAME_SIZE];
    snprintf(given, sizeof given, "%.*s", (int)length, name);
    const char *nearest = nearest_name(given, &used->schema->fields[0].name, used->schema->field_count,
                                       sizeof used->schema->fields[0]);
    if (nearest != NULL)
        return error_set(error, EINVAL, EX_USAGE, "--fields: schema %s has no field %s; did you mean %s?",
                         used->schema->name, given, nearest);
    return error_set(error, EINVAL, EX_USAGE,
                     "--fields: schema %s has no field %s; `flowsensor schema print` lists all",
                     used->schema->name, given);
}

/* Of what a record doesn't tell no consumer could find out: of rules without a key, and of pseudonyms in a field that has
 * no personal data, for which anon_key_id doesn't count. */
static int check_rule(const struct used_fields *used, const struct bound_field *field, struct error *error) {
    size_t place = (size_t)(field - used->schema->fields);
    const struct anonymize_rule *rule = used->policy != NULL ? &used->policy->rules[place] : NULL;
    bool is_personal = row_of(field, used->identity->meter->profile)->pii != PII_NONE;
    if (rule == NULL || rule->method == ANONYMIZE_KEEP ||
        (is_personal && anonymize_method_is_keyed(rule->method)))
        return 0;
    char text[ANONYMIZE_RULE_TEXT_SIZE];
    anonymize_rule_format(rule, text);
    return error_set(
        error, EINVAL, EX_USAGE,
        "--fields: %s is anonymized by %s, of which records don't tell; leave the field out of the model, or keep it",
        field->name, text);
}

/* Marks the fields that are named, so that they come once. */
static int mark_fields(const struct used_fields *used, const char *names, bool *marked, struct error *error) {
    const char *name;
    size_t length;
    int result = 0;
    if (names[strspn(names, separators)] == '\0')
        return error_set(error, EINVAL, EX_USAGE, "--fields: no field is named");
    while (result == 0 && next_name(&names, &name, &length)) {
        const struct bound_field *field = find_field(used->schema, name, length);
        if (field == NULL)
            return refuse_name(used, name, length, error);
        marked[field - used->schema->fields] = true;
        result = check_rule(used, field, error);
    }
    return result;
}

static int compare_names(const void *left, const void *right) {
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* "a,b,c". */
static void join_names(const char **names, size_t count, struct buffer *joined) {
    qsort(names, count, sizeof *names, compare_names);
    for (size_t i = 0; i < count; i++) {
        buffer_append(joined, ",", i > 0);
        buffer_append(joined, names[i], strlen(names[i]));
    }
    buffer_append(joined, "", 1);
}

static void add_metering_hash(struct canonical *lines, const struct identity *identity) {
    char hash[CANONICAL_HASH_SIZE];
    if (metering_hash(identity, hash))
        canonical_add(lines, "metering_hash=%s\n", hash);
    else
        lines->failed = true;
}

static char *make_text(const struct used_fields *used, const bool *marked, const char **names) {
    struct canonical lines = {0};
    struct buffer joined = {0};
    size_t count = 0;
    bool personal = false, labels = false;
    for (size_t i = 0; i < used->schema->field_count; i++) {
        if (!marked[i])
            continue;
        const struct catalogue_row *row = row_of(&used->schema->fields[i], used->identity->meter->profile);
        names[count++] = used->schema->fields[i].name;
        personal |= row->pii != PII_NONE;
        labels |= (1u << row->group & GROUPS_OF_NDPI) != 0;
    }
    join_names(names, count, &joined);
    lines.failed = joined.failed;
    if (!joined.failed)
        canonical_add(&lines, "fields=%s\n", (const char *)joined.data);
    if (personal)
        canonical_add(&lines, "anon_key_id=%s\n", used->anon_key_id != NULL ? used->anon_key_id : "");
    if (labels)
        canonical_add(&lines, "ndpi_version=%.*s\n", label_release_length(used->identity->ndpi_version),
                      used->identity->ndpi_version);
    add_metering_hash(&lines, used->identity);
    buffer_free(&joined);
    return canonical_finish(&lines);
}

int used_fields_text(const struct used_fields *used, const char *names, char **text, struct error *error) {
    size_t count = used->schema->field_count;
    bool *marked = calloc(count, sizeof *marked);
    const char **sorted = calloc(count, sizeof *sorted);
    bool has_room = marked != NULL && sorted != NULL;
    int result = has_room ? mark_fields(used, names, marked, error) : -ENOMEM;
    if (has_room && result == 0) {
        *text = make_text(used, marked, sorted);
        result = *text != NULL ? 0 : -ENOMEM;
    }
    if (result == -ENOMEM)
        error_set(error, ENOMEM, EX_OSERR, "out of memory");
    free(sorted);
    free(marked);
    return result;
}
