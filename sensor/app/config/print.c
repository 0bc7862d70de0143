#include "app/config/config.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"

/* By what their names have in common, so that properties of later versions are hidden too. The path of a file is none. */
bool config_is_secret_property(const char *name, size_t length) {
    static const char *const words[] = {"password", "secret", "passphrase", "key.pem",
                                        "sasl.oauthbearer.config"};
    char lower[128];
    size_t used = length < sizeof lower ? length : sizeof lower - 1;
    for (size_t i = 0; i < used; i++)
        lower[i] = (char)tolower((unsigned char)name[i]);
    lower[used] = '\0';
    if (used >= 4 && strcmp(lower + used - 4, "file") == 0)
        return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strstr(lower, words[i]))
            return true;
    return false;
}

/* From one that was found on, since only who wrote it knows where it ends. */
void config_hide_secrets(char *text) {
    for (char *equals = strchr(text, '='); equals; equals = strchr(equals + 1, '=')) {
        char *name = equals;
        while (name > text && (isalnum((unsigned char)name[-1]) || name[-1] == '.' || name[-1] == '_'))
            name--;
        if (config_is_secret_property(name, (size_t)(equals - name))) {
            memset(equals + 1, '*', strlen(equals + 1));
            return;
        }
    }
}

/* As the file's reader takes it back: quotes are escaped, and "${" is no reference. */
static void print_quoted(const char *text, FILE *stream) {
    fputc('"', stream);
    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte == '"' || byte == '\\')
            fputc('\\', stream);
        if (byte == '$' && text[1] == '{')
            fputc('$', stream);
        if (byte < 0x20)
            fprintf(stream, "\\x%02x", byte);
        else
            fputc(byte, stream);
    }
    fputc('"', stream);
}

/* "name=value", the value masked where nobody should read it. */
static void print_item(const char *item, FILE *stream) {
    const char *equals = strchr(item, '=');
    if (!equals || !config_is_secret_property(item, (size_t)(equals - item))) {
        print_quoted(item, stream);
        return;
    }
    fprintf(stream, "\"%.*s=********\"", (int)(equals - item), item);
}

/* A user and a password in a URL are refused, but what is refused can be printed. */
static void print_string(const char *text, FILE *stream) {
    const char *host = strstr(text, "://");
    const char *end = host ? host + 3 + strcspn(host + 3, "/?#") : NULL;
    const char *at = host ? memrchr(host + 3, '@', (size_t)(end - host - 3)) : NULL;
    char *masked = NULL;
    if (at && asprintf(&masked, "%.*s://********%s", (int)(host - text), text, at) < 0)
        masked = NULL;
    print_quoted(!at ? text : masked ? masked : "", stream);
    free(masked);
}

static void print_list(const struct string_list *list, FILE *stream) {
    fputs("[", stream);
    for (size_t i = 0; i < list->count; i++) {
        fputs(i > 0 ? ", " : " ", stream);
        print_item(list->items[i], stream);
    }
    fputs(" ]", stream);
}

static void print_value(const struct option_row *row, const void *object, FILE *stream) {
    const void *member = (const char *)object + row->offset;
    char text[UNITS_TEXT_SIZE];
    switch (row->type) {
    case OPTION_BOOLEAN: fputs(*(const bool *)member ? "true" : "false", stream); break;
    case OPTION_SWITCH:
        fputs(*(const enum option_switch *)member == SWITCH_ON ? "true" : "false", stream);
        break;
    case OPTION_INTEGER:
        fprintf(stream, "%" PRId64, *(const int64_t *)member);
        if (*(const int64_t *)member > INT32_MAX)
            fputc('L', stream);
        break;
    case OPTION_SIZE:
        units_print_size(*(const int64_t *)member, text);
        print_quoted(text, stream);
        break;
    case OPTION_DURATION:
        units_print_duration(*(const int64_t *)member, text);
        print_quoted(text, stream);
        break;
    case OPTION_STRING:
    case OPTION_CHOICE: print_string(*(char *const *)member, stream); break;
    case OPTION_STRINGS: print_list(member, stream); break;
    }
}

static void print_setting(const struct option_row *row, const char *name, const void *object,
                          const char *indent, FILE *stream) {
    /* A list that is empty and would not be by default says so. */
    bool is_emptied = row->type == OPTION_STRINGS && row->initial;
    if (!option_is_set(row, object) && !is_emptied)
        return;
    fprintf(stream, "%s%s = ", indent, name);
    print_value(row, object, stream);
    fputs(";\n", stream);
}

static void print_groups(const struct config *config, FILE *stream) {
    char open[64] = "";
    for (size_t i = 0; i < option_row_count; i++) {
        const char *dot = strchr(option_rows[i].path, '.');
        size_t length = dot ? (size_t)(dot - option_rows[i].path) : 0;
        if (strlen(open) != length || memcmp(open, option_rows[i].path, length) != 0) {
            if (*open)
                fputs("};\n", stream);
            snprintf(open, sizeof open, "%.*s", (int)length, option_rows[i].path);
            if (*open)
                fprintf(stream, "%s = {\n", open);
        }
        print_setting(&option_rows[i], dot ? dot + 1 : option_rows[i].path, config, dot ? "    " : "",
                      stream);
    }
    if (*open)
        fputs("};\n", stream);
}

void config_print(const struct config *config, FILE *stream) {
    print_groups(config, stream);
    fputs("outputs = (\n", stream);
    for (size_t i = 0; i < config->output_count; i++) {
        fputs("    {\n", stream);
        for (size_t row = 0; row < output_row_count; row++)
            print_setting(&output_rows[row], strchr(output_rows[row].path, '.') + 1, &config->outputs[i],
                          "        ", stream);
        fputs(i + 1 < config->output_count ? "    },\n" : "    }\n", stream);
    }
    fputs(");\n", stream);
}
