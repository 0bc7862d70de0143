#include "app/account/ledger.h"

#include <string.h>

void ledger_clear(struct ledger *ledger) {
    struct applications applications = ledger->applications;
    *ledger = (struct ledger){.applications = applications};
    if (applications.count > 0)
        memset(applications.counts, 0, applications.count * sizeof *applications.counts);
}

void ledger_add(struct ledger *sum, const struct ledger *part) {
    sum->packets += part->packets;
    sum->bytes += part->bytes;
    sum->held += part->held;
    foreign_add(&sum->foreign, &part->foreign);
    sum->times_raised += part->times_raised;
    for (int i = 0; i < DECODE_REASON_COUNT; i++)
        sum->ignored[i] += part->ignored[i];
    sum->capture.frames += part->capture.frames;
    sum->capture.dropped_kernel += part->capture.dropped_kernel;
    /* Each share of an interface tells all of its drops, and sees all steps of the clock. */
    if (part->capture.dropped_interface > sum->capture.dropped_interface)
        sum->capture.dropped_interface = part->capture.dropped_interface;
    if (part->capture.clock_steps > sum->capture.clock_steps)
        sum->capture.clock_steps = part->capture.clock_steps;
    meter_statistics_add(&sum->meter, &part->meter);
    for (size_t i = 0; i < part->meters && sum->meters < PLAN_METERS_MAX; i++)
        sum->balance[sum->meters++] = part->balance[i];
    for (size_t i = 0; i < CONFIG_OUTPUTS_MAX; i++)
        record_counts_add(&sum->records[i], &part->records[i]);
    applications_add(&sum->applications, &part->applications);
}
