/* One thread asks another for data, and the other gives it at its housekeeping. Scrapes and performance reports use this.
 * There is no lock.
 *
 * The data lies beside the request. From the question to the answer it belongs to the giver, and from then on to the
 * asker, until it asks again. A request has one asker and one giver: for a snapshot `monitor` asks and `deliver` gives
 * (exchange.h), for a thread's part of the ledger `deliver` asks and `meter` or `read` gives (tally.h). */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/gate.h"

struct account_request {
    _Atomic unsigned asked, given; /* times; equal: nothing is asked for */
    struct gate answer;            /* eventcount, on which the asker may wait */
};

/* Asks. What was asked for before must have been given.
 * @thread the asker */
void account_request_ask(struct account_request *request);
/* @thread the asker */
bool account_request_is_given(const struct account_request *request);
/* Waits until it is given, or until `end` (monotonic clock, microseconds).
 * @thread the asker */
void account_request_wait(struct account_request *request, int64_t end);

/* Cheap: two loads.
 * @thread the giver */
bool account_request_is_asked(const struct account_request *request);
/* Makes visible what the giver wrote before, and wakes the asker.
 * @thread the giver */
void account_request_give(struct account_request *request);
