/* Tables for records: a schema as the CREATE TABLE of an engine, in the engine's dialect. Cold code; one thread. */
#pragma once

#include <stdio.h>

#include "base/error.h"

/* Writes the statements that make a table for the schema's records: `schema` is an embedded name or a path, `dialect` a row
 * of dialects.def. EX_CONFIG for a schema that can't be read or doesn't pass the lint; then nothing is written. Whether the
 * stream took the text is for its owner to find out. */
int ddl_write(const char *dialect, const char *schema, FILE *stream, struct error *error);
