/* What the lint refuses, each with its one line. */
#include "record/schema/schema.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RECORD(fields) \
    "{\"type\":\"record\",\"name\":\"Flow\",\"namespace\":\"a.b\",\"doc\":\"d\",\"fields\":[" fields "]}"
#define FIELD(type) RECORD("{\"name\":\"x\",\"doc\":\"d\",\"type\":" type "}")

static const char TYPES[] =
    "use boolean, int, long, double, string, timestamp-micros on long, or an array of int, long or string";

static void good_schemas_pass(void **state) {
    static const char *const schemas[] = {
        FIELD("\"long\""),
        FIELD("{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}"),
        FIELD("{\"type\":\"array\",\"items\":\"int\"},\"default\":[1,2]"),
        FIELD("[\"null\",{\"type\":\"array\",\"items\":\"string\"}],\"default\":null"),
        FIELD("\"double\",\"default\":1"),
        FIELD("\"string\",\"default\":\"\",\"aliases\":[\"y\",\"z\"],\"own:property\":{\"any\":[1]}"),
        FIELD("\"int\",\"default\":-2147483648"),
    };
    (void)state;
    for (size_t i = 0; i < sizeof schemas / sizeof schemas[0]; i++) {
        struct error error;
        if (schema_lint("s", schemas[i], strlen(schemas[i]), &error) != 0)
            fail_msg("%s", error.text);
    }
}

static void assert_refused(const char *text, const char *line) {
    struct error error = {0};
    assert_int_equal(schema_lint("s", text, strlen(text), &error), -EINVAL);
    assert_int_equal(error.exit_code, EX_CONFIG);
    assert_string_equal(error.text, line);
}

