/* Records on their way from a metering thread to the thread that delivers: copies, in a ring. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/ring.h"
#include "record/message.h"

/* The meter's side. With `wait` it sleeps until there is room; without, or for a record larger than the ring takes, the
 * answer may be false. The message's origin is not copied: it lives as long as the output. */
bool outbox_put(struct ring *ring, size_t output, const struct message *message, bool wait);

/* The other side: looks at the oldest record, which *message borrows until ring_release(); false if there is none. */
bool outbox_peek(struct ring *ring, size_t *output, struct message *message);
