/* A flow to try things with: a few packets of a TLS connection between addresses for documentation, made in memory, then
 * decoded and metered as the plan says, like any other. */
#pragma once

#include "app/plan/plan.h"
#include "base/error.h"
#include "meter/meter.h"

/* Which address opens the connection. */
#define SAMPLE_FLOW_SOURCE "192.0.2.1"

/* Exports one flow, or more where a plugin or a timeout of 0 ends flows early. Nothing looks for its process. */
int sample_flow_meter(const struct plan *plan, meter_export_call *export_flow, void *context,
                      struct error *error);
