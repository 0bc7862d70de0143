/* Records on their way from a worker to the thread that delivers: copies, in an SPSC ring (base/ring.h). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/ring.h"
#include "record/message.h"

/* With `wait` it sleeps until there is room; without, false says that there is none. False also for a record that is
 * larger than the ring takes. The message's origin is not copied: it lives as long as the output.
 * @thread meter */
bool outbox_put(struct ring *ring, size_t output, const struct message *message, bool wait);

/* Looks at the oldest record, which *message borrows until ring_release(); false if there is none.
 * @thread deliver */
bool outbox_peek(struct ring *ring, size_t *output, struct message *message);
