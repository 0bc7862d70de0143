#include "app/plan/header_options.h"

#include <errno.h>
#include <string.h>

#include "base/nearest.h"

/* Every header, as a message lists them. */
static const char all_names[] =
#define X(name) ", " #name
    KAFKA_HEADERS(X)
#undef X
        " and auto";

/* What finds gaps and duplicates, whatever the records are, and what the records don't say themselves. */
static unsigned automatic_headers(const struct schema *schema) {
    unsigned headers = KAFKA_HEADERS_ALL;
    for (size_t i = 0; i < schema->field_count; i++)
        for (unsigned header = 0; header < KAFKA_HEADER_COUNT; header++)
            if (strcmp(schema->fields[i].name, kafka_header_names[header]) == 0)
                headers &= ~(1u << header);
    return headers | 1u << KAFKA_HEADER_boot_id | 1u << KAFKA_HEADER_seq;
}

static int unknown_header(const struct output_config *output, const char *given, struct error *error) {
    const char *nearest =
        nearest_name(given, kafka_header_names, KAFKA_HEADER_COUNT, sizeof *kafka_header_names);
    return error_set(error, EINVAL, EX_CONFIG,
                     "output \"%s\": headers: there is no header \"%s\"%s%s%s; headers are %s",
                     config_output_name(output), given, nearest ? " (did you mean \"" : "",
                     nearest ? nearest : "", nearest ? "\"?)" : "", all_names + 2);
}

static int add_header(const struct output_config *output, const char *given, unsigned *headers,
                      struct error *error) {
    unsigned header = 0;
    while (header < KAFKA_HEADER_COUNT && strcmp(kafka_header_names[header], given) != 0)
        header++;
    if (header == KAFKA_HEADER_COUNT)
        return unknown_header(output, given, error);
    if (*headers & 1u << header)
        return error_set(
            error, EINVAL, EX_CONFIG,
            "output \"%s\": headers: \"%s\" is given twice; a record carries it once, so name it once",
            config_output_name(output), given);
    *headers |= 1u << header;
    return 0;
}

int header_options_make(const struct output_config *output, const struct schema *schema, unsigned *headers,
                        struct error *error) {
    unsigned automatic = 0;
    int result = 0;
    *headers = 0;
    for (size_t i = 0; result == 0 && i < output->headers.count; i++)
        if (strcmp(output->headers.items[i], "auto") == 0)
            automatic = automatic_headers(schema);
        else
            result = add_header(output, output->headers.items[i], headers, error);
    *headers |= automatic;
    return result;
}
