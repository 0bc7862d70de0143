#include "record/program.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cache_line.h"
#include "record/anonymize/anonymizer.h"
#include "record/field/field_block.h"

/* The option that switches a group on, for the error of a schema that needs the group. */
static const char *group_switch(enum field_group group) {
    static const char *const switches[GROUP_COUNT] = {
        [GROUP_TUNNEL] = "meter.decode_tunnels",
        [GROUP_STATS] = "meter.statistical_analysis",
        [GROUP_SPLT] = "meter.splt_analysis",
        [GROUP_SPLT_MORE] = "meter.splt_analysis",
        [GROUP_L7] = "meter.n_dissections",
        [GROUP_RISKS] = "meter.n_dissections",
        [GROUP_TLS] = "meter.n_dissections",
        [GROUP_HTTP] = "meter.n_dissections",
        [GROUP_QUIC] = "meter.n_dissections",
        [GROUP_UDPS] = "udps.packets, udps.bytes or udps.plugins",
        [GROUP_PROCESS] = "meter.system_visibility_mode",
        [GROUP_CONVERSATION] = "identity.conn_key_file",
    };
    return switches[group] != NULL ? switches[group] : field_group_name(group);
}

/* The policy's rule for one of the schema's fields, or for the column behind them. */
static const struct anonymize_rule *rule_of(const struct recorder_options *options,
                                            const struct bound_field *field) {
    const struct anonymize_policy *policy = options->policy;
    return field == &options->schema->text_column ? &policy->text_column
                                                  : &policy->rules[field - options->schema->fields];
}

/* A number that is hashed becomes a text. */
static bool bind_pseudonym(struct record_program *program, const struct recorder_options *options,
                           const struct bound_field *field, size_t at) {
    if (options->policy == NULL)
        return false;
    program->rules[at] = *rule_of(options, field);
    if (anonymize_method_is_digest(program->rules[at].method))
        program->fields[at].type = VALUE_STRING;
    return program->rules[at].method != ANONYMIZE_KEEP;
}

static bool is_number(enum value_type type) {
    return type >= VALUE_INT && type <= VALUE_DOUBLE;
}

/* Adds one of the schema's fields, or the column behind them; or leaves it out if its group is off. */
static int bind_field(struct record_program *program, const struct recorder_options *options,
                      const struct bound_field *field, struct error *error) {
    const struct catalogue_row *row = bound_field_row(field, options->identity->meter->profile);
    bool on = (options->groups_on & 1u << row->group) != 0;
    if (!on && options->encoding->skips_null_groups)
        return 0;
    if (row->type == VALUE_RECORD && options->encoding->flattens)
        return 0;
    if (!on && !field->nullable)
        return error_set(
            error, EINVAL, EX_CONFIG,
            "output %s: schema %s: field %s can't be null, but its group %s is off; switch on %s, or allow null in the schema",
            options->output, options->schema->name, field->name, field_group_name(row->group),
            group_switch(row->group));
    size_t at = program->field_count++;
    program->fields[at] = (struct encoded_field){.name = field->name,
                                                 .members = (uint32_t)field->members,
                                                 .type = (uint8_t)row->type,
                                                 .nullable = field->nullable};
    bool is_pseudonym = bind_pseudonym(program, options, field, at);
    program->fields[at].sure_numbers = on && !is_pseudonym && is_number(row->type) &&
                                       (!field->nullable || !catalogue_nullable(row, field->direction));
    program->values[at].is_null = true;
    program->steps[at] = (struct program_step){.row = row,
                                               .get = on ? row->get : NULL,
                                               .at = (uint32_t)at,
                                               .direction = (uint8_t)field->direction,
                                               .is_pseudonym = is_pseudonym};
    return 0;
}

/* Text encodings may have a column that the schema doesn't have: it names the capture that a flow is of. */
static const struct bound_field *text_column(const struct recorder_options *options) {
    if (options->capture_files == NULL || !options->encoding->flattens)
        return NULL;
    return schema_text_column(options->schema, options->identity->meter->profile);
}

int program_bind(struct record_program *program, const struct recorder_options *options,
                 struct error *error) {
    const struct schema *schema = options->schema;
    int status = schema_check_profile(schema, options->identity->meter->profile, error);
    if (status < 0)
        return status;
    size_t room = schema->field_count + 1;
    program->steps = calloc(room, sizeof *program->steps);
    program->fields = calloc(room, sizeof *program->fields);
    program->rules = calloc(room, sizeof *program->rules);
    program->values = cache_line_calloc(room, sizeof *program->values);
    if (program->steps == NULL || program->fields == NULL || program->rules == NULL ||
        program->values == NULL)
        return error_set(error, ENOMEM, EX_OSERR, "output %s: no memory for its recorder", options->output);
    for (size_t i = 0; status == 0 && i < schema->field_count; i++)
        status = bind_field(program, options, &schema->fields[i], error);
    if (status == 0 && text_column(options) != NULL)
        status = bind_field(program, options, text_column(options), error);
    return status;
}

