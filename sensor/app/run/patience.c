#include "app/run/patience.h"

#include "base/clock.h"

enum { PATIENCE_MICROSECONDS = 5000000 };

bool patience_holds(struct patience *patience, bool has_room) {
    if (has_room) {
        patience->since = 0;
        return false;
    }
    int64_t now = clock_monotonic();
    if (patience->since == 0)
        patience->since = now;
    return now - patience->since < PATIENCE_MICROSECONDS;
}
