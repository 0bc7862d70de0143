#include "app/plan/header_options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app/plan/kafka_options.h"
#include "app/plan/name_list.h"

static const struct name_table headers_table = {kafka_header_names, KAFKA_HEADER_COUNT, "header",
                                                "a record carries it once", " and auto"};

/* What finds gaps and duplicates, whatever the records are, and what the records don't say themselves. */
static unsigned automatic_headers(const struct schema *schema) {
    unsigned headers = KAFKA_HEADERS_ALL;
    for (size_t i = 0; i < schema->field_count; i++)
        for (unsigned header = 0; header < KAFKA_HEADER_COUNT; header++)
            if (strcmp(schema->fields[i].name, kafka_header_names[header]) == 0)
                headers &= ~(1u << header);
    return headers | 1u << KAFKA_HEADER_boot_id | 1u << KAFKA_HEADER_seq;
}

int header_options_make(const struct output_config *output, const struct schema *schema, unsigned *headers,
                        struct error *error) {
    unsigned automatic = 0, place;
    int result = 0;
    char list[256];
    bool by_default = output->headers.count == 1 && strcmp(output->headers.items[0], "auto") == 0;
    if (!by_default && !config_output_is_kafka(output))
        return error_set(error, EINVAL, EX_CONFIG,
                         "output \"%s\": headers means nothing without topic; take it off",
                         config_output_name(output));
    snprintf(list, sizeof list, "output \"%s\": headers", config_output_name(output));
    *headers = 0;
    for (size_t i = 0; result == 0 && i < output->headers.count; i++)
        if (strcmp(output->headers.items[i], "auto") == 0)
            automatic = automatic_headers(schema);
        else
            result = name_list_add(&headers_table, list, output->headers.items[i], headers, &place, error);
    *headers |= automatic;
    return result;
}
