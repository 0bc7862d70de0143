/* flowsensor verify: a record's whole way, tried with one record per Kafka output. */
#pragma once

#include "app/plan/plan.h"
#include "base/error.h"

/* For each Kafka output: makes a record of a small flow (app/command/sample_flow.h) or of the sensor, sends it as a run
 * would, reads it back from where the broker says that it is, gets its schema from the registry by the id in the
 * message, decodes it with Avro C and compares. One line for each that is well. Every output is tried; each failure is
 * logged, and *error is the first one, its text empty. EX_CONFIG: what came back is not what was sent, or the
 * configuration; EX_NOPERM; EX_UNAVAILABLE. The plan is changed to suit. */
int verify_command(struct plan *plan, struct error *error);
