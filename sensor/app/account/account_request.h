/* One thread asks another for data, and that one gives it at its housekeeping: for performance reports and scrapes. No lock.
 *
 * The data lies beside the request. It belongs to the giver while it is asked for, and to the asker from then on until it
 * asks again. One thread asks and one gives; they may be the same. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/gate.h"

struct account_request {
    _Atomic unsigned asked, given; /* times; equal: nothing is asked for */
    struct gate answer;            /* eventcount, on which the asker may wait */
};

/* The asker: once what was asked for before is given. */
void account_request_ask(struct account_request *request);
bool account_request_is_given(const struct account_request *request);
/* The asker: until it is given, or until `end` (monotonic clock, microseconds). */
void account_request_wait(struct account_request *request, int64_t end);

/* The giver: cheap, two loads. */
bool account_request_is_asked(const struct account_request *request);
/* The giver: makes visible what it wrote before, and wakes the asker. */
void account_request_give(struct account_request *request);
