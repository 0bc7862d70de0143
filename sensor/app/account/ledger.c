#include "app/account/ledger.h"

#include <string.h>

void ledger_clear(struct ledger *ledger) {
    struct applications applications = ledger->applications;
    *ledger = (struct ledger){.applications = applications};
    if (applications.count > 0)
        memset(applications.counts, 0, applications.count * sizeof *applications.counts);
}

static void add_array(uint64_t *sums, const uint64_t *parts, size_t count) {
    for (size_t i = 0; i < count; i++)
        sums[i] += parts[i];
}

/* How two parts of a counter make one; MAX: each part tells all of it, as each share of an interface does of its drops. */
static uint64_t add_SUM(uint64_t sum, uint64_t part) {
    return sum + part;
}

static uint64_t add_MAX(uint64_t sum, uint64_t part) {
    return part > sum ? part : sum;
}

void ledger_add(struct ledger *sum, const struct ledger *part) {
#define COUNTER(place, name, how, ...) \
    sum->LEDGER_##place(name) = add_##how(sum->LEDGER_##place(name), part->LEDGER_##place(name));
#define COUNTERS(place, name, first, end, ...) \
    add_array(sum->LEDGER_##place(name), part->LEDGER_##place(name), end);
#include "app/account/counters.def"
    foreign_add(&sum->foreign, &part->foreign);
    if (sum->meters == 0)
        sum->bounds = part->bounds;
    else if (part->meters > 0)
        meter_bounds_add(&sum->bounds, &part->bounds);
    for (size_t i = 0; i < part->meters && sum->meters < PLAN_METERS_MAX; i++) {
        sum->overload[sum->meters] = part->overload[i];
        sum->overload_times[sum->meters] = part->overload_times[i];
        sum->balance[sum->meters++] = part->balance[i];
    }
    for (size_t i = 0; i < part->ring_count && sum->ring_count < PLAN_METERS_MAX; i++)
        sum->rings[sum->ring_count++] = part->rings[i];
    for (size_t i = 0; i < CONFIG_OUTPUTS_MAX; i++)
        record_counts_add(&sum->records[i], &part->records[i]);
    applications_add(&sum->applications, &part->applications);
}
