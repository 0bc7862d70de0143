/* Samples of one metric in Prometheus' text format 0.0.4. Values are integers unless said otherwise, and are written as
 * they were counted, not rounded. Nothing here is shared: the caller's thread, which is the HTTP thread. */
#pragma once

#include <stdint.h>
#include <stdio.h>

struct metric_text {
    FILE *stream;
    const char *name; /* of the metric */
};

struct metric_label {
    const char *name, *value; /* the value is escaped, and bytes that are no UTF-8 become U+FFFD */
};

/* The labels of a sample, for the calls below. */
#define METRIC_LABELS(...)          \
    (const struct metric_label[]) { \
        __VA_ARGS__, {              \
            NULL, NULL              \
        }                           \
    }

/* `labels` end with a NULL name; NULL: none. `suffix` ("_sum") may be NULL. */
void metric_count(struct metric_text *text, const struct metric_label *labels, uint64_t value);
void metric_signed(struct metric_text *text, const struct metric_label *labels, int64_t value);
/* Infinite is a value too. */
void metric_number(struct metric_text *text, const struct metric_label *labels, double value);
void metric_microseconds(struct metric_text *text, const char *suffix, const struct metric_label *labels,
                         int64_t value); /* written in seconds */
void metric_count_suffixed(struct metric_text *text, const char *suffix, const struct metric_label *labels,
                           uint64_t value);
