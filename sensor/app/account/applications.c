#include "app/account/applications.h"

#include <errno.h>
#include <stdlib.h>

#include "meter/l7.h"

int applications_open(struct applications *applications, size_t count) {
    *applications = (struct applications){0};
    if (count == 0)
        return 0;
    applications->counts = calloc(count, sizeof *applications->counts);
    if (!applications->counts)
        return -ENOMEM;
    applications->count = count;
    return 0;
}

void applications_close(struct applications *applications) {
    free(applications->counts);
    *applications = (struct applications){0};
}

void applications_count(struct applications *applications, const struct flow *flow) {
    if (!applications->counts || !flow_has(flow, FEATURE_l7))
        return;
    const struct l7_label *label = l7_label(flow);
    size_t number = label->application != 0 ? label->application : label->master;
    if (number >= applications->count)
        number = 0;
    struct application_counts *counts = &applications->counts[number];
    counts->flows++;
    struct flow_counters counters = flow_counters(flow, BIDIRECTIONAL);
    counts->packets += counters.packets;
    counts->bytes += counters.bytes;
}

void applications_add(struct applications *sum, const struct applications *part) {
    for (size_t i = 0; i < part->count && i < sum->count; i++) {
        sum->counts[i].flows += part->counts[i].flows;
        sum->counts[i].packets += part->counts[i].packets;
        sum->counts[i].bytes += part->counts[i].bytes;
    }
}
