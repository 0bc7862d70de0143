#include "sink/kafka/kafka_header_set.h"

const char *const kafka_header_names[KAFKA_HEADER_COUNT] = {
#define X(name) #name,
    KAFKA_HEADERS(X)
#undef X
};
