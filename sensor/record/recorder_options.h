/* What a recorder is made of. Constant data of the caller. */
#pragma once

#include <stdatomic.h>

#include "base/error.h"
#include "record/anonymize/anonymize_key.h"
#include "record/anonymize/policy.h"
#include "record/encoding/encoding.h"
#include "record/field/record_source.h"
#include "record/message_key.h"
#include "record/schema/schema.h"

struct recorder_options {
    const char *output;          /* name, for the record and for messages */
    const struct schema *schema; /* borrowed for the recorder's life */
    const struct encoding *encoding;
    const struct identity *identity; /* borrowed */
    unsigned groups_on;              /* groups that are computed: bit set of 1 << enum field_group */
    bool live;
    const char *const
        *capture_files; /* borrowed for the recorder's life: paths by flow->place.capture_file; NULL: live */
    const struct places *places; /* borrowed for the recorder's life; NULL: files */
    bool verify;                 /* the records are made up by `flowsensor verify`, and say so */
    unsigned snapshot_length;
    const struct anonymize_policy *policy; /* borrowed; NULL: every field as it is */
    const struct anonymize_key *key;       /* of pseudonyms, for the call; NULL where no rule needs one */
    enum message_key_kind message_key;
    /* The seq of the output's next record, shared by all its recorders. NULL: this recorder is the only one. */
    _Atomic uint64_t *next_seq;
};
