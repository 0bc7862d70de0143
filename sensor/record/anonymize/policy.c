#include "record/anonymize/policy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "record/anonymize/registered_domain.h"

/* The kinds of WHAT; a more specific one has a higher number. */
enum scope { SCOPE_NONE, SCOPE_ALL, SCOPE_CLASS, SCOPE_FIELD };

/* One item, taken apart. */
struct item {
    const char *text;
    char what[128];
    enum scope scope;
    enum pii_class pii;
    struct anonymize_rule rule;
};

/* The rule to propose for a class without one: the method that keeps a value most useful. */
static const char *const proposal[PII_COUNT] = {
    [PII_ADDRESS] = "prefix_preserving",   [PII_MAC] = "keep_oui",
    [PII_NAME] = "keep_registered_domain", [PII_AGENT] = "short_hash",
    [PII_FINGERPRINT] = "short_hash",      [PII_USER] = "drop",
};

static int policy_refuse(const struct anonymize_request *request, const struct item *item, const char *reason,
                         struct error *error) {
    return error_set(error, EINVAL, EX_CONFIG, "output \"%s\": columns_to_anonymize: \"%s\": %s",
                     request->output, item->text, reason);
}

static const struct bound_field *policy_text_column(const struct anonymize_request *request) {
    return request->as_text ? schema_text_column(request->schema, request->profile) : NULL;
}

static bool has_field(const struct anonymize_request *request, const char *name) {
    const struct schema *schema = request->schema;
    const struct bound_field *column = policy_text_column(request);
    for (size_t i = 0; i < schema->field_count; i++) {
        if (strcmp(schema->fields[i].name, name) == 0)
            return true;
    }
    return column != NULL && strcmp(column->name, name) == 0;
}

static void list_whats(const struct item *item, const struct schema *schema, char *reason, size_t size) {
    size_t used = (size_t)snprintf(reason, size, "%s is neither a field of the schema %s nor one of all",
                                   item->what, schema->name);
    for (int i = PII_NONE + 1; i < PII_COUNT && used < size; i++)
        used += (size_t)snprintf(reason + used, size - used, ", %s", pii_class_name((enum pii_class)i));
}

static int refuse_what(const struct anonymize_request *request, const struct item *item,
                       struct error *error) {
    enum flow_direction direction;
    char reason[512];
    const char *nearest = nearest_name(item->what, &request->schema->fields[0].name,
                                       request->schema->field_count, sizeof *request->schema->fields);
    if (catalogue_find(item->what, &direction) != NULL)
        snprintf(reason, sizeof reason, "the schema %s has no such field; take the item off",
                 request->schema->name);
    else if (nearest != NULL)
        snprintf(reason, sizeof reason, "no field is named %s; did you mean %s?", item->what, nearest);
    else
        list_whats(item, request->schema, reason, sizeof reason);
    return policy_refuse(request, item, reason, error);
}

static int find_scope(const struct anonymize_request *request, struct item *item, struct error *error) {
    if (strcmp(item->what, "all") == 0) {
        item->scope = SCOPE_ALL;
        return 0;
    }
    for (int i = PII_NONE + 1; i < PII_COUNT; i++) {
        if (strcmp(item->what, pii_class_name((enum pii_class)i)) == 0) {
            item->scope = SCOPE_CLASS;
            item->pii = (enum pii_class)i;
            return 0;
        }
    }
    item->scope = SCOPE_FIELD;
    return has_field(request, item->what) ? 0 : refuse_what(request, item, error);
}

/* A class's method is checked even if the schema has no field of the class, since another schema may have one. */
static int check_class(const struct anonymize_request *request, const struct item *item,
                       struct error *error) {
    char list[ANONYMIZE_METHODS_TEXT_SIZE], reason[512];
    if (item->scope != SCOPE_CLASS || anonymize_method_fits_class(item->rule.method, item->pii))
        return 0;
    anonymize_methods_list(item->pii, NULL, false, false, list);
    snprintf(reason, sizeof reason, "the method doesn't fit the class %s; take one of %s",
             pii_class_name(item->pii), list);
    return policy_refuse(request, item, reason, error);
}

