#include "app/account/tally.h"

int tally_open(struct tally *tally, size_t applications) {
    int result = applications_open(&tally->part.applications, applications);
    return result == 0 ? applications_open(&tally->last.applications, applications) : result;
}

void tally_close(struct tally *tally) {
    applications_close(&tally->part.applications);
    applications_close(&tally->last.applications);
}

bool tally_is_given(const struct tally *tally) {
    return account_request_is_given(&tally->request) || atomic_load(&tally->ended);
}

const struct ledger *tally_read(const struct tally *tally) {
    return atomic_load(&tally->ended) ? &tally->last : &tally->part;
}

struct ledger *tally_begin(struct tally *tally) {
    if (!account_request_is_asked(&tally->request))
        return NULL;
    ledger_clear(&tally->part);
    return &tally->part;
}

struct ledger *tally_begin_last(struct tally *tally) {
    ledger_clear(&tally->last);
    return &tally->last;
}

void tally_end(struct tally *tally) {
    atomic_store(&tally->ended, true);
}
