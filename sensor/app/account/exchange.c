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

bool exchange_is_asked(const struct exchange *exchange) {
    return atomic_load_explicit(&exchange->asked, memory_order_acquire) !=
           atomic_load_explicit(&exchange->given, memory_order_relaxed);
}

struct snapshot *exchange_begin(struct exchange *exchange) {
    if (!exchange_is_asked(exchange))
        return NULL;
    snapshot_clear(&exchange->snapshot);
    return &exchange->snapshot;
}

void exchange_give(struct exchange *exchange) {
    exchange->snapshot.time = clock_monotonic();
    atomic_store(&exchange->given, atomic_load(&exchange->asked));
    gate_open(&exchange->answer);
}

static bool is_given(const struct exchange *exchange) {
    return atomic_load(&exchange->given) == atomic_load(&exchange->asked);
}

static void wait_until_given(struct exchange *exchange, int64_t end) {
    int64_t now = clock_monotonic();
    while (!is_given(exchange) && now < end) {
        uint32_t turn;
        gate_enter(&exchange->answer, &turn);
        if (!is_given(exchange))
            gate_sleep(&exchange->answer, turn, end - now);
        gate_leave(&exchange->answer);
        now = clock_monotonic();
    }
}

static void take_given(struct exchange *exchange) {
    unsigned given = atomic_load(&exchange->given);
    if (!is_given(exchange) || given == exchange->taken)
        return;
    exchange->taken = given;
    snapshot_copy(&exchange->latest, &exchange->snapshot);
}

const struct snapshot *exchange_fetch(struct exchange *exchange, int64_t patience, int64_t fresh) {
    int64_t now = clock_monotonic();
    take_given(exchange); /* for which nobody waited any more */
    bool is_fresh = exchange->latest.time != 0 && now - exchange->latest.time < fresh;
    if (!is_fresh && is_given(exchange)) {
        exchange->asked_at = now;
        atomic_fetch_add(&exchange->asked, 1);
    }
    if (!is_fresh)
        wait_until_given(exchange, exchange->asked_at + patience);
    take_given(exchange);
    return exchange->latest.time != 0 ? &exchange->latest : NULL;
}