static int parse_item(const struct anonymize_request *request, const char *text, struct item *item,
                      struct error *error) {
    struct error reason;
    const char *equals = strchr(text, '=');
    *item = (struct item){.text = text, .rule = {.method = ANONYMIZE_HASH, .is_given = true}};
    snprintf(item->what, sizeof item->what, "%.*s",
             (int)(equals != NULL ? equals - text : (ptrdiff_t)strlen(text)), text);
    if (equals != NULL && anonymize_rule_parse(equals + 1, &item->rule, &reason) < 0)
        return policy_refuse(request, item, reason.text, error);
    int result = find_scope(request, item, error);
    if (result == 0 && equals == NULL && item->scope != SCOPE_FIELD)
        return policy_refuse(request, item, "say what to do, as in all=hash", error);
    return result == 0 ? check_class(request, item, error) : result;
}

static int parse_items(const struct anonymize_request *request, struct item *items, struct error *error) {
    int result = 0;
    for (size_t i = 0; result == 0 && i < request->item_count; i++) {
        result = parse_item(request, request->items[i], &items[i], error);
        for (size_t j = 0; result == 0 && j < i; j++) {
            if (strcmp(items[i].what, items[j].what) == 0)
                result = policy_refuse(request, &items[i],
                                       "an earlier item says it already; take one of them off", error);
        }
    }
    return result;
}

static bool covers(const struct item *item, const struct bound_field *field,
                   const struct catalogue_row *row) {
    switch (item->scope) {
    case SCOPE_FIELD: return strcmp(item->what, field->name) == 0;
    case SCOPE_CLASS: return row->pii == item->pii;
    case SCOPE_ALL: return row->pii != PII_NONE;
    case SCOPE_NONE: break;
    }
    return false;
}

static int policy_check_field(const struct anonymize_request *request, const struct item *item,
                              const struct bound_field *field, const struct catalogue_row *row,
                              struct error *error) {
    char list[ANONYMIZE_METHODS_TEXT_SIZE], reason[512];
    if (anonymize_method_fits(item->rule.method, row, field->nullable, request->as_text))
        return 0;
    anonymize_methods_list(row->pii, row, field->nullable, request->as_text, list);
    snprintf(reason, sizeof reason, "the method doesn't fit the field %s (%s%s%s); take one of %s%s",
             field->name, value_type_name(row->type), row->pii != PII_NONE ? ", class " : "",
             row->pii != PII_NONE ? pii_class_name(row->pii) : "", list,
             row->type != VALUE_STRING && !request->as_text ? "; as CSV or JSON lines any field can be hashed"
                                                            : "");
    return policy_refuse(request, item, reason, error);
}

static int policy_bind_field(const struct anonymize_request *request, const struct item *items,
                             const struct bound_field *field, struct anonymize_rule *rule,
                             struct error *error) {
    const struct catalogue_row *row = bound_field_row(field, request->profile);
    const struct item *best = NULL;
    for (size_t i = 0; i < request->item_count; i++) {
        if (covers(&items[i], field, row) && (best == NULL || items[i].scope > best->scope))
            best = &items[i];
    }
    if (best == NULL)
        return 0;
    *rule = best->rule;
    /* A class of texts may include a number, and a number can't hold a digest. */
    if (best->scope != SCOPE_FIELD && anonymize_method_is_digest(rule->method) && field->nullable &&
        !anonymize_method_fits(rule->method, row, field->nullable, request->as_text)) {
        rule->method = ANONYMIZE_DROP;
        return 0;
    }
    return policy_check_field(request, best, field, row, error);
}

