/* Names as Avro has them (Avro specification, "Names"), which are also what fields of a record may be called. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Letters of ASCII, digits and '_', no digit first; 1 to `max` bytes of the `length` at `name`. */
bool name_is_valid(const char *name, size_t length, size_t max);
