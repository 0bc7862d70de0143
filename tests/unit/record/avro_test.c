/* Records in Avro, read back by Avro C's generic reader against the shipped schema text: every value, every byte. */
#include "record/recorder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "record/avro_reader.h"
#include "record/example_flow.h"
#include "record/example_protocol.h"
#include "record/example_report.h"

/* One schema with every type, plain and nullable; the rows only lend their types. */
static const char all_types[] =
    "{\"type\":\"record\",\"name\":\"R\",\"fields\":["
    "{\"name\":\"a0\",\"type\":\"boolean\"},{\"name\":\"b0\",\"type\":[\"null\",\"boolean\"]},"
    "{\"name\":\"a1\",\"type\":\"int\"},{\"name\":\"b1\",\"type\":[\"null\",\"int\"]},"
    "{\"name\":\"a2\",\"type\":\"long\"},{\"name\":\"b2\",\"type\":[\"null\",\"long\"]},"
    "{\"name\":\"a3\",\"type\":\"long\"},{\"name\":\"b3\",\"type\":[\"null\",\"long\"]},"
    "{\"name\":\"a4\",\"type\":\"double\"},{\"name\":\"b4\",\"type\":[\"null\",\"double\"]},"
    "{\"name\":\"a5\",\"type\":\"string\"},{\"name\":\"b5\",\"type\":[\"null\",\"string\"]},"
    "{\"name\":\"a6\",\"type\":{\"type\":\"array\",\"items\":\"int\"}},{\"name\":\"b6\",\"type\":[\"null\",{\"type\":\"array\",\"items\":\"int\"}]},"
    "{\"name\":\"a7\",\"type\":{\"type\":\"array\",\"items\":\"long\"}},{\"name\":\"b7\",\"type\":[\"null\",{\"type\":\"array\",\"items\":\"long\"}]},"
    "{\"name\":\"a8\",\"type\":{\"type\":\"array\",\"items\":\"string\"}},{\"name\":\"b8\",\"type\":[\"null\",{\"type\":\"array\",\"items\":\"string\"}]}"
    "]}";

enum { LONG_TEXT = 65536, ROUNDS = 200 };

static const int64_t edges[] = {0,    -1,   1,         63,        64,        -64,       -65,
                                8191, 8192, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, 1434443394000000};
static const int64_t narrow_edges[] = {0, -1, 1, 63, 64, -64, -65, INT32_MAX, INT32_MIN, 65535};
static const double reals[] = {0.0, -0.0, 1.5, 1e308, 5e-324, 247037.037037037, -1e-7};
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* Each round takes other values, so that every type meets its extremes, empty and long ones included. */
static void fill_value(struct value *value, enum value_type type, size_t round, const char *long_text,
                       struct text texts[3]) {
    *value = (struct value){.is_null = false};
    switch (type) {
    case VALUE_BOOLEAN: value->boolean = round % 2; return;
    case VALUE_INT: value->integer = narrow_edges[round % COUNT(narrow_edges)]; return;
    case VALUE_LONG:
    case VALUE_TIMESTAMP: value->integer = edges[round % COUNT(edges)]; return;
    case VALUE_DOUBLE: value->real = reals[round % COUNT(reals)]; return;
    case VALUE_STRING:
        value->text = (struct text){long_text, round % 3 == 0 ? 0 : round % 3 == 1 ? round : LONG_TEXT};
        return;
    case VALUE_INT_ARRAY:
        value->integers.items = narrow_edges;
        value->integers.count = round % (COUNT(narrow_edges) + 1);
        return;
    case VALUE_LONG_ARRAY:
        value->integers.items = edges;
        value->integers.count = round % (COUNT(edges) + 1);
        return;
    default: value->texts.items = texts; value->texts.count = round % 4;
    }
}

static void every_type_and_branch(void **state) {
    (void)state;
    struct encoded_field fields[2 * VALUE_RECORD];
    for (size_t i = 0; i < COUNT(fields); i++)
        fields[i] = (struct encoded_field){.name = "f", .type = (uint8_t)(i / 2), .nullable = i % 2 == 1};
    char *long_text = malloc(LONG_TEXT);
    assert_non_null(long_text);
    memset(long_text, 'n', LONG_TEXT);
    struct text texts[3] = {{"midstream", 9}, {"", 0}, {long_text, 300}};
    struct reader reader;
    reader_open(&reader, all_types, sizeof all_types - 1);
    struct buffer buffer = {0};
    for (size_t round = 0; round < ROUNDS; round++) {
        struct value values[COUNT(fields)];
        for (size_t i = 0; i < COUNT(fields); i++) {
            fill_value(&values[i], (enum value_type)(i / 2), round + i, long_text, texts);
            values[i].is_null = fields[i].nullable && (round >> (i / 2) & 1);
        }
        buffer.length = 0;
        encoding_find("avro")->record(fields, values, COUNT(fields), &buffer);
        assert_false(buffer.failed);
        reader_read(&reader, buffer.data, buffer.length);
        for (size_t i = 0; i < COUNT(fields); i++) {
            avro_value_t field = {0};
            must(avro_value_get_by_index(&reader.value, i, &field, NULL));
            assert_value(field, (enum value_type)(i / 2), &values[i]);
        }
    }
    buffer_free(&buffer);
    reader_close(&reader);
    free(long_text);
}

