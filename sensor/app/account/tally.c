#include "app/account/tally.h"

#include <string.h>

int tally_open(struct tally *tally, const struct lane *lane) {
    size_t count = lane ? lane->applications.count : 0;
    int result = applications_open(&tally->part.applications, count);
    return result == 0 ? applications_open(&tally->last.applications, count) : result;
}

void tally_close(struct tally *tally) {
    applications_close(&tally->part.applications);
    applications_close(&tally->last.applications);
}

void tally_ask(struct tally *tally) {
    unsigned asked = atomic_load_explicit(&tally->asked, memory_order_relaxed);
    atomic_store_explicit(&tally->asked, asked + 1, memory_order_release);
}

bool tally_is_given(const struct tally *tally) {
    return atomic_load_explicit(&tally->given, memory_order_acquire) ==
               atomic_load_explicit(&tally->asked, memory_order_relaxed) ||
           atomic_load_explicit(&tally->ended, memory_order_acquire);
}

const struct tally_part *tally_read(const struct tally *tally) {
    return atomic_load_explicit(&tally->ended, memory_order_acquire) ? &tally->last : &tally->part;
}

void tally_clear(struct tally_part *part) {
    struct applications applications = part->applications;
    *part = (struct tally_part){.applications = applications};
    if (applications.count > 0)
        memset(applications.counts, 0, applications.count * sizeof *applications.counts);
}

static void add_records(struct tally_part *sum, const struct lane *lane) {
    const struct delivery *delivery = lane->delivery;
    for (size_t i = 0; i < delivery->count; i++)
        if (output_is_of_flows(&delivery->outputs[i]))
            record_counts_add(&sum->records[i], &delivery->outputs[i].shares[lane->number].records);
}

void tally_add(struct tally_part *sum, const struct intake *intake, const struct lane *lane) {
    struct ledger ledger = {0};
    if (intake)
        intake_ledger(intake, &ledger);
    if (lane) {
        lane_ledger(lane, &ledger);
        add_records(sum, lane);
        applications_add(&sum->applications, &lane->applications);
    }
    ledger_add(&sum->ledger, &ledger);
}

void tally_add_part(struct tally_part *sum, const struct tally_part *part) {
    ledger_add(&sum->ledger, &part->ledger);
    for (size_t i = 0; i < CONFIG_OUTPUTS_MAX; i++)
        record_counts_add(&sum->records[i], &part->records[i]);
    applications_add(&sum->applications, &part->applications);
}

void tally_give(struct tally *tally, const struct intake *intake, const struct lane *lane) {
    unsigned asked = atomic_load_explicit(&tally->asked, memory_order_acquire);
    if (asked == atomic_load_explicit(&tally->given, memory_order_relaxed))
        return;
    tally_clear(&tally->part);
    tally_add(&tally->part, intake, lane);
    atomic_store_explicit(&tally->given, asked, memory_order_release);
}

void tally_end(struct tally *tally, const struct intake *intake, const struct lane *lane) {
    tally_clear(&tally->last);
    tally_add(&tally->last, intake, lane);
    atomic_store_explicit(&tally->ended, true, memory_order_release);
}
