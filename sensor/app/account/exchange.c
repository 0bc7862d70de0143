#include "app/account/exchange.h"

#include "base/clock.h"

int exchange_open(struct exchange *exchange, size_t applications) {
    int result = snapshot_open(&exchange->snapshot, applications);
    return result == 0 ? snapshot_open(&exchange->latest, applications) : result;
}

void exchange_close(struct exchange *exchange) {
    snapshot_close(&exchange->snapshot);
    snapshot_close(&exchange->latest);
}

struct snapshot *exchange_begin(struct exchange *exchange) {
    if (!account_request_is_asked(&exchange->request))
        return NULL;
    snapshot_clear(&exchange->snapshot);
    return &exchange->snapshot;
}

void exchange_give(struct exchange *exchange) {
    exchange->snapshot.time = clock_monotonic();
    account_request_give(&exchange->request);
}

static void ask(struct exchange *exchange, int64_t now) {
    exchange->asked_at = now;
    exchange->is_latest = false;
    account_request_ask(&exchange->request);
}

static void take_given(struct exchange *exchange) {
    if (exchange->is_latest || !account_request_is_given(&exchange->request))
        return;
    exchange->is_latest = true;
    snapshot_copy(&exchange->latest, &exchange->snapshot);
}

const struct snapshot *exchange_fetch(struct exchange *exchange, int64_t patience, int64_t fresh) {
    int64_t now = clock_monotonic();
    take_given(exchange); /* for which nobody waited any more */
    bool is_fresh = exchange->latest.time != 0 && now - exchange->latest.time < fresh;
    if (!is_fresh && account_request_is_given(&exchange->request))
        ask(exchange, now);
    if (!is_fresh)
        account_request_wait(&exchange->request, exchange->asked_at + patience);
    take_given(exchange);
    return exchange->latest.time != 0 ? &exchange->latest : NULL;
}