static void types_are_refused(void **state) {
    static const struct {
        const char *text, *found;
    } cases[] = {
        {FIELD("\"float\""), "unsupported type \"float\""},
        {FIELD("\"bytes\""), "unsupported type \"bytes\""},
        {FIELD("\"null\""), "unsupported type \"null\""},
        {FIELD("5"), "unsupported type 5"},
        {FIELD("{\"type\":\"array\",\"items\":\"double\"}"),
         "unsupported type {\"type\":\"array\",\"items\":\"double\"}"},
        {FIELD("{\"type\":\"array\",\"items\":[\"null\",\"int\"]}"),
         "unsupported type {\"type\":\"array\",\"items\":[\"null\",\"int\"]}"},
        {FIELD("{\"type\":\"map\",\"values\":\"int\"}"),
         "unsupported type {\"type\":\"map\",\"values\":\"int\"}"},
        {FIELD("{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}"),
         "unsupported type {\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}"},
        {FIELD("{\"type\":\"int\",\"logicalType\":\"timestamp-micros\"}"),
         "unsupported type {\"type\":\"int\",\"logicalType\":\"timestamp-micros\"}"},
        {FIELD("{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A\"]}"),
         "unsupported type {\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A\"]}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char line[512];
        snprintf(line, sizeof line, "schema s: field x: %s; %s", cases[i].found, TYPES);
        assert_refused(cases[i].text, line);
    }
}

static void unions_are_refused(void **state) {
    (void)state;
    assert_refused(
        FIELD("[\"int\",\"null\"],\"default\":1"),
        "schema s: field x: null is not the first of the union; write [\"null\", T], so that null can be the default");
    assert_refused(FIELD("[\"null\",[\"null\",\"int\"]],\"default\":null"),
                   "schema s: field x: a union within a union; write [\"null\", T]");
    assert_refused(
        FIELD("[\"null\",\"int\",\"string\"],\"default\":null"),
        "schema s: field x: unsupported union [\"null\",\"int\",\"string\"]; records know only [\"null\", T] with a supported type T");
    assert_refused(
        FIELD("[]"),
        "schema s: field x: unsupported union []; records know only [\"null\", T] with a supported type T");
}

static void defaults_are_refused(void **state) {
    (void)state;
    assert_refused(FIELD("[\"null\",\"int\"]"),
                   "schema s: field x: may be null but has no default; add \"default\": null");
    assert_refused(FIELD("[\"null\",\"int\"],\"default\":0"),
                   "schema s: field x: wrong default 0; the default must be of the union's first type: null");
    static const struct {
        const char *text, *dump;
    } cases[] = {
        {FIELD("\"int\",\"default\":\"0\""), "\"0\""},
        {FIELD("\"int\",\"default\":2147483648"), "2147483648"},
        {FIELD("\"long\",\"default\":1.5"), "1.5"},
        {FIELD("\"boolean\",\"default\":0"), "0"},
        {FIELD("\"string\",\"default\":null"), "null"},
        {FIELD("{\"type\":\"array\",\"items\":\"int\"},\"default\":[1,\"2\"]"), "[1,\"2\"]"},
        {FIELD("{\"type\":\"array\",\"items\":\"int\"},\"default\":{}"), "{}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char line[512];
        snprintf(line, sizeof line,
                 "schema s: field x: wrong default %s; the default must be of the field's type, or left out",
                 cases[i].dump);
        assert_refused(cases[i].text, line);
    }
}

static void names_are_refused(void **state) {
    (void)state;
    assert_refused(
        RECORD(
            "{\"name\":\"x\",\"doc\":\"d\",\"type\":\"int\"},{\"name\":\"x\",\"doc\":\"d\",\"type\":\"int\"}"),
        "schema s: field x: a second field of this name; each field's name and alias may stand there once");
    assert_refused(
        RECORD(
            "{\"name\":\"x\",\"aliases\":[\"y\"],\"doc\":\"d\",\"type\":\"int\"},{\"name\":\"y\",\"doc\":\"d\",\"type\":\"int\"}"),
        "schema s: field x: an alias that is another field's name or alias; each field's name and alias may stand there once");
    assert_refused(RECORD("{\"name\":\"x\",\"aliases\":[\"1y\"],\"doc\":\"d\",\"type\":\"int\"}"),
                   "schema s: field x: invalid alias \"1y\"; use letters, digits and _, not a digit first");
    assert_refused(RECORD("{\"name\":\"a-b\",\"doc\":\"d\",\"type\":\"int\"}"),
                   "schema s: invalid field name \"a-b\"; use letters, digits and _, not a digit first");
    assert_refused(RECORD("{\"doc\":\"d\"}"),
                   "schema s: a field without name: {\"doc\":\"d\"}; add \"name\"");
    assert_refused(
        RECORD("7"),
        "schema s: a field that is not an object: 7; write {\"name\": ..., \"type\": ..., \"doc\": ...}");
    assert_refused(
        "{\"type\":\"record\",\"name\":\"Flow\",\"doc\":\"d\",\"fields\":[]}",
        "schema s: no \"namespace\"; add one, so that the record's name is unique in the registry");
    assert_refused(
        "{\"type\":\"record\",\"name\":\"Flow\",\"namespace\":\"a..b\",\"doc\":\"d\",\"fields\":[]}",
        "schema s: invalid namespace \"a..b\"; use names joined by dots");
    assert_refused("{\"type\":\"record\",\"namespace\":\"a\",\"doc\":\"d\",\"fields\":[]}",
                   "schema s: no valid \"name\"; name the record with letters, digits and _");
}

/* The words in the middle are jansson's. */
static void assert_no_json(const char *text, const char *begin, const char *words) {
    struct error error = {0};
    assert_int_equal(schema_lint("s", text, strlen(text), &error), -EINVAL);
    assert_memory_equal(error.text, begin, strlen(begin));
    assert_non_null(strstr(error.text, words));
    assert_non_null(strstr(error.text, "; a schema is one JSON document"));
}

static void documents_are_refused(void **state) {
    (void)state;
    assert_no_json("{", "schema s: line 1, column 1: ", "expected near end of file");
    assert_no_json("{\n\"type\":\"record\",\"type\":\"record\"}", "schema s: line 2, column ",
                   "duplicate object key near '\"type\"'");
    assert_no_json("\"int\"", "schema s: line 1, column 5: ", "expected near '\"int\"'");
    assert_no_json("{\"type\": \xff}", "schema s: line 1, column 9: ", "");
    assert_refused("[]", "schema s: not a record; the schema must be an object with \"type\": \"record\"");
    assert_refused(RECORD(""), "schema s: no fields; add at least one to \"fields\"");
    assert_refused(RECORD("{\"name\":\"x\",\"type\":\"int\"}"),
                   "schema s: field x: no \"doc\"; add one that says what it means and in which unit");
    assert_refused(RECORD("{\"name\":\"x\",\"doc\":\" \",\"type\":\"int\"}"),
                   "schema s: field x: no \"doc\"; add one that says what it means and in which unit");
    assert_refused("{\"type\":\"record\",\"name\":\"Flow\",\"namespace\":\"a\",\"fields\":[]}",
                   "schema s: no \"doc\"; add one that says what it means and in which unit");
    assert_refused(RECORD("{\"name\":\"x\",\"doc\":\"d\"}"), "schema s: field x: no \"type\"; add it");
}

static void limits_hold(void **state) {
    (void)state;
    size_t size = (1 << 20) + 2;
    char *text = malloc(size);
    assert_non_null(text);
    memset(text, ' ', size - 1);
    text[size - 1] = '\0';
    assert_refused(text, "schema s: larger than 1 MiB; choose fewer fields");
    /* Deep nesting ends in the parser's own limit, not in the stack. */
    memset(text, '[', 100000);
    text[100000] = '\0';
    struct error error;
    assert_int_equal(schema_lint("s", text, 100000, &error), -EINVAL);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_schemas_pass),  cmocka_unit_test(types_are_refused),
        cmocka_unit_test(unions_are_refused), cmocka_unit_test(defaults_are_refused),
        cmocka_unit_test(names_are_refused),  cmocka_unit_test(documents_are_refused),
        cmocka_unit_test(limits_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
