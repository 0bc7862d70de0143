/* Where the records of an output went. Plain counts: run/ fills them, the ledger and the monitor read them. */
#pragma once

#include <stdint.h>

#include "sink/sink.h"

/* Why a record did not get as far as the sink. The names are the ledger's, beside those of sink/sink.h. */
#define OUTPUT_DROPS(X)                                                                  \
    X(no_memory, "no memory for so large a record")                                      \
    X(no_pseudonym, "a pseudonym could not be made, so the record is not sent")          \
    X(handover_full, "live, several meters: the ring to the delivering thread was full") \
    X(output_failed, "the output has failed: all later records")                         \
    X(schema_mismatch, "the registry no longer has the schema under the id in use")      \
    X(not_open,                                                                          \
      "SIGHUP changed the output, and what waited until it was open was full, or never came to be opened")

enum output_drop {
#define X(name, text) OUTPUT_DROP_##name,
    OUTPUT_DROPS(X)
#undef X
        OUTPUT_DROP_COUNT
};
/* @thread any: they don't change */
const char *output_drop_name(enum output_drop drop);
const char *output_drop_text(enum output_drop drop);

/* Records of one thread that makes them: made = sent + sum(dropped), between two records. */
struct record_counts {
    uint64_t
        made; /* or to be made, of every exported flow and published state, or report; each with its seq */
    uint64_t sent; /* on their way to the delivering thread, or handed to it */
    uint64_t dropped[OUTPUT_DROP_COUNT];
    uint64_t missed; /* exports before it was open, or after it was closed: no record is due */
};
/* @thread meter, read, deliver: the one that holds `sum`, while nobody writes `part` */
void record_counts_add(struct record_counts *sum, const struct record_counts *part);

/* Adds to what a sink says what was said of those that its output had before it. What they left in the spool, and this one found
 * there, is the same records.
 * @thread deliver, or who has the sink */
void sink_statistics_continue(struct sink_statistics *now, const struct sink_statistics *past);

/* Records of the delivering thread: taken = sum(dropped) + what the sink got, of which it tells. */
struct delivery_counts {
    uint64_t taken;
    uint64_t dropped[OUTPUT_DROP_COUNT]; /* before the sink */
    struct sink_statistics sink;
};
