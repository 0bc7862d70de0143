#include "sink/kafka/kafka_topic.h"

#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "sink/kafka/client/kafka_client.h"

struct kafka_topic_check {
    rd_kafka_t *producer;
    const char *output, *name;
    rd_kafka_topic_t *topic;
    int64_t limit; /* monotonic clock */
    pthread_t thread;
    atomic_bool stop, over;
    int result; /* once it is over, as the next */
    int32_t partitions;
    struct error error;
};

static rd_kafka_resp_err_t ask_again_and_again(struct kafka_topic_check *check,
                                               const struct rd_kafka_metadata **metadata) {
    rd_kafka_resp_err_t code;
    int patience = KAFKA_PATIENCE;
    do
        code = kafka_ask_for_topic(check->producer, check->topic, &patience, KAFKA_PATIENCE_MAX, metadata);
    while (code != RD_KAFKA_RESP_ERR_NO_ERROR && !atomic_load(&check->stop) &&
           clock_monotonic() < check->limit);
    return code;
}

static void *topic_ask(void *context) {
    struct kafka_topic_check *check = context;
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t code = ask_again_and_again(check, &metadata);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && metadata->topic_cnt > 0) {
        check->partitions = metadata->topics[0].partition_cnt;
        check->result = kafka_topic_error(check->output, check->name, metadata->topics[0].err, &check->error);
    } else {
        log_line(LOG_DEBUG, "output \"%s\": no broker answers yet: %s", check->output,
                 rd_kafka_err2str(code));
    }
    if (metadata)
        rd_kafka_metadata_destroy(metadata);
    atomic_store(&check->over, true);
    return NULL;
}

static void topic_check_free(struct kafka_topic_check *check) {
    rd_kafka_topic_destroy(check->topic);
    free(check);
}

int kafka_topic_check_begin(rd_kafka_t *producer, const char *output, const char *name, int64_t limit,
                            struct kafka_topic_check **begun, struct error *error) {
    rd_kafka_topic_t *topic = rd_kafka_topic_new(producer, name, NULL);
    if (!topic)
        return error_set(error, EINVAL, EX_CONFIG, "output \"%s\": topic %s: %s", output, name,
                         rd_kafka_err2str(rd_kafka_last_error()));
    struct kafka_topic_check *check = calloc(1, sizeof *check);
    if (!check) {
        rd_kafka_topic_destroy(topic);
        return error_set(error, ENOMEM, EX_OSERR, "out of memory");
    }
    check->producer = producer;
    check->output = output;
    check->name = name;
    check->topic = topic;
    check->limit = clock_monotonic() + limit;
    int result = thread_start(&check->thread, "topic", topic_ask, check);
    if (result < 0) {
        topic_check_free(check);
        return error_set(error, -result, EX_OSERR, "output \"%s\": no thread: %s", output, strerror(-result));
    }
    *begun = check;
    return 0;
}

bool kafka_topic_check_is_over(struct kafka_topic_check *check) {
    return atomic_load(&check->over);
}

void kafka_topic_check_stop(struct kafka_topic_check *check) {
    atomic_store(&check->stop, true);
}

int kafka_topic_check_end(struct kafka_topic_check *check, int32_t *partitions, struct error *error) {
    if (!check)
        return 0;
    atomic_store(&check->stop, true);
    pthread_join(check->thread, NULL);
    int result = check->result;
    if (result < 0)
        *error = check->error;
    else if (partitions && check->partitions > 0)
        *partitions = check->partitions;
    topic_check_free(check);
    return result;
}