static int bind_fields(const struct anonymize_request *request, struct item *items,
                       struct anonymize_policy *policy, struct error *error) {
    int result = parse_items(request, items, error);
    for (size_t i = 0; result == 0 && i < policy->count; i++)
        result = policy_bind_field(request, items, &request->schema->fields[i], &policy->rules[i], error);
    if (result == 0 && policy_text_column(request) != NULL)
        result = policy_bind_field(request, items, policy_text_column(request), &policy->text_column, error);
    if (result == 0 && anonymize_policy_needs_suffixes(policy) && public_suffix_list_id() == NULL)
        result = error_set(
            error, ENOENT, EX_CONFIG,
            "output \"%s\": columns_to_anonymize: keep_registered_domain needs the list of public suffixes, which this libpsl was built without; take another method",
            request->output);
    return result;
}

int anonymize_policy_make(const struct anonymize_request *request, struct anonymize_policy *policy,
                          struct error *error) {
    *policy = (struct anonymize_policy){0};
    struct item *items = calloc(request->item_count + 1, sizeof *items);
    policy->rules = calloc(request->schema->field_count, sizeof *policy->rules);
    int result = 0;
    if (items == NULL || policy->rules == NULL) {
        result = error_set(error, ENOMEM, EX_OSERR, "output \"%s\": no memory", request->output);
    } else {
        policy->count = request->schema->field_count;
        result = bind_fields(request, items, policy, error);
    }
    free(items);
    return result;
}

void anonymize_policy_release(struct anonymize_policy *policy) {
    free(policy->rules);
    *policy = (struct anonymize_policy){0};
}

/* The option as it should be: what is there, and a proposal for each class without a rule. */
static void write_line(const struct anonymize_request *request, const bool missing[PII_COUNT], char *line,
                       size_t size) {
    size_t used = 0;
    line[0] = '\0';
    for (size_t i = 0; i < request->item_count && used < size; i++)
        used +=
            (size_t)snprintf(line + used, size - used, "%s\"%s\"", used > 0 ? ", " : "", request->items[i]);
    for (int i = PII_NONE + 1; i < PII_COUNT && used < size; i++) {
        if (missing[i])
            used += (size_t)snprintf(line + used, size - used, "%s\"%s=%s\"", used > 0 ? ", " : "",
                                     pii_class_name((enum pii_class)i),
                                     proposal[i] != NULL ? proposal[i] : "drop");
    }
}

int anonymize_policy_check_complete(const struct anonymize_policy *policy,
                                    const struct anonymize_request *request, struct error *error) {
    bool missing[PII_COUNT] = {false};
    const struct bound_field *first = NULL;
    char line[640];
    for (size_t i = 0; i < policy->count; i++) {
        const struct bound_field *field = &request->schema->fields[i];
        enum pii_class pii = bound_field_row(field, request->profile)->pii;
        if (pii == PII_NONE || policy->rules[i].is_given)
            continue;
        missing[pii] = true;
        if (first == NULL)
            first = field;
    }
    if (first == NULL)
        return 0;
    write_line(request, missing, line, sizeof line);
    return error_set(
        error, EINVAL, EX_CONFIG,
        "output \"%s\": nothing says how personal data (%s of schema %s, for one) goes to Kafka; give the output the line columns_to_anonymize = [ %s ]; or, to send it as it is, [ \"all=keep\" ]",
        request->output, first->name, request->schema->name, line);
}

bool anonymize_policy_changes(const struct anonymize_policy *policy) {
    for (size_t i = 0; i < policy->count; i++) {
        if (policy->rules[i].method != ANONYMIZE_KEEP)
            return true;
    }
    return policy->text_column.method != ANONYMIZE_KEEP;
}

bool anonymize_policy_is_keyed(const struct anonymize_policy *policy) {
    for (size_t i = 0; i < policy->count; i++) {
        if (anonymize_method_is_keyed(policy->rules[i].method))
            return true;
    }
    return anonymize_method_is_keyed(policy->text_column.method);
}

bool anonymize_policy_needs_suffixes(const struct anonymize_policy *policy) {
    for (size_t i = 0; i < policy->count; i++) {
        if (policy->rules[i].method == ANONYMIZE_KEEP_REGISTERED_DOMAIN)
            return true;
    }
    return false;
}
