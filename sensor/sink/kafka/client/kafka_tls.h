/* Why a broker's certificate is not accepted. librdkafka says of each that ssl.ca.location may be wrong, also where it has
 * expired or is another host's. Private to sink/kafka*.c.
 *
 * @thread any, takes a mutex: librdkafka's threads check certificates, others ask */
#pragma once

#include <stddef.h>

struct rd_kafka_conf_s;

/* The clients of this configuration note what is wrong with certificates. */
void kafka_tls_watch(struct rd_kafka_conf_s *conf);

/* Copies an error text of librdkafka, and before it what was noted of the broker that it names. */
void kafka_tls_explain(const char *text, char *explained, size_t size);
