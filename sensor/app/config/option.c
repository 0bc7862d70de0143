#include "app/config/option.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/nearest.h"
#include "base/secret.h"
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

static void *option_member(const struct option_row *row, void *object) {
    return (char *)object + row->offset;
}

static const void *option_member_const(const struct option_row *row, const void *object) {
    return (const char *)object + row->offset;
}

static int fail_value(const struct option_row *row, const char *text, struct error *reason) {
    return error_set(reason, EINVAL, EX_CONFIG, "expected %s, got \"%s\"", option_type_name(row->type), text);
}

/* The words that other programs' files use. */
static int parse_boolean(const char *text, bool *value) {
    static const char *const words[][2] = {{"false", "true"}, {"no", "yes"}, {"off", "on"}, {"0", "1"}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        for (int on = 0; on < 2; on++) {
            if (strcasecmp(text, words[i][on]) == 0) {
                *value = on == 1;
                return 0;
            }
        }
    }
    return -EINVAL;
}

static int parse_size(const char *text, int64_t *value, struct error *reason) {
    uint64_t bytes = 0;
    int result = units_parse_size(text, &bytes, reason);
    if (result == 0 && bytes > INT64_MAX)
        return error_set(reason, ERANGE, EX_CONFIG, "\"%s\" is too large", text);
    *value = (int64_t)bytes;
    return result;
}

static int parse_integer(const struct option_row *row, const char *text, int64_t *value,
                         struct error *reason) {
    char *end;
    errno = 0;
    *value = strtoll(text, &end, 10);
    if (end == text || *end != '\0')
        return fail_value(row, text, reason);
    return errno ? error_set(reason, errno, EX_CONFIG, "\"%s\" is too large", text) : 0;
}

static int parse_number(const struct option_row *row, const char *text, int64_t *value,
                        struct error *reason) {
    return row->type == OPTION_DURATION ? units_parse_duration(text, value, reason)
           : row->type == OPTION_SIZE   ? parse_size(text, value, reason)
                                        : parse_integer(row, text, value, reason);
}

/* A limit as a person would write it. */
static void print_limit(const struct option_row *row, int64_t value, char text[UNITS_TEXT_SIZE]) {
    if (row->type == OPTION_DURATION)
        units_print_duration(value, text);
    else if (row->type == OPTION_SIZE)
        units_print_size(value, text);
    else
        snprintf(text, UNITS_TEXT_SIZE, "%" PRId64, value);
}

static int check_range(const struct option_row *row, const char *text, int64_t value, struct error *reason) {
    char least[UNITS_TEXT_SIZE], most[UNITS_TEXT_SIZE];
    if ((row->min == 0 && row->max == 0) || (value >= row->min && value <= row->max))
        return 0;
    print_limit(row, row->min, least);
    print_limit(row, row->max, most);
    if (row->max == INT64_MAX)
        return error_set(reason, EINVAL, EX_CONFIG, "\"%s\" is too small; the least is %s", text, least);
    return error_set(reason, EINVAL, EX_CONFIG, "\"%s\" is out of range; allowed are %s to %s", text, least,
                     most);
}

static int set_number(const struct option_row *row, void *object, const char *text, struct error *reason) {
    int64_t value = 0;
    int result = parse_number(row, text, &value, reason);
    if (result == 0)
        result = check_range(row, text, value, reason);
    if (result == 0)
        *(int64_t *)option_member(row, object) = value;
    return result;
}

/* The name in "a|b|c" that `text` is in any letter case, in that list; NULL if it is none. */
static const char *find_choice(const char *choices, const char *text) {
    size_t length = strlen(text);
    for (const char *at = choices; at; at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL) {
        size_t choice = strcspn(at, "|");
        if (choice == length && strncasecmp(at, text, length) == 0)
            return at;
    }
    return NULL;
}

static int set_string(const struct option_row *row, void *object, const char *text, struct error *reason) {
    const char *value = row->type == OPTION_CHOICE ? find_choice(row->choices, text) : text;
    if (!value)
        return error_set(reason, EINVAL, EX_CONFIG, "\"%s\" is not one of %s", text, row->choices);
    char *copy = strndup(value, strlen(text));
    if (!copy)
        return error_set(reason, ENOMEM, EX_OSERR, "out of memory");
    char **place = option_member(row, object);
    secret_free(*place);
    *place = copy;
    return 0;
}

/* Ends the item at `item` in place and makes each "\\," in it a comma. Returns the next item, NULL after the last. */
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

/* The same for an item in quotes, which may hold commas. *is_well becomes false if the closing quote is missing, or
 * if anything but a comma follows it. */
static char *split_quoted_item(char *item, bool *is_well) {
    char *end = strchr(item + 1, *item);
    *is_well = end != NULL;
    if (!end)
        return NULL;
    const char *behind = end + 1 + strspn(end + 1, " ");
    *is_well = *behind == ',' || *behind == '\0';
    char *next = *behind == ',' ? end + (behind - end) + 1 : NULL;
    *end = '\0';
    return next;
}

/* Takes off the brackets of a list as the file writes it, if they enclose the whole text. */
static char *without_brackets(char *text) {
    static const char *const pairs[] = {"[]", "()"};
    size_t length = strlen(text);
    for (size_t i = 0; length >= 2 && i < sizeof pairs / sizeof *pairs; i++) {
        if (text[0] != pairs[i][0] || text[length - 1] != pairs[i][1])
            continue;
        do
            text[--length] = '\0';
        while (text[length - 1] == ' ');
        text++;
        return text + strspn(text, " ");
    }
    return text;
}

