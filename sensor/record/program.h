/* What a recorder does for each record, worked out once: which getters to call, and what the encoding gets. A record is some
 * hundred values, so what this leaves out is what a record doesn't cost:
 *
 * - What is the same in each record is encoded once, where the encoding can put records together of pieces.
 * - Getters that fill fields one behind the other in one call (record/field/field_block.h) are called once.
 *
 * It belongs to its recorder and to that one's thread. */
#pragma once

#include "record/recorder_options.h"

struct anonymizer; /* record/anonymize/anonymizer.h */

/* A call of a getter. All of them are gone through with each record: what the cache holds of them is what a record costs. */
struct program_step {
    const struct catalogue_row *row; /* the profile's; of a block that of its first field */
    field_getter *get;               /* the row's, or a block's */
    uint32_t at;                     /* the field whose value it fills, of a block the first one */
    uint8_t direction;               /* enum flow_direction */
    bool is_pseudonym;               /* the output's policy doesn't keep the value: see `rules` */
};

struct record_program {
    struct program_step
        *steps; /* until program_shorten() one for each field, whose getter is NULL if its group is off */
    size_t step_count;
    struct encoded_field *fields; /* as encodings want them */
    struct anonymize_rule *rules; /* the same ones' */
    struct value *values;         /* the same ones' */
    size_t field_count;
    struct buffer constants; /* the bytes of values of VALUE_ENCODED */
};

/* Binds the schema's fields, all of them, to rows and rules: EX_CONFIG with one line if the record can't have one. `program` is
 * empty before, and program_free() has to follow also where this fails.
 * @thread as the recorder's (all of them) */
int program_bind(struct record_program *program, const struct recorder_options *options, struct error *error);

/* Shortens what program_bind() made. `source` says what never changes; it has no flow yet. -ENOMEM. */
int program_shorten(struct record_program *program, const struct encoding *encoding,
                    struct record_source *source);

/* Fills the values. False: a pseudonym could not be made, and they must not be used. */
bool program_fill(struct record_program *program, struct anonymizer *anonymizer,
                  struct record_source *source);

void program_free(struct record_program *program);
