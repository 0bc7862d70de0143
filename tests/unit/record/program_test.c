/* Shortened programs give the bytes that the rows' getters give one by one. */
#include "record/program.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "record/example_flow.h"
#include "record/example_protocol.h"
#include "record/field/field_block.h"
#include "record/field/field_getters.h"

static struct example example;
static const struct sensor_report report = {.time = 5, .flows_opened = 7, .resident_memory = -1};
static int64_t integers[6 * EXAMPLE_SPLT_PLACES];
static char text[RECORD_TEXT_SCRATCH];
static struct record_scratch scratch = {
    .integers = integers, .integers_capacity = sizeof integers / sizeof *integers, .text = text};

static struct record_source example_source(void) {
    return (struct record_source){.identity = &example.identity,
                                  .flow = &example.flow,
                                  .report = &report,
                                  .protocol = &example_protocol,
                                  .output = "out",
                                  .feature_hash = "0123456789abcdef0123456789abcdef",
                                  .metering_hash = "00112233445566778899aabbccddeeff",
                                  .flow_uid = "fedcba9876543210fedcba9876543210",
                                  .scratch = &scratch};
}

static struct record_program bind_example(const struct schema *schema, enum meter_profile profile,
                                          const char *encoding, unsigned groups_on,
                                          const struct anonymize_policy *policy) {
    struct record_program program = {0};
    struct error error;
    const struct recorder_options options = {.output = "out",
                                             .schema = schema,
                                             .encoding = encoding_find(encoding),
                                             .identity = &example.identity,
                                             .groups_on = groups_on,
                                             .policy = policy};
    example.meter.profile = profile;
    if (program_bind(&program, &options, &error) < 0)
        fail_msg("%s", error.text);
    return program;
}

static void empty_scratch(void) {
    scratch.integers_used = scratch.text_used = 0;
}

/* The long way: one call for each field. */
static void fill_one_by_one(struct record_program *program, struct record_source *source) {
    for (size_t i = 0; i < program->field_count; i++) {
        const struct program_step *step = &program->steps[i];
        source->row = step->row;
        if (step->get != NULL)
            step->get(source, (enum flow_direction)step->direction, &program->values[i]);
        program->fields[i].sure_numbers = 0;
    }
}

static void record(const char *encoding, const struct record_program *program, struct buffer *bytes) {
    bytes->length = 0;
    encoding_find(encoding)->record(program->fields, program->values, program->field_count, bytes);
    assert_false(bytes->failed);
}

/* Flows that differ in what is there. */
static void vary_example(enum meter_profile profile, unsigned variant) {
    static const char *const none[L7_TEXTS] = {NULL};
    example_init(&example, profile);
    if (variant & 1)
        example.flow.ways[1] = FLOW_NO_COUNTERS;
    if (variant & 2)
        example_set_texts(&example, none);
    if (variant & 4)
        example.flow.first_flags = example.flow.seen_flags = 0;
    if (variant & 8)
        example_set_splt(&example, EXAMPLE_SPLT_PLACES);
    if (variant & 16)
        example.flow.ways[0] = (struct flow_counters){
            .first_seen = 3, .last_seen = INT64_MAX / 2, .packets = 1, .bytes = UINT64_MAX};
}

enum { VARIANTS = 32 };

static void assert_same_bytes(const struct schema *schema, enum meter_profile profile, const char *encoding,
                              unsigned groups_on) {
    struct buffer expected = {0}, bytes = {0};
    struct record_source source = example_source();
    example_init(&example, profile);
    struct record_program whole = bind_example(schema, profile, encoding, groups_on, NULL),
                          shortened = bind_example(schema, profile, encoding, groups_on, NULL);
    assert_int_equal(program_shorten(&shortened, encoding_find(encoding), &source), 0);
    for (unsigned variant = 0; variant < VARIANTS; variant++) {
        vary_example(profile, variant);
        empty_scratch();
        fill_one_by_one(&whole, &source);
        record(encoding, &whole, &expected);
        empty_scratch();
        assert_true(program_fill(&shortened, NULL, &source));
        record(encoding, &shortened, &bytes);
        assert_int_equal(bytes.length, expected.length);
        assert_memory_equal(bytes.data, expected.data, expected.length);
    }
    buffer_free(&expected);
    buffer_free(&bytes);
    program_free(&whole);
    program_free(&shortened);
}

static void all_schemas_give_the_same_bytes(void **state) {
    (void)state;
    static const char *const encodings[] = {"avro", "csv", "jsonl"};
    static const enum meter_profile profiles[] = {PROFILE_NATIVE, PROFILE_NFSTREAM};
    unsigned compared = 0;
    for (const char *const *name = schema_embedded_names(); *name != NULL; name++) {
        struct schema *schema;
        assert_int_equal(schema_load(*name, NULL, false, &schema, NULL), 0);
        for (size_t i = 0; i < 2; i++) {
            if (schema_check_profile(schema, profiles[i], NULL) < 0)
                continue;
            for (size_t j = 0; j < 3; j++) {
                assert_same_bytes(schema, profiles[i], encodings[j], EXAMPLE_ALL_GROUPS);
                compared++;
            }
            if (strcmp(*name, "flow/v1") == 0)
                assert_same_bytes(schema, profiles[i], "avro",
                                  1u << GROUP_IDENTITY | 1u << GROUP_QUALITY | 1u << GROUP_CORE |
                                      1u << GROUP_TUNNEL);
        }
        schema_free(schema);
    }
    assert_true(compared >= 12);
}

