#include "sink/kafka_headers.h"

#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <string.h>

#include "record/field/number.h"

int kafka_headers_open(struct kafka_headers *headers, const struct message_origin *origin) {
    rd_kafka_headers_t *constant = rd_kafka_headers_new(8);
    if (!constant)
        return -ENOMEM;
    rd_kafka_header_add(constant, "sensor_id", -1, origin->sensor_id, -1);
    rd_kafka_header_add(constant, "boot_id", -1, origin->boot_id, -1);
    rd_kafka_header_add(constant, "output", -1, origin->output, -1);
    rd_kafka_header_add(constant, "feature_hash", -1, origin->feature_hash, -1);
    if (origin->verify)
        rd_kafka_header_add(constant, "verify", -1, "true", -1);
    headers->constant = constant;
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
static void set_header(rd_kafka_headers_t *list, const char *name, const char *value, size_t length) {
    if (has_value(list, name, value, length))
        return;
    rd_kafka_header_remove(list, name);
    rd_kafka_header_add(list, name, -1, value, (ssize_t)length);
}

rd_kafka_headers_t *kafka_headers_take(struct kafka_headers *headers, const struct message *message) {
    char seq[INTEGER_TEXT_MAX];
    const char *key_id = message->anon_key_id[0] ? message->anon_key_id : NULL;
    rd_kafka_headers_t *list = headers->spare_count > 0 ? headers->spare[--headers->spare_count]
                                                        : rd_kafka_headers_copy(headers->constant);
    if (!list)
        return NULL;
    set_header(list, "record_kind", message->record_kind, strlen(message->record_kind));
    set_header(list, "anon_key_id", key_id, key_id ? strlen(key_id) : 0);
    /* Different in each record, so it is the last one, which librdkafka finds first. */
    rd_kafka_header_remove(list, "seq");
    rd_kafka_header_add(list, "seq", -1, seq, integer_format((int64_t)message->seq, seq) - seq);
    return list;
}

void kafka_headers_give(struct kafka_headers *headers, rd_kafka_headers_t *list) {
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
