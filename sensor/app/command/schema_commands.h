/* flowsensor schema print|features|compose|ddl|check|find|register: what a person does with a schema, outside a run. */
#pragma once

#include "app/command/command_line.h"
#include "app/plan/plan.h"
#include "base/error.h"

/* print: the shipped text; features: the canonical texts under feature_hash and metering_hash, or under the hash of
 * request->fields; compose: the schema with the
 * user-defined fields; check and register: against the registry,
 * for each Kafka output, or for the subject of --schema's record where there is none. EX_CONFIG: not compatible. */
int schema_command(const struct command_request *request, const struct plan *plan, struct error *error);

/* ddl: for each schema of the outputs, once, the tables in this dialect (a row of record/ddl/dialects.def). Needs no plan:
 * whether this sensor could make such records doesn't matter. */
int schema_ddl_command(const char *dialect, const struct config *config, struct error *error);
