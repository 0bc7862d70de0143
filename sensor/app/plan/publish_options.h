/* Which states of open flows are published, and which kinds of records an output takes, as meter.early_packets,
 * meter.early_after, meter.update_interval and outputs.record_kinds say. */
#pragma once

#include "app/config/config.h"
#include "base/error.h"
#include "meter/options.h"
#include "record/schema/schema.h"

/* EX_CONFIG: the numbers of packets don't rise, slices would have more records than they can have revisions, or the profile
 * is nfstream. */
int publish_options_make(const struct config *config, enum meter_profile profile,
                         struct publish_options *options, struct error *error);

/* The kinds of records that are made: a set of 1 << enum record_kind. */
unsigned publish_options_kinds(const struct publish_options *options);

/* Makes the set of those that the output takes, of `made`. EX_CONFIG: a kind is unknown, given twice or not made, there is
 * none, or the records are not of flows. */
int record_kinds_make(const struct output_config *output, const struct schema *schema, unsigned made,
                      unsigned *kinds, struct error *error);

/* EX_CONFIG: a kind is made that is not among those that all outputs together take. */
int record_kinds_check_taken(unsigned made, unsigned taken, struct error *error);
