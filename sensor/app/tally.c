#include "app/tally.h"

void tally_ask(struct tally *tally) {
    unsigned asked = atomic_load_explicit(&tally->asked, memory_order_relaxed);
    atomic_store_explicit(&tally->asked, asked + 1, memory_order_release);
}

bool tally_is_given(const struct tally *tally) {
    return atomic_load_explicit(&tally->given, memory_order_acquire) ==
           atomic_load_explicit(&tally->asked, memory_order_relaxed);
}

void tally_give(struct tally *tally, const struct intake *intake, const struct lane *lane) {
    unsigned asked = atomic_load_explicit(&tally->asked, memory_order_acquire);
    if (asked == atomic_load_explicit(&tally->given, memory_order_relaxed))
        return;
    tally->part = (struct ledger){0};
    intake_ledger(intake, &tally->part);
    lane_ledger(lane, &tally->part);
    atomic_store_explicit(&tally->given, asked, memory_order_release);
}
