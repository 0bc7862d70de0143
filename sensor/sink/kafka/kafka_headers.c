#include "sink/kafka/kafka_headers.h"

#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <string.h>

#include "record/field/number.h"

static bool is_chosen(const struct kafka_headers *headers, enum kafka_header header) {
    return (headers->chosen & 1u << header) != 0;
}

int kafka_headers_open(struct kafka_headers *headers, const struct message_origin *origin, unsigned chosen) {
    const struct {
        enum kafka_header header;
        const char *value;
    } constant[] = {
        {KAFKA_HEADER_sensor_id, origin->sensor_id},
        {KAFKA_HEADER_boot_id, origin->boot_id},
        {KAFKA_HEADER_output, origin->output},
        {KAFKA_HEADER_feature_hash, origin->feature_hash},
    };
    headers->chosen = chosen;
    if (chosen == 0 && !origin->verify)
        return 0;
    headers->constant = rd_kafka_headers_new(KAFKA_HEADER_COUNT + 1);
    if (!headers->constant)
        return -ENOMEM;
    for (size_t i = 0; i < sizeof constant / sizeof *constant; i++)
        if (is_chosen(headers, constant[i].header))
            rd_kafka_header_add(headers->constant, kafka_header_names[constant[i].header], -1,
                                constant[i].value, -1);
    if (origin->verify)
        rd_kafka_header_add(headers->constant, "verify", -1, "true", -1);
    return 0;
}

void kafka_headers_close(struct kafka_headers *headers) {
    while (headers->spare_count > 0)
        rd_kafka_headers_destroy(headers->spare[--headers->spare_count]);
    if (headers->constant)
        rd_kafka_headers_destroy(headers->constant);
    headers->constant = NULL;
}

static bool has_value(const rd_kafka_headers_t *list, const char *name, const char *value, size_t length) {
    const void *present = NULL;
    size_t present_length = 0;
    return rd_kafka_header_get_last(list, name, &present, &present_length) == RD_KAFKA_RESP_ERR_NO_ERROR &&
           !present == !value && present_length == length && (!value || memcmp(present, value, length) == 0);
}

/* NULL is a value too. */
static void set_header(rd_kafka_headers_t *list, enum kafka_header header, const char *value, size_t length) {
    const char *name = kafka_header_names[header];
    if (has_value(list, name, value, length))
        return;
    rd_kafka_header_remove(list, name);
    rd_kafka_header_add(list, name, -1, value, (ssize_t)length);
}

static void set_key_id(rd_kafka_headers_t *list, const char *key_id) {
    const char *value = key_id[0] ? key_id : NULL;
    set_header(list, KAFKA_HEADER_anon_key_id, value, strlen(key_id));
}

/* Different in each record, so it is the last one, which librdkafka finds first. */
static void set_seq(rd_kafka_headers_t *list, uint64_t seq) {
    const char *name = kafka_header_names[KAFKA_HEADER_seq];
    char text[INTEGER_TEXT_MAX];
    rd_kafka_header_remove(list, name);
    rd_kafka_header_add(list, name, -1, text, integer_format((int64_t)seq, text) - text);
}

int kafka_headers_take(struct kafka_headers *headers, const struct message *message,
                       rd_kafka_headers_t **list) {
    *list = NULL;
    if (!headers->constant)
        return 0;
    *list = headers->spare_count > 0 ? headers->spare[--headers->spare_count]
                                     : rd_kafka_headers_copy(headers->constant);
    if (!*list)
        return -ENOMEM;
    if (is_chosen(headers, KAFKA_HEADER_record_kind))
        set_header(*list, KAFKA_HEADER_record_kind, message->record_kind, strlen(message->record_kind));
    if (is_chosen(headers, KAFKA_HEADER_anon_key_id))
        set_key_id(*list, message->anon_key_id);
    if (is_chosen(headers, KAFKA_HEADER_seq))
        set_seq(*list, message->seq);
    return 0;
}

void kafka_headers_give(struct kafka_headers *headers, rd_kafka_headers_t *list) {
    if (!list)
        return;
    if (headers->spare_count < KAFKA_HEADERS_SPARE)
        headers->spare[headers->spare_count++] = list;
    else
        rd_kafka_headers_destroy(list);
}

void kafka_headers_take_back(struct kafka_headers *headers, rd_kafka_message_t *message) {
    rd_kafka_headers_t *list = NULL;
    if (rd_kafka_message_detach_headers(message, &list) == RD_KAFKA_RESP_ERR_NO_ERROR)
        kafka_headers_give(headers, list);
}
