/* Reads records back with Avro C, as a consumer would, to check independently what the sensor wrote. Only for commands, not
 * in a run. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct avro_decoded;

/* Whether two schemas' texts mean the same to a reader: names, types and order of all fields. EX_CONFIG with the first
 * difference; `what` names the schema that is checked. */
int avro_same_schema(const char *expected, const char *found, const char *what, struct error *error);

/* One record, written under this schema. EX_CONFIG: it can't be decoded, or bytes are left over. */
int avro_decode(const char *schema, const uint8_t *bytes, size_t length, struct avro_decoded **decoded,
                struct error *error);
void avro_decoded_free(struct avro_decoded *decoded);

size_t avro_decoded_field_count(const struct avro_decoded *decoded);
/* The value of a field, borrowed; false if there is no such field, it is null, or of another type. */
bool avro_decoded_text(const struct avro_decoded *decoded, const char *field, const char **text);
bool avro_decoded_integer(const struct avro_decoded *decoded, const char *field, int64_t *integer);