/* "a,b,c" as --set writes a list; "\\," is a comma within an item, as lists of brokers need. Also "[ "a", "b" ]", as in
 * the file. */
static int set_split(const struct option_row *row, void *object, const char *text, struct error *reason) {
    size_t length = strlen(text);
    char *copy = strdup(text);
    char **items = calloc(length + 1, sizeof *items);
    size_t count = 0;
    bool is_well = true;
    int result = copy && items ? 0 : -ENOMEM;
    char *item = copy ? without_brackets(copy) : NULL;
    while (result == 0 && item && (*item || count > 0)) {
        item += strspn(item, " ");
        bool quoted = *item == '"' || *item == '\'';
        items[count++] = item + quoted;
        item = quoted ? split_quoted_item(item, &is_well) : split_item(item);
    }
    if (result == 0 && is_well)
        result = option_set_list(row, object, (const char *const *)items, count);
    free(items);
    if (copy)
        explicit_bzero(copy, length); /* commas have become ends */
    free(copy);
    if (!is_well) /* without the text: one of its items may be a password */
        return error_set(reason, EINVAL, EX_CONFIG, "quotes and commas don't fit together; write %s",
                         option_type_name(row->type));
    return result < 0 ? error_set(reason, ENOMEM, EX_OSERR, "out of memory") : 0;
}

int option_set(const struct option_row *row, void *object, const char *text, struct error *reason) {
    bool on;
    switch (row->type) {
    case OPTION_BOOLEAN:
        if (parse_boolean(text, &on) < 0)
            return fail_value(row, text, reason);
        *(bool *)option_member(row, object) = on;
        return 0;
    case OPTION_SWITCH:
        if (parse_boolean(text, &on) < 0)
            return fail_value(row, text, reason);
        *(enum option_switch *)option_member(row, object) = on ? SWITCH_ON : SWITCH_OFF;
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
        secret_free(list->items[i]);
    for (size_t i = 0; list->written && i < list->count; i++)
        secret_free(list->written[i]); /* beside the reference there may be a part of a secret */
    free(list->items);
    free(list->written);
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
    *(struct string_list *)option_member(row, object) = list;
    return 0;
}

int option_set_written(const struct option_row *row, void *object, size_t index, const char *text) {
    struct string_list *list = option_member(row, object);
    if (!list->written)
        list->written = calloc(list->count, sizeof *list->written);
    char *copy = list->written ? strdup(text) : NULL;
    if (!copy)
        return -ENOMEM;
    list->written[index] = copy;
    return 0;
}

void option_clear(const struct option_row *row, void *object) {
    if (row->type == OPTION_STRING || row->type == OPTION_CHOICE) {
        char **place = option_member(row, object);
        secret_free(*place);
        *place = NULL;
    } else if (row->type == OPTION_STRINGS) {
        free_list(option_member(row, object));
    } else if (row->type == OPTION_SWITCH) {
        *(enum option_switch *)option_member(row, object) = SWITCH_UNSET;
    } else if (row->type == OPTION_INTEGER || row->type == OPTION_DURATION) {
        *(int64_t *)option_member(row, object) = OPTION_UNSET;
    }
}

static bool is_same_text(const char *one, const char *other) {
    return one && other ? strcmp(one, other) == 0 : one == other;
}

static const char *written_item(const struct string_list *list, size_t index) {
    return list->written ? list->written[index] : NULL;
}

static bool is_same_item(const struct string_list *one, const struct string_list *other, size_t index) {
    const char *first = written_item(one, index), *second = written_item(other, index);
    return first || second ? is_same_text(first, second)
                           : strcmp(one->items[index], other->items[index]) == 0;
}

static bool is_same_list(const struct string_list *one, const struct string_list *other) {
    bool same = one->count == other->count;
    for (size_t i = 0; same && i < one->count; i++)
        same = is_same_item(one, other, i);
    return same;
}

bool option_is_same(const struct option_row *row, const void *one, const void *other) {
    const void *first = option_member_const(row, one), *second = option_member_const(row, other);
    switch (row->type) {
    case OPTION_BOOLEAN: return *(const bool *)first == *(const bool *)second;
    case OPTION_SWITCH: return *(const enum option_switch *)first == *(const enum option_switch *)second;
    case OPTION_INTEGER:
    case OPTION_SIZE:
    case OPTION_DURATION: return *(const int64_t *)first == *(const int64_t *)second;
    case OPTION_STRING:
    case OPTION_CHOICE: return is_same_text(*(char *const *)first, *(char *const *)second);
    case OPTION_STRINGS: return is_same_list(first, second);
    }
    return false;
}

bool option_is_set(const struct option_row *row, const void *object) {
    switch (row->type) {
    case OPTION_SWITCH: return *(const enum option_switch *)option_member_const(row, object) != SWITCH_UNSET;
    case OPTION_INTEGER:
    case OPTION_DURATION: return *(const int64_t *)option_member_const(row, object) != OPTION_UNSET;
    case OPTION_STRING:
    case OPTION_CHOICE: return *(char *const *)option_member_const(row, object) != NULL;
    case OPTION_STRINGS: return ((const struct string_list *)option_member_const(row, object))->count != 0;
    case OPTION_BOOLEAN:
    case OPTION_SIZE: return true;
    }
    return false;
}
