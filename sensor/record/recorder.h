/* From a flow, or a report of the sensor's, to a message: a recorder binds an output's schema, an encoding and the sensor's
 * identity. It belongs to one thread, and after warm-up allocates nothing; several threads that make records of one output
 * have a recorder each. */
#pragma once

#include <stdatomic.h>

#include "base/error.h"
#include "record/anonymize/anonymize_key.h"
#include "record/anonymize/policy.h"
#include "record/encoding/encoding.h"
#include "record/message.h"
#include "record/schema/schema.h"
#include "record/field/record_source.h"

struct recorder_options {
    const char *output;          /* name, for the record and for messages */
    const struct schema *schema; /* borrowed for the recorder's life */
    const struct encoding *encoding;
    const struct identity *identity; /* borrowed */
    unsigned groups_on;              /* groups that are computed: bit set of 1 << enum field_group */
    bool live;
    const char *const
        *capture_files; /* borrowed for the recorder's life: paths by flow->capture_file; NULL: live */
    bool verify;        /* the records are made up by `flowsensor verify`, and say so */
    unsigned snapshot_length;
    const struct anonymize_policy *policy; /* borrowed; NULL: every field as it is */
    const struct anonymize_key *key;       /* of pseudonyms, for the call; NULL where no rule needs one */
    /* Of the output, shared by all its recorders: the seq of the next record. NULL: this recorder is the only one. */
    _Atomic uint64_t *next_seq;
};

struct recorder;

int recorder_create(const struct recorder_options *options, struct recorder **recorder, struct error *error);
void recorder_destroy(struct recorder *recorder);

/* Bytes that a recorder of such a meter's flows takes at most. */
size_t recorder_memory_for(const struct meter_options *meter);

/* Makes the record of an ended flow; the message is valid until the next call. Takes the next seq. -ENOMEM: no
 * memory for so large a record, -EIO: a pseudonym could not be made (the seq is used up, so that the gap shows). */
int recorder_make(struct recorder *recorder, const struct flow *flow, struct message *message);

/* The same of a report, with a schema whose records are OF_SENSOR; recorder_make() is for the others. */
int recorder_make_report(struct recorder *recorder, const struct sensor_report *report,
                         struct message *message);

/* Gets ready for another key of pseudonyms; touches nothing that recorder_make() uses, so any thread may. -ENOMEM. */
int recorder_prepare_key(struct recorder *recorder, const struct anonymize_key *key);
/* Takes the key that was prepared, from the next record on, or (false) forgets it; the other one is wiped. Not during
 * recorder_make(). */
void recorder_end_rekeying(struct recorder *recorder, bool take);

/* What a file begins with: CSV's column names; empty for the others. Valid until the recorder is destroyed. */
struct text recorder_header(const struct recorder *recorder);

const struct message_origin *recorder_origin(const struct recorder *recorder);
/* Canonical text of what feature_hash covers. */
const char *recorder_features(const struct recorder *recorder);
/* The kernel lost packets: flows that are open now get the quality flag loss_window. `time` in ticks. */
void recorder_loss(struct recorder *recorder, int64_t time);
