#include "app/account/tally.h"

int tally_open(struct tally *tally, size_t applications) {
    int result = applications_open(&tally->part.applications, applications);
    return result == 0 ? applications_open(&tally->last.applications, applications) : result;
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

const struct ledger *tally_read(const struct tally *tally) {
    return atomic_load_explicit(&tally->ended, memory_order_acquire) ? &tally->last : &tally->part;
}

struct ledger *tally_begin(struct tally *tally) {
    if (atomic_load_explicit(&tally->asked, memory_order_acquire) ==
        atomic_load_explicit(&tally->given, memory_order_relaxed))
        return NULL;
    ledger_clear(&tally->part);
    return &tally->part;
}

void tally_give(struct tally *tally) {
    /* The asker asks again only once this is given. */
    unsigned asked = atomic_load_explicit(&tally->asked, memory_order_relaxed);
    atomic_store_explicit(&tally->given, asked, memory_order_release);
}

struct ledger *tally_begin_last(struct tally *tally) {
    ledger_clear(&tally->last);
    return &tally->last;
}

void tally_end(struct tally *tally) {
    atomic_store_explicit(&tally->ended, true, memory_order_release);
}
