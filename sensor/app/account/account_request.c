#include "app/account/account_request.h"

#include "base/clock.h"

void account_request_ask(struct account_request *request) {
    atomic_fetch_add(&request->asked, 1);
}

/* `asked` only the asker writes, `given` only the giver: each reads its own without order. */
bool account_request_is_given(const struct account_request *request) {
    return atomic_load(&request->given) == atomic_load_explicit(&request->asked, memory_order_relaxed);
}

bool account_request_is_asked(const struct account_request *request) {
    return atomic_load_explicit(&request->asked, memory_order_acquire) !=
           atomic_load_explicit(&request->given, memory_order_relaxed);
}

void account_request_give(struct account_request *request) {
    /* The asker doesn't ask again before this is given. */
    atomic_store(&request->given, atomic_load_explicit(&request->asked, memory_order_relaxed));
    gate_open(&request->answer);
}

void account_request_wait(struct account_request *request, int64_t end) {
    int64_t now = clock_monotonic();
    while (!account_request_is_given(request) && now < end) {
        uint32_t turn;
        gate_enter(&request->answer, &turn);
        if (!account_request_is_given(request))
            gate_sleep(&request->answer, turn, end - now);
        gate_leave(&request->answer);
        now = clock_monotonic();
    }
}
