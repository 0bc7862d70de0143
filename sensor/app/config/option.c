#include "app/config/option.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "base/units.h"

const char *option_type_name(enum option_type type) {
    switch (type) {
    case OPTION_BOOLEAN:
    case OPTION_SWITCH: return "true or false";
    case OPTION_INTEGER: return "an integer";
    case OPTION_SIZE: return "a size in quotes such as \"64MiB\"";
    case OPTION_DURATION: return "a duration in quotes such as \"5s\"";
    case OPTION_STRING: return "a string in quotes";
    case OPTION_CHOICE: return "one of the choices in quotes";
    case OPTION_STRINGS: return "a list of strings such as [ \"a\", \"b\" ]";
    }
    return "";
}

static void *member(const struct option_row *row, void *object) {
    return (char *)object + row->offset;
}

static const void *member_const(const struct option_row *row, const void *object) {
    return (const char *)object + row->offset;
}

static int wrong(const struct option_row *row, const char *text, struct error *reason) {
    return error_set(reason, EINVAL, EX_CONFIG, "expected %s, got \"%s\"", option_type_name(row->type), text);
}

static int parse_boolean(const char *text, bool *value) {
    *value = strcmp(text, "true") == 0;
    return *value || strcmp(text, "false") == 0 ? 0 : -EINVAL;
}

static int parse_number(const struct option_row *row, const char *text, int64_t *value) {
    if (row->type == OPTION_DURATION)
        return units_parse_duration(text, value);
    if (row->type == OPTION_SIZE) {
        uint64_t bytes = 0;
        int result = units_parse_size(text, &bytes);
        *value = (int64_t)bytes;
        return result < 0 ? result : bytes > INT64_MAX ? -ERANGE : 0;
    }
    char *end;
    errno = 0;
    *value = strtoll(text, &end, 10);
    return end == text || *end != '\0' ? -EINVAL : -errno;
}

static int check_range(const struct option_row *row, const char *text, int64_t value, struct error *reason) {
    if ((row->min == 0 && row->max == 0) || (value >= row->min && value <= row->max))
        return 0;
    const char *unit = row->type == OPTION_DURATION ? " microseconds"
                       : row->type == OPTION_SIZE   ? " bytes"
                                                    : "";
    if (row->max == INT64_MAX)
        return error_set(reason, EINVAL, EX_CONFIG, "\"%s\" is too small; the least is %" PRId64 "%s", text,
                         row->min, unit);
    return error_set(reason, EINVAL, EX_CONFIG,
                     "\"%s\" is out of range; allowed are %" PRId64 " to %" PRId64 "%s", text, row->min,
                     row->max, unit);
}

static int set_number(const struct option_row *row, void *object, const char *text, struct error *reason) {
    int64_t value;
    int result = parse_number(row, text, &value);
    if (result == -ERANGE)
        return error_set(reason, EINVAL, EX_CONFIG, "\"%s\" is too large", text);
    if (result < 0)
        return wrong(row, text, reason);
    result = check_range(row, text, value, reason);
    if (result == 0)
        *(int64_t *)member(row, object) = value;
    return result;
}

/* Whether `text` is one of the names in "a|b|c". */
static bool is_choice(const char *choices, const char *text) {
    size_t length = strlen(text);
    for (const char *at = choices; at; at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL) {
        size_t choice = strcspn(at, "|");
        if (choice == length && memcmp(at, text, length) == 0)
            return true;
    }
    return false;
}

static int set_string(const struct option_row *row, void *object, const char *text, struct error *reason) {
    if (row->type == OPTION_CHOICE && !is_choice(row->choices, text))
        return error_set(reason, EINVAL, EX_CONFIG, "\"%s\" is not one of %s", text, row->choices);
    char *copy = strdup(text);
    if (!copy)
        return error_set(reason, ENOMEM, EX_OSERR, "out of memory");
    char **place = member(row, object);
    free(*place);
    *place = copy;
    return 0;
}