static void assert_same_values(const struct field_block *block, enum flow_direction direction) {
    struct record_source source = example_source();
    struct value one_by_one[FIELD_BLOCK_MAX], together[FIELD_BLOCK_MAX];
    size_t size = field_block_size(block);
    empty_scratch();
    for (size_t i = 0; i < size; i++)
        block->members[i](&source, direction, &one_by_one[i]);
    scratch.integers_used = 0;
    block->get(&source, direction, together);
    for (size_t i = 0; i < size; i++) {
        assert_int_equal(together[i].is_null, one_by_one[i].is_null);
        if (block->get == get_splt)
            assert_int_equal(together[i].integers.count, one_by_one[i].integers.count);
        else if (block->get == get_source_macs || block->get == get_destination_macs ||
                 block->get == get_l7_texts) {
            if (together[i].is_null)
                continue;
            assert_int_equal(together[i].text.length, one_by_one[i].text.length);
            assert_memory_equal(together[i].text.bytes, one_by_one[i].text.bytes, one_by_one[i].text.length);
        } else if (!together[i].is_null)
            assert_int_equal(together[i].integer, one_by_one[i].integer);
    }
}

static void blocks_give_what_their_members_give(void **state) {
    (void)state;
    for (unsigned variant = 0; variant < VARIANTS; variant++) {
        vary_example(PROFILE_NATIVE, variant);
        for (size_t i = 0; i < field_block_count; i++)
            for (int direction = 0; direction < FLOW_DIRECTIONS; direction++)
                assert_same_values(&field_blocks[i], (enum flow_direction)direction);
    }
}

static size_t count_steps(const struct record_program *program, field_getter *get) {
    size_t count = 0;
    for (size_t i = 0; i < program->step_count; i++)
        count += program->steps[i].get == get;
    return count;
}

/* Each is a step of the full record, or nothing would be saved. */
static void blocks_stand_together(void **state) {
    (void)state;
    struct schema *schema;
    example_init(&example, PROFILE_NATIVE);
    assert_int_equal(schema_load("flow_full/v1", NULL, false, &schema, NULL), 0);
    struct record_program program = bind_example(schema, PROFILE_NATIVE, "avro", EXAMPLE_ALL_GROUPS, NULL);
    struct record_source source = example_source();
    assert_int_equal(program_shorten(&program, encoding_find("avro"), &source), 0);
    for (size_t i = 0; i < field_block_count; i++)
        assert_in_range(count_steps(&program, field_blocks[i].get), 1, FLOW_DIRECTIONS);
    program_free(&program);
    schema_free(schema);
}

/* Values that never change are encoded once. */
static void the_release_is_shortened(void **state) {
    (void)state;
    struct schema *schema;
    example_init(&example, PROFILE_NATIVE);
    assert_int_equal(schema_load("flow/v1", NULL, false, &schema, NULL), 0);
    struct record_program program =
        bind_example(schema, PROFILE_NATIVE, "avro", EXAMPLE_ALL_GROUPS & ~(1u << GROUP_PROCESS), NULL);
    struct record_source source = example_source();
    assert_int_equal(program_shorten(&program, encoding_find("avro"), &source), 0);
    for (size_t i = 0; i < program.step_count; i++)
        assert_false(field_is_constant(program.steps[i].get));
    size_t encoded = 0;
    for (size_t i = 0; i < program.field_count; i++)
        encoded += program.fields[i].type == VALUE_ENCODED;
    /* sensor_id, boot_id, output; feature_hash; ndpi_version and what is off behind it */
    assert_int_equal(encoded, 3);
    assert_int_equal(program.fields[program.field_count - 1].type, VALUE_ENCODED);
    program_free(&program);
    schema_free(schema);
}

/* A field that goes out under a pseudonym is filled by itself, and so are those beside it. */
static void pseudonyms_are_in_no_block(void **state) {
    (void)state;
    struct schema *schema;
    struct anonymize_policy policy;
    struct error error;
    static const char *const items[] = {"src_mac=drop", "ja3=drop"};
    example_init(&example, PROFILE_NATIVE);
    assert_int_equal(schema_load("flow/v1", NULL, false, &schema, NULL), 0);
    const struct anonymize_request request = {
        .output = "out", .schema = schema, .profile = PROFILE_NATIVE, .items = items, .item_count = 2};
    if (anonymize_policy_make(&request, &policy, &error) < 0)
        fail_msg("%s", error.text);
    struct record_program program = bind_example(schema, PROFILE_NATIVE, "avro", EXAMPLE_ALL_GROUPS, &policy);
    struct record_source source = example_source();
    assert_int_equal(program_shorten(&program, encoding_find("avro"), &source), 0);
    assert_int_equal(count_steps(&program, get_source_macs), 0);
    assert_int_equal(count_steps(&program, get_l7_texts), 0);
    assert_int_equal(count_steps(&program, get_destination_macs), 1);
    assert_int_equal(count_steps(&program, get_src_oui), 1);
    assert_int_equal(count_steps(&program, get_user_agent), 1);
    program_free(&program);
    anonymize_policy_release(&policy);
    schema_free(schema);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_schemas_give_the_same_bytes),
        cmocka_unit_test(blocks_give_what_their_members_give),
        cmocka_unit_test(blocks_stand_together),
        cmocka_unit_test(the_release_is_shortened),
        cmocka_unit_test(pseudonyms_are_in_no_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
