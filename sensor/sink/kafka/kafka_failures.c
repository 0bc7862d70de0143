/* The errors that a Kafka output's flush or write ends with. */
#include <errno.h>
#include <inttypes.h>
#include <librdkafka/rdkafka.h>

#include "base/clock.h"
#include "sink/kafka/kafka_parts.h"

int kafka_unavailable(const struct kafka_sink *sink, struct error *error) {
    const char *reason = sink->statistics.last_error[0] ? sink->statistics.last_error : "no answer";
    if (sink->last_refusal != RD_KAFKA_RESP_ERR_NO_ERROR)
        reason = rd_kafka_err2str(sink->last_refusal);
    bool forbidden = sink->last_refusal == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    return error_set(
        error, ETIMEDOUT, forbidden ? EX_NOPERM : EX_UNAVAILABLE,
        "output \"%s\": topic %s: no acknowledgement for %.1f s, %" PRIu64 " records not delivered (%s); %s",
        sink->output, sink->topic, (double)(clock_monotonic() - sink->waiting_since) / 1e6,
        sink->statistics.in_flight + sink->statistics.dropped[SINK_DROP_undelivered], reason,
        forbidden ? "allow Write on the topic"
                  : "check bootstrap.servers and that the broker runs, or raise delivery.timeout");
}

int kafka_not_taken(const struct kafka_sink *sink, struct error *error) {
    const uint64_t *dropped = sink->statistics.dropped;
    uint64_t count =
        dropped[SINK_DROP_rejected] + dropped[SINK_DROP_too_large] + dropped[SINK_DROP_queue_full];
    if (count == 0 || !sink->wait_when_full)
        return 0;
    const char *remedy = dropped[SINK_DROP_rejected] > 0
                             ? "look into the broker's log"
                             : "raise message.max.bytes of the producer and max.message.bytes of the topic";
    return error_set(error, EIO, EX_IOERR,
                     "output \"%s\": topic %s: %" PRIu64 " records were not taken and are dropped: %s; %s",
                     sink->output, sink->topic, count, rd_kafka_err2str(sink->last_refusal), remedy);
}

int kafka_never_framed(const struct kafka_sink *sink, uint64_t count, struct error *error) {
    return error_set(
        error, ETIMEDOUT, EX_UNAVAILABLE,
        "output \"%s\": topic %s: %" PRIu64
        " records are dropped (%s), since the registry has not told or confirmed the id of their schema; set spool.directory to keep them",
        sink->output, sink->topic, count, sink_drop_name(SINK_DROP_unframed));
}

int kafka_not_saved(const struct kafka_sink *sink, struct error *error) {
    struct spool_statistics spool;
    spool_statistics(sink->spool, &spool);
    return error_set(error, EIO, EX_IOERR,
                     "output \"%s\": topic %s: %" PRIu64
                     " records are lost (%s): the broker did not take them, nor did the spool's disk (%s)",
                     sink->output, sink->topic, sink->unsaved, sink_drop_name(SINK_DROP_undelivered),
                     spool.disk_error[0] ? spool.disk_error : "no answer");
}