/* Ends the item at `item` in place, its "\\," made commas; returns the next one, NULL behind the last. */
static char *split_item(char *item) {
    char *to = item;
    const char *from = item;
    for (; *from && *from != ','; from++) {
        if (from[0] == '\\' && from[1] == ',')
            from++;
        *to++ = *from;
    }
    char *next = *from ? item + (from - item) + 1 : NULL;
    *to = '\0';
    return next;
}

/* "a,b,c" as --set writes a list; "\\," is a comma within an item, as lists of brokers need. */
static int set_split(const struct option_row *row, void *object, const char *text, struct error *reason) {
    char *copy = strdup(text);
    char **items = calloc(strlen(text) + 1, sizeof *items);
    size_t count = 0;
    int result = copy && items ? 0 : -ENOMEM;
    for (char *item = copy; result == 0 && item && *text; count++) {
        items[count] = item;
        item = split_item(item);
    }
    if (result == 0)
        result = option_set_list(row, object, (const char *const *)items, count);
    free(items);
    free(copy);
    return result < 0 ? error_set(reason, ENOMEM, EX_OSERR, "out of memory") : 0;
}

int option_set(const struct option_row *row, void *object, const char *text, struct error *reason) {
    bool on;
    switch (row->type) {
    case OPTION_BOOLEAN:
        if (parse_boolean(text, &on) < 0)
            return wrong(row, text, reason);
        *(bool *)member(row, object) = on;
        return 0;
    case OPTION_SWITCH:
        if (parse_boolean(text, &on) < 0)
            return wrong(row, text, reason);
        *(enum option_switch *)member(row, object) = on ? SWITCH_ON : SWITCH_OFF;
        return 0;
    case OPTION_INTEGER:
    case OPTION_SIZE:
    case OPTION_DURATION: return set_number(row, object, text, reason);
    case OPTION_STRING:
    case OPTION_CHOICE: return set_string(row, object, text, reason);
    case OPTION_STRINGS: return set_split(row, object, text, reason);
    }
    return -EINVAL;
}

static void free_list(struct string_list *list) {
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    *list = (struct string_list){0};
}

int option_set_list(const struct option_row *row, void *object, const char *const *items, size_t count) {
    struct string_list list = {.items = calloc(count ? count : 1, sizeof *list.items)};
    if (!list.items)
        return -ENOMEM;
    for (; list.count < count; list.count++) {
        list.items[list.count] = strdup(items[list.count]);
        if (!list.items[list.count]) {
            free_list(&list);
            return -ENOMEM;
        }
    }
    option_clear(row, object);
    *(struct string_list *)member(row, object) = list;
    return 0;
}

void option_clear(const struct option_row *row, void *object) {
    if (row->type == OPTION_STRING || row->type == OPTION_CHOICE) {
        char **place = member(row, object);
        free(*place);
        *place = NULL;
    } else if (row->type == OPTION_STRINGS) {
        free_list(member(row, object));
    } else if (row->type == OPTION_SWITCH) {
        *(enum option_switch *)member(row, object) = SWITCH_UNSET;
    } else if (row->type == OPTION_INTEGER || row->type == OPTION_DURATION) {
        *(int64_t *)member(row, object) = OPTION_UNSET;
    }
}

bool option_is_set(const struct option_row *row, const void *object) {
    switch (row->type) {
    case OPTION_SWITCH: return *(const enum option_switch *)member_const(row, object) != SWITCH_UNSET;
    case OPTION_INTEGER:
    case OPTION_DURATION: return *(const int64_t *)member_const(row, object) != OPTION_UNSET;
    case OPTION_STRING:
    case OPTION_CHOICE: return *(char *const *)member_const(row, object) != NULL;
    case OPTION_STRINGS: return ((const struct string_list *)member_const(row, object))->count != 0;
    case OPTION_BOOLEAN:
    case OPTION_SIZE: return true;
    }
    return false;
}
