/* metering_hash: a hash of how values are metered, and of nothing else. It is equal for a capture file and the wire, for any
 * list of fields, any number of meters, and with or without pseudonyms. So a model that was trained on files knows the
 * live records that it may score. */
#pragma once

#include "record/contract/canonical.h"
#include "record/field/record_source.h"

/* Raise it when packets become other flows, or other values of them, and no field's definition (catalogue_row.version)
 * says so. */
enum { METERING_VERSION = 1 };

/* The canonical text under metering_hash; malloc'd, the caller frees. NULL: no memory. nDPI's version is not in it, since
 * only labels depend on it: used_fields_text() has it where they are used. */
char *metering_text(const struct identity *identity);

/* metering_hash itself. False: no memory. */
bool metering_hash(const struct identity *identity, char hash[CANONICAL_HASH_SIZE]);

/* Which packets become which flow: this changes every field. Both texts have these lines. */
void metering_add_flows(struct canonical *lines, const struct identity *identity);
/* Plugins may end flows. */
void metering_add_plugins(struct canonical *lines, const struct identity *identity);
/* User-defined counters. */
void metering_add_counters(struct canonical *lines, const struct identity *identity);
/* Which packets SPLT keeps, if not all. */
void metering_add_splt_packets(struct canonical *lines, const struct identity *identity);
/* What byte counters count. */
void metering_add_accounting(struct canonical *lines, const struct identity *identity);
