/* A value as text, as in CSV but without quotes. For numbers and lists of numbers that is Python's str(). */
#pragma once

#include "base/buffer.h"
#include "record/field/value.h"

/* Replaces what is in the buffer; the value isn't null. */
void value_write_text(enum value_type type, const struct value *value, struct buffer *text);
