/* What precedes a record in a Kafka message, so that a reader finds the schema. Nothing here is shared: the
 * caller's thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct framing {
    uint8_t prefix[10];
    size_t length;
};

/* "confluent": 0x00 and the registry's id, big endian. "single_object": Avro's marker C3 01 and the schema's CRC-64-AVRO
 * fingerprint, little endian. "none": nothing. */
void framing_make(struct framing *framing, const char *name, uint32_t schema_id, uint64_t fingerprint);
