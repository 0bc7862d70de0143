/* A change of the key of pseudonyms while the sensor runs (SIGHUP). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "app/plan/plan.h"
#include "app/run/output.h"

/* Whether some output makes pseudonyms with a key from a file.
 * @thread any: a plan doesn't change */
bool rekeying_is_possible(const struct plan *plan);

/* Reads the key file again and gives its key to every output. If the file can't be read, or memory runs out, the old key
 * stays. Either is logged. Returns whether all outputs have the new key.
 * @thread deliver */
bool rekeying_run(const struct plan *plan, struct output *outputs, size_t count);