static bool is_constant(const struct program_step *step) {
    return step->get == NULL || (!step->is_pseudonym && field_is_constant(step->get));
}

/* How many fields from `first` on are the same in each record. Their values are filled. */
static size_t constant_run(const struct record_program *program, size_t first, struct record_source *source) {
    size_t at = first;
    for (; at < program->field_count && is_constant(&program->steps[at]); at++) {
        const struct program_step *step = &program->steps[at];
        source->row = step->row;
        if (step->get != NULL)
            step->get(source, (enum flow_direction)step->direction, &program->values[at]);
    }
    return at - first;
}

/* Puts the encoded form of `count` fields in the place of one, without a copy: the bytes may move yet. */
static void put_encoded(struct record_program *program, const struct encoding *encoding, size_t from,
                        size_t count, size_t to) {
    size_t before = program->constants.length;
    encoding->record(program->fields + from, program->values + from, count, &program->constants);
    program->fields[to] = (struct encoded_field){.name = "", .type = VALUE_ENCODED};
    program->steps[to] = (struct program_step){.get = NULL};
    program->values[to].is_null = false;
    program->values[to].text = (struct text){NULL, program->constants.length - before};
}

/* Where the constants lie, now that they are complete. */
static void point_to_constants(struct record_program *program) {
    const char *bytes = (const char *)program->constants.data;
    for (size_t i = 0; i < program->field_count; i++) {
        if (program->fields[i].type != VALUE_ENCODED)
            continue;
        program->values[i].text.bytes = bytes;
        bytes += program->values[i].text.length;
    }
}

/* Replaces each run of fields that are the same in all records by one field, which has their encoded form. */
static int fold_constants(struct record_program *program, const struct encoding *encoding,
                          struct record_source *source) {
    size_t to = 0;
    for (size_t from = 0; from < program->field_count; to++) {
        size_t run = constant_run(program, from, source);
        if (run > 0) {
            put_encoded(program, encoding, from, run, to);
            from += run;
            continue;
        }
        program->fields[to] = program->fields[from];
        program->rules[to] = program->rules[from];
        program->values[to] = program->values[from];
        program->steps[to] = program->steps[from++];
        program->steps[to].at = (uint32_t)to;
    }
    program->field_count = to;
    point_to_constants(program);
    return program->constants.failed ? -ENOMEM : 0;
}

/* Whether the steps from `first` on are those of the block. */
static bool is_block(const struct record_program *program, size_t first, const struct field_block *block) {
    const struct program_step *steps = program->steps + first;
    size_t size = field_block_size(block);
    if (size > program->field_count - first)
        return false;
    for (size_t i = 0; i < size; i++)
        if (steps[i].get != block->members[i] || steps[i].is_pseudonym ||
            steps[i].direction != steps[0].direction)
            return false;
    return true;
}

static const struct field_block *find_block(const struct record_program *program, size_t first) {
    for (size_t i = 0; i < field_block_count; i++)
        if (is_block(program, first, &field_blocks[i]))
            return &field_blocks[i];
    return NULL;
}

/* Leaves one step for each block, and none for fields that have their value already. */
static void join_steps(struct record_program *program) {
    for (size_t from = 0; from < program->field_count;) {
        const struct field_block *block = find_block(program, from);
        struct program_step step = program->steps[from];
        from += block != NULL ? field_block_size(block) : 1;
        if (block != NULL)
            step.get = block->get;
        if (step.get != NULL)
            program->steps[program->step_count++] = step;
    }
}

/* Until here each sure number is a run of its own. */
static void count_runs(struct record_program *program) {
    for (size_t i = program->field_count; i-- > 1;) {
        struct encoded_field *field = &program->fields[i - 1], *next = &program->fields[i];
        if (field->sure_numbers > 0 && next->sure_numbers < UINT8_MAX)
            field->sure_numbers = (uint8_t)(next->sure_numbers + 1);
    }
}

int program_shorten(struct record_program *program, const struct encoding *encoding,
                    struct record_source *source) {
    int status = encoding->is_pieces ? fold_constants(program, encoding, source) : 0;
    join_steps(program);
    count_runs(program);
    return status;
}

bool program_fill(struct record_program *program, struct anonymizer *anonymizer,
                  struct record_source *source) {
    for (size_t i = 0; i < program->step_count; i++) {
        const struct program_step *step = &program->steps[i];
        enum flow_direction direction = (enum flow_direction)step->direction;
        struct value *value = &program->values[step->at];
        source->row = step->row;
        if (!step->is_pseudonym)
            step->get(source, direction, value);
        else if (!anonymizer_fill(anonymizer, &program->rules[step->at], step->row, direction,
                                  program->fields[step->at].nullable, source, value))
            return false;
    }
    return true;
}

void program_free(struct record_program *program) {
    buffer_free(&program->constants);
    free(program->values);
    free(program->rules);
    free(program->fields);
    free(program->steps);
}
