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
    for (int drop = 0; drop < OUTPUT_DROP_COUNT; drop++)
        sum->dropped[drop] += part->dropped[drop];
}
