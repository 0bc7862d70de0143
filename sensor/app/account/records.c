#include "app/account/records.h"

static const struct {
    const char *name, *text;
} drops[OUTPUT_DROP_COUNT] = {
#define X(name, text) {#name, text},
    OUTPUT_DROPS(X)
#undef X
};

const char *output_drop_name(enum output_drop drop) {
    return drops[drop].name;
}

const char *output_drop_text(enum output_drop drop) {
    return drops[drop].text;
}

void record_counts_add(struct record_counts *sum, const struct record_counts *part) {
    sum->made += part->made;
    sum->sent += part->sent;
    sum->missed += part->missed;
    for (int drop = 0; drop < OUTPUT_DROP_COUNT; drop++)
        sum->dropped[drop] += part->dropped[drop];
}

void sink_statistics_continue(struct sink_statistics *now, const struct sink_statistics *past) {
    uint64_t carried = past->spooled < now->found ? past->spooled : now->found;
    now->found += past->found - carried;
    now->spooled += past->spooled - carried;
    now->acknowledged += past->acknowledged;
    now->in_flight += past->in_flight;
    now->dead_lettered += past->dead_lettered;
    for (int drop = 0; drop < SINK_DROP_COUNT; drop++)
        now->dropped[drop] += past->dropped[drop];
    now->bytes += past->bytes;
    now->possibly_duplicated += past->possibly_duplicated;
    now->errors += past->errors;
    now->renewals += past->renewals;
    now->renewals_refused += past->renewals_refused;
    for (int bucket = 0; bucket <= DELAYS_BUCKETS; bucket++)
        now->delays.counts[bucket] += past->delays.counts[bucket];
    now->delays.sum += past->delays.sum;
}
