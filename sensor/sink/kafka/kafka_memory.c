#include <librdkafka/rdkafka.h>

#include "sink/kafka/client/kafka_properties.h"
#include "sink/kafka/kafka_check.h"
#include "sink/kafka/kafka_lane.h"

/* Measured with librdkafka 2.0.2 and a full queue. */
enum {
    CLIENT_BYTES = 12 << 20, /* threads, TLS, requests under way */
    MESSAGE_BYTES = 1024,    /* of a message beside its record: 910 with all seven headers */
    KBYTE = 1024,
    SPOOL_BYTES = 1 << 20, /* of one on disk, beside its buffers */
};

int kafka_memory(const struct sink_options *options, uint64_t *bytes, struct error *error) {
    rd_kafka_conf_t *conf = NULL;
    int result = kafka_properties_make(options, &conf, error);
    if (result < 0)
        return result;
    *bytes = CLIENT_BYTES + kafka_property_number(conf, "queue.buffering.max.kbytes") * KBYTE +
             kafka_property_number(conf, "queue.buffering.max.messages") * MESSAGE_BYTES;
    /* A record that is under way is here too. */
    *bytes += kafka_property_number(conf, "queue.buffering.max.kbytes") * KBYTE +
              kafka_property_number(conf, "queue.buffering.max.messages") * sizeof(struct kafka_entry);
    *bytes += options->spool.directory
                  ? kafka_property_number(conf, "queue.buffering.max.kbytes") * KBYTE + SPOOL_BYTES
                  : options->spool.size;
    rd_kafka_conf_destroy(conf);
    return 0;
}
