/* Which headers an output's records carry in Kafka. */
#pragma once

/* All there are to choose from, in the order in which a record has them. Their meaning is in schemas/README.md. */
#define KAFKA_HEADERS(X) \
    X(sensor_id)         \
    X(boot_id)           \
    X(output)            \
    X(feature_hash)      \
    X(record_kind)       \
    X(anon_key_id)       \
    X(seq)

enum kafka_header {
#define X(name) KAFKA_HEADER_##name,
    KAFKA_HEADERS(X)
#undef X
        KAFKA_HEADER_COUNT
};

extern const char *const kafka_header_names[KAFKA_HEADER_COUNT];

/* A set of them has 1 << enum kafka_header of each. */
enum { KAFKA_HEADERS_ALL = (1 << KAFKA_HEADER_COUNT) - 1 };