/* A second look at the flow or the report by the getters, to compare with what Avro C decoded. */
static void assert_record(struct reader *reader, const struct schema *schema, const struct example *example,
                          const struct message *message, unsigned groups_on) {
    static int64_t integers[3 * EXAMPLE_SPLT_PLACES];
    static char texts[RECORD_TEXT_SCRATCH];
    struct record_scratch scratch = {
        .integers = integers, .integers_capacity = COUNT(integers), .text = texts};
    struct record_source source = {.identity = &example->identity,
                                   .flow = &example->flow,
                                   .output = message->origin->output,
                                   .feature_hash = message->origin->feature_hash,
                                   .seq = message->seq,
                                   .scratch = &scratch,
                                   .report = &example_report,
                                   .protocol = &example_protocol};
    memcpy(source.flow_uid, message->key, message->key_length);
    for (size_t i = 0; i < schema->field_count; i++) {
        const struct catalogue_row *row = bound_field_row(&schema->fields[i], example->meter.profile);
        struct value expected = {.is_null = true};
        if (groups_on & 1u << row->group)
            row->get(&source, schema->fields[i].direction, &expected);
        avro_value_t field = {0};
        must(avro_value_get_by_name(&reader->value, schema->fields[i].name, &field, NULL));
        assert_value(field, row->type, &expected);
    }
}

static void shipped_schema(const char *name, enum meter_profile profile, unsigned groups_on) {
    static struct example example;
    struct schema *schema;
    struct recorder *recorder;
    struct reader reader;
    struct error error;
    example_init(&example, profile);
    assert_int_equal(schema_load(name, NULL, false, &schema, NULL), 0);
    const struct recorder_options options = {.output = "main",
                                             .schema = schema,
                                             .encoding = encoding_find("avro"),
                                             .identity = &example.identity,
                                             .groups_on = groups_on};
    if (recorder_create(&options, &recorder, &error) < 0)
        fail_msg("%s", error.text);
    reader_open(&reader, schema->text, schema->text_length);
    for (uint32_t round = 0; round < 8; round++) {
        struct flow *flow = &example.flow;
        example_set_splt(&example, round * 2 + 1);
        flow->first_flags = round & 1 ? PACKET_HAS_MAC | PACKET_HAS_ICMP : 0;
        flow->seen_flags = (uint8_t)(round * 9);
        flow->end_reason = (uint8_t)(round % END_REASON_COUNT);
        flow->slice = round / 2;
        if (round == 5)
            flow->ways[1] = FLOW_NO_COUNTERS;
        struct message message;
        if (schema->records == OF_SENSOR)
            assert_int_equal(recorder_make_report(recorder, &example_report, &message), 0);
        else if (schema->records == OF_PROTOCOL)
            assert_int_equal(recorder_make_protocol(recorder, &example_protocol, &message), 0);
        else
            assert_int_equal(recorder_make(recorder, flow, &message), 0);
        reader_read(&reader, message.body, message.body_length);
        assert_record(&reader, schema, &example, &message, groups_on);
    }
    reader_close(&reader);
    recorder_destroy(recorder);
    schema_free(schema);
}

static void flow_records(void **state) {
    (void)state;
    shipped_schema("flow/v1", PROFILE_NATIVE, EXAMPLE_ALL_GROUPS);
    shipped_schema("flow/v1", PROFILE_NATIVE, 1u << GROUP_IDENTITY | 1u << GROUP_QUALITY | 1u << GROUP_CORE);
}

static void nfstream_records(void **state) {
    (void)state;
    shipped_schema("nfstream/v1", PROFILE_NFSTREAM, EXAMPLE_ALL_GROUPS);
    shipped_schema("nfstream/v1", PROFILE_NFSTREAM, 1u << GROUP_IDENTITY | 1u << GROUP_CORE);
}

static void sensor_records(void **state) {
    (void)state;
    shipped_schema("sensor_stats/v1", PROFILE_NATIVE, EXAMPLE_ALL_GROUPS);
    shipped_schema("sensor_stats/v1", PROFILE_NFSTREAM, EXAMPLE_ALL_GROUPS);
    shipped_schema("heartbeat/v1", PROFILE_NATIVE, EXAMPLE_ALL_GROUPS);
    shipped_schema("heartbeat/v1", PROFILE_NFSTREAM, EXAMPLE_ALL_GROUPS);
}

static void protocol_records(void **state) {
    (void)state;
    shipped_schema("ndpi_dictionary/v1", PROFILE_NATIVE, EXAMPLE_ALL_GROUPS);
    shipped_schema("ndpi_dictionary/v1", PROFILE_NFSTREAM, EXAMPLE_ALL_GROUPS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_and_branch), cmocka_unit_test(flow_records),
        cmocka_unit_test(nfstream_records),      cmocka_unit_test(sensor_records),
        cmocka_unit_test(protocol_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
