#include "sink/kafka/kafka_errors.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { UNANSWERED_MILLISECONDS = 3000 }; /* base/own_sockets.h */

/* What isn't named here is held: a record is given up only where its own content is known to be the reason. */
enum kafka_class kafka_class_of(int code) {
    switch (code) {
    case RD_KAFKA_RESP_ERR_NO_ERROR: return KAFKA_DELIVERED;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE: return KAFKA_TOO_LARGE;
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT: return KAFKA_REFUSED;
    case RD_KAFKA_RESP_ERR__FATAL:
    case RD_KAFKA_RESP_ERR__FENCED: return KAFKA_PRODUCER_FAILED;
    default: return KAFKA_HOLD;
    }
}

const char *kafka_remedy_of(int code) {
    switch (code) {
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
        return "; create the topic again: flowsensor topics create with the same configuration";
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED: return "; allow Describe and Write on the topic";
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED: return "; allow IdempotentWrite on the cluster";
    case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS:
    case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND:
        return "; bring the topic's replicas back, or lower min.insync.replicas";
    default: return "";
    }
}

void kafka_error_text(const char *text, char *copy, size_t size) {
    static const char reset[] = "Connection reset by peer (after ", connecting[] = "ms in state CONNECT";
    const char *found = strstr(text, reset);
    char *rest = NULL;
    bool cut = found && strtol(found + sizeof reset - 1, &rest, 10) >= UNANSWERED_MILLISECONDS &&
               strncmp(rest, connecting, sizeof connecting - 1) == 0;
    if (cut)
        snprintf(copy, size, "%.*sno answer%s", (int)(found - text), text, strstr(found, " (after "));
    else
        snprintf(copy, size, "%s", text);
}
