/* The tables of a small schema, whose names and docs are as bad as the lint lets them be, in each dialect to the letter. That
 * engines take them is for tests/tables to show. */
#include "record/ddl/ddl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char small[] =
    "{\"type\": \"record\", \"name\": \"Small\", \"namespace\": \"test\", \"doc\": \"It's small.\", \"fields\": ["
    "{\"name\": \"flow_uid\", \"type\": \"string\", \"doc\": \"Id.\"}, "
    "{\"name\": \"slice\", \"type\": \"int\", \"doc\": \"Part.\"}, "
    "{\"name\": \"revision\", \"type\": \"int\", \"doc\": \"Version.\"}, "
    "{\"name\": \"bidirectional_first_seen\", \"type\": {\"type\": \"long\", \"logicalType\": \"timestamp-micros\"}, \"doc\": \"Begin.\"}, "
    "{\"name\": \"src2dst_first_seen\", \"type\": [\"null\", {\"type\": \"long\", \"logicalType\": \"timestamp-micros\"}], \"default\": null, \"doc\": \"Begin.\"}, "
    "{\"name\": \"dst_port\", \"type\": \"int\", \"doc\": \"Port.\"}, "
    "{\"name\": \"bidirectional_bytes\", \"type\": \"long\", \"doc\": \"Bytes.\"}, "
    "{\"name\": \"quality_flags\", \"type\": {\"type\": \"array\", \"items\": \"string\"}, \"doc\": \"Flags.\"}, "
    "{\"name\": \"splt_ps\", \"type\": [\"null\", {\"type\": \"array\", \"items\": \"int\"}], \"default\": null, \"doc\": \"Sizes.\"}, "
    "{\"name\": \"application_name\", \"type\": [\"null\", \"string\"], \"default\": null, \"doc\": \"Label.\"}, "
    "{\"name\": \"requested_server_name\", \"type\": [\"null\", \"string\"], \"default\": null, \"doc\": \"a 'b' \\\\ ${spark.master} {c}\\n;-- d\"}, "
    "{\"name\": \"order\", \"type\": [\"null\", \"double\"], \"default\": null, \"doc\": \"No field of ours.\"}, "
    "{\"name\": \"udps\", \"type\": [\"null\", {\"type\": \"record\", \"name\": \"Udps\", \"doc\": \"d\", \"fields\": [{\"name\": \"select\", \"type\": [\"null\", \"boolean\"], \"default\": null, \"doc\": \"It's x.\"}, {\"name\": \"list\", \"type\": [\"null\", {\"type\": \"array\", \"items\": \"long\"}], \"default\": null, \"doc\": \"Y.\"}]}], \"default\": null, \"doc\": \"Own.\"}"
    "]}";

static const char clickhouse[] =
    "-- Made by `flowsensor schema ddl clickhouse`. What is in it and why: deploy/tables.md\n"
    "CREATE TABLE `small` (\n"
    "    `flow_uid` String COMMENT 'Id.' CODEC(ZSTD),\n"
    "    `slice` Int32 COMMENT 'Part.' CODEC(T64, ZSTD),\n"
    "    `revision` Int32 COMMENT 'Version.' CODEC(T64, ZSTD),\n"
    "    `bidirectional_first_seen` DateTime64(6, 'UTC') COMMENT 'Begin.' CODEC(T64, ZSTD),\n"
    "    `src2dst_first_seen` Nullable(DateTime64(6, 'UTC')) COMMENT 'Begin.' CODEC(T64, ZSTD),\n"
    "    `dst_port` Int32 COMMENT 'Port.' CODEC(T64, ZSTD),\n"
    "    `bidirectional_bytes` Int64 COMMENT 'Bytes.' CODEC(T64, ZSTD),\n"
    "    `quality_flags` Array(LowCardinality(String)) COMMENT 'Flags.' CODEC(ZSTD),\n"
    "    `splt_ps` Array(Int32) COMMENT 'Sizes.' CODEC(T64, ZSTD(9)),\n"
    "    `application_name` LowCardinality(Nullable(String)) COMMENT 'Label.' CODEC(ZSTD(3)),\n"
    "    `requested_server_name` Nullable(String) COMMENT 'a \\'b\\' \\\\ ${spark.master} {c}\n"
    ";-- d' CODEC(ZSTD(3)),\n"
    "    `order` Nullable(Float64) COMMENT 'No field of ours.' CODEC(ZSTD(3)),\n"
    "    `udps` Tuple(`select` Nullable(Bool), `list` Array(Int64)) COMMENT 'Own.\n"
    "select: It\\'s x.\n"
    "list: Y.' CODEC(ZSTD)\n"
    ")\n"
    "ENGINE = ReplacingMergeTree\n"
    "PARTITION BY toYYYYMM(`bidirectional_first_seen`)\n"
    "ORDER BY (toStartOfHour(`bidirectional_first_seen`), `dst_port`, `bidirectional_bytes`, `bidirectional_first_seen`, `flow_uid`, `slice`, `revision`)\n"
    "COMMENT 'It\\'s small.';\n";

/* Of a flow's first packets the sizes alone say nothing of times. */
static const char clickhouse_packed[] =
    "-- Made by `flowsensor schema ddl clickhouse_packed`. What is in it and why: deploy/tables.md\n"
    "CREATE TABLE `small_packed` (\n"
    "    `flow_uid` String CODEC(ZSTD),\n"
    "    `slice` Int32 CODEC(T64, ZSTD),\n"
    "    `revision` Int32 CODEC(T64, ZSTD),\n"
    "    `bidirectional_first_seen` DateTime64(6, 'UTC') CODEC(T64, ZSTD),\n"
    "    `src2dst_first_seen_rest` Nullable(Int64) CODEC(T64, ZSTD),\n"
    "    `dst_port` Int32 CODEC(T64, ZSTD),\n"
    "    `bidirectional_bytes` Int64 CODEC(T64, ZSTD),\n"
    "    `quality_flags` Array(LowCardinality(String)) CODEC(ZSTD),\n"
    "    `splt_ps` Array(Int32) CODEC(T64, ZSTD(9)),\n"
    "    `application_name` LowCardinality(Nullable(String)) CODEC(ZSTD(3)),\n"
    "    `requested_server_name` Nullable(String) CODEC(ZSTD(3)),\n"
    "    `order` Nullable(Float64) CODEC(ZSTD(3)),\n"
    "    `udps` Tuple(`select` Nullable(Bool), `list` Array(Int64)) CODEC(ZSTD)\n"
    ")\n"
    "ENGINE = ReplacingMergeTree\n"
    "PARTITION BY toYYYYMM(`bidirectional_first_seen`)\n"
    "ORDER BY (toStartOfHour(`bidirectional_first_seen`), `dst_port`, `bidirectional_bytes`, `bidirectional_first_seen`, `flow_uid`, `slice`, `revision`);\n"
    "CREATE VIEW `small` (\n"
    "    `flow_uid` String COMMENT 'Id.',\n"
    "    `slice` Int32 COMMENT 'Part.',\n"
    "    `revision` Int32 COMMENT 'Version.',\n"
    "    `bidirectional_first_seen` DateTime64(6, 'UTC') COMMENT 'Begin.',\n"
    "    `src2dst_first_seen` Nullable(DateTime64(6, 'UTC')) COMMENT 'Begin.',\n"
    "    `dst_port` Int32 COMMENT 'Port.',\n"
    "    `bidirectional_bytes` Int64 COMMENT 'Bytes.',\n"
    "    `quality_flags` Array(LowCardinality(String)) COMMENT 'Flags.',\n"
    "    `splt_ps` Array(Int32) COMMENT 'Sizes.',\n"
    "    `application_name` LowCardinality(Nullable(String)) COMMENT 'Label.',\n"
    "    `requested_server_name` Nullable(String) COMMENT 'a \\'b\\' \\\\ ${spark.master} {c}\n"
    ";-- d',\n"
    "    `order` Nullable(Float64) COMMENT 'No field of ours.',\n"
    "    `udps` Tuple(`select` Nullable(Bool), `list` Array(Int64)) COMMENT 'Own.\n"
    "select: It\\'s x.\n"
    "list: Y.'\n"
    ") AS\n"
    "WITH\n"
    "    a -> toUnixTimestamp64Micro(a) AS micros\n"
    "SELECT\n"
    "    `flow_uid`,\n"
    "    `slice`,\n"
    "    `revision`,\n"
    "    `bidirectional_first_seen`,\n"
    "    fromUnixTimestamp64Micro(`src2dst_first_seen_rest` + ifNull(micros(bidirectional_first_seen), 0), 'UTC') AS `src2dst_first_seen`,\n"
    "    `dst_port`,\n"
    "    `bidirectional_bytes`,\n"
    "    `quality_flags`,\n"
    "    `splt_ps`,\n"
    "    `application_name`,\n"
    "    `requested_server_name`,\n"
    "    `order`,\n"
    "    `udps`\n"
    "FROM `small_packed`\n"
    "COMMENT 'It\\'s small.';\n"
    "CREATE TABLE `small_in` AS `small` ENGINE = Null;\n"
    "CREATE MATERIALIZED VIEW `small_pack` TO `small_packed` AS\n"
    "WITH\n"
    "    a -> toUnixTimestamp64Micro(a) AS micros\n"
    "SELECT\n"
    "    `flow_uid`,\n"
    "    `slice`,\n"
    "    `revision`,\n"
    "    `bidirectional_first_seen`,\n"
    "    micros(`src2dst_first_seen`) - ifNull(micros(bidirectional_first_seen), 0) AS `src2dst_first_seen_rest`,\n"
    "    `dst_port`,\n"
    "    `bidirectional_bytes`,\n"
    "    `quality_flags`,\n"
    "    `splt_ps`,\n"
    "    `application_name`,\n"
    "    `requested_server_name`,\n"
    "    `order`,\n"
    "    `udps`\n"
    "FROM `small_in`;\n";

static const char duckdb[] =
    "-- Made by `flowsensor schema ddl duckdb`. What is in it and why: deploy/tables.md\n"
    "CREATE TABLE \"small\" (\n"
    "    \"flow_uid\" VARCHAR NOT NULL,\n"
    "    \"slice\" INTEGER NOT NULL,\n"
    "    \"revision\" INTEGER NOT NULL,\n"
    "    \"bidirectional_first_seen\" TIMESTAMP WITH TIME ZONE NOT NULL,\n"
    "    \"src2dst_first_seen\" TIMESTAMP WITH TIME ZONE,\n"
    "    \"dst_port\" INTEGER NOT NULL,\n"
    "    \"bidirectional_bytes\" BIGINT NOT NULL,\n"
    "    \"quality_flags\" VARCHAR[] NOT NULL,\n"
    "    \"splt_ps\" INTEGER[],\n"
    "    \"application_name\" VARCHAR,\n"
    "    \"requested_server_name\" VARCHAR,\n"
    "    \"order\" DOUBLE,\n"
    "    \"udps\" STRUCT(\"select\" BOOLEAN, \"list\" BIGINT[]),\n"
    "    PRIMARY KEY (\"flow_uid\", \"slice\", \"revision\")\n"
    ");\n"
    "COMMENT ON TABLE \"small\" IS 'It''s small.';\n"
    "COMMENT ON COLUMN \"small\".\"flow_uid\" IS 'Id.';\n"
    "COMMENT ON COLUMN \"small\".\"slice\" IS 'Part.';\n"
    "COMMENT ON COLUMN \"small\".\"revision\" IS 'Version.';\n"
    "COMMENT ON COLUMN \"small\".\"bidirectional_first_seen\" IS 'Begin.';\n"
    "COMMENT ON COLUMN \"small\".\"src2dst_first_seen\" IS 'Begin.';\n"
    "COMMENT ON COLUMN \"small\".\"dst_port\" IS 'Port.';\n"
    "COMMENT ON COLUMN \"small\".\"bidirectional_bytes\" IS 'Bytes.';\n"
    "COMMENT ON COLUMN \"small\".\"quality_flags\" IS 'Flags.';\n"
    "COMMENT ON COLUMN \"small\".\"splt_ps\" IS 'Sizes.';\n"
    "COMMENT ON COLUMN \"small\".\"application_name\" IS 'Label.';\n"
    "COMMENT ON COLUMN \"small\".\"requested_server_name\" IS 'a ''b'' \\ ${spark.master} {c}\n"
    ";-- d';\n"
    "COMMENT ON COLUMN \"small\".\"order\" IS 'No field of ours.';\n"
    "COMMENT ON COLUMN \"small\".\"udps\" IS 'Own.\n"
    "select: It''s x.\n"
    "list: Y.';\n";

static const char flink[] =
    "-- Made by `flowsensor schema ddl flink`. What is in it and why: deploy/tables.md\n"
    "CREATE TABLE `small` (\n"
    "    `flow_uid` STRING NOT NULL COMMENT 'Id.',\n"
    "    `slice` INT NOT NULL COMMENT 'Part.',\n"
    "    `revision` INT NOT NULL COMMENT 'Version.',\n"
    "    `bidirectional_first_seen` BIGINT NOT NULL COMMENT 'Begin.',\n"
    "    `src2dst_first_seen` BIGINT COMMENT 'Begin.',\n"
    "    `dst_port` INT NOT NULL COMMENT 'Port.',\n"
    "    `bidirectional_bytes` BIGINT NOT NULL COMMENT 'Bytes.',\n"
    "    `quality_flags` ARRAY<STRING NOT NULL> NOT NULL COMMENT 'Flags.',\n"
    "    `splt_ps` ARRAY<INT NOT NULL> COMMENT 'Sizes.',\n"
    "    `application_name` STRING COMMENT 'Label.',\n"
    "    `requested_server_name` STRING COMMENT 'a ''b'' \\ ${spark.master} {c}\n"
    ";-- d',\n"
    "    `order` DOUBLE COMMENT 'No field of ours.',\n"
    "    `udps` ROW<`select` BOOLEAN 'It''s x.', `list` ARRAY<BIGINT NOT NULL> 'Y.'> COMMENT 'Own.',\n"
    "    `bidirectional_first_seen_ltz` AS TO_TIMESTAMP_LTZ(`bidirectional_first_seen` / 1000, 3),\n"
    "    `src2dst_first_seen_ltz` AS TO_TIMESTAMP_LTZ(`src2dst_first_seen` / 1000, 3)\n"
    ") COMMENT 'It''s small.' WITH (\n"
    "    'connector' = 'kafka',\n"
    "    'topic' = 'TOPIC',\n"
    "    'properties.bootstrap.servers' = 'HOST:9092',\n"
    "    'scan.startup.mode' = 'earliest-offset',\n"
    "    'format' = 'avro-confluent',\n"
    "    'avro-confluent.url' = 'http://HOST:8081'\n"
    ");\n";

/* Iceberg's statements are Spark SQL's. */
#define SPARK_COLUMNS                                                                                               \
    "CREATE TABLE `small` (\n"                                                                                      \
    "    `flow_uid` STRING NOT NULL COMMENT 'Id.',\n"                                                               \
    "    `slice` INT NOT NULL COMMENT 'Part.',\n"                                                                   \
    "    `revision` INT NOT NULL COMMENT 'Version.',\n"                                                             \
    "    `bidirectional_first_seen` TIMESTAMP NOT NULL COMMENT 'Begin.',\n"                                         \
    "    `src2dst_first_seen` TIMESTAMP COMMENT 'Begin.',\n"                                                        \
    "    `dst_port` INT NOT NULL COMMENT 'Port.',\n"                                                                \
    "    `bidirectional_bytes` BIGINT NOT NULL COMMENT 'Bytes.',\n"                                                 \
    "    `quality_flags` ARRAY<STRING> NOT NULL COMMENT 'Flags.',\n"                                                \
    "    `splt_ps` ARRAY<INT> COMMENT 'Sizes.',\n"                                                                  \
    "    `application_name` STRING COMMENT 'Label.',\n"                                                             \
    "    `requested_server_name` STRING COMMENT 'a \\'b\\' \\\\ $\\{spark.master} \\{c}\n"                          \
    ";-- d',\n"                                                                                                     \
    "    `order` DOUBLE COMMENT 'No field of ours.',\n"                                                             \
    "    `udps` STRUCT<`select`: BOOLEAN COMMENT 'It\\'s x.', `list`: ARRAY<BIGINT> COMMENT 'Y.'> COMMENT 'Own.'\n" \
    ")\n"

static const char iceberg[] =
    "-- Made by `flowsensor schema ddl iceberg`. What is in it and why: deploy/tables.md\n" SPARK_COLUMNS
    "USING iceberg\n"
    "PARTITIONED BY (days(`bidirectional_first_seen`))\n"
    "COMMENT 'It\\'s small.';\n"
    "ALTER TABLE `small` SET IDENTIFIER FIELDS `flow_uid`, `slice`, `revision`;\n";

static const char spark[] =
    "-- Made by `flowsensor schema ddl spark`. What is in it and why: deploy/tables.md\n" SPARK_COLUMNS
    "USING parquet\n"
    "COMMENT 'It\\'s small.';\n";

/* In the current folder; removed by whoever stores it. */
static void store(const char *path, const char *text) {
    FILE *stream = fopen(path, "w");
    assert_non_null(stream);
    fputs(text, stream);
    fclose(stream);
}

/* What is written; to be freed. */
static char *write_table(const char *dialect, const char *schema) {
    struct error error;
    size_t size;
    char *text = NULL;
    FILE *stream = open_memstream(&text, &size);
    assert_non_null(stream);
    if (ddl_write(dialect, schema, stream, &error) < 0)
        fail_msg("%s: %s", schema, error.text);
    fclose(stream);
    return text;
}

static void small_schema_in_each_dialect(void **state) {
    (void)state;
    static const struct {
        const char *dialect, *expected;
    } rows[] = {{"clickhouse", clickhouse}, {"clickhouse_packed", clickhouse_packed},
                {"duckdb", duckdb},         {"flink", flink},
                {"iceberg", iceberg},       {"spark", spark}};
    store("small.avsc", small);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *text = write_table(rows[i].dialect, "small.avsc");
        assert_string_equal(text, rows[i].expected);
        free(text);
    }
    unlink("small.avsc");
}

static void assert_has(const char *dialect, const char *schema, const char *part) {
    char *text = write_table(dialect, schema);
    if (strstr(text, part) == NULL)
        fail_msg("%s of %s has no \"%s\":\n%s", dialect, schema, part, text);
    free(text);
}

static void assert_lacks(const char *dialect, const char *schema, const char *part) {
    char *text = write_table(dialect, schema);
    assert_null(strstr(text, part));
    free(text);
}

static void keys_and_times_are_those_that_the_schema_has(void **state) {
    (void)state;
    assert_has("duckdb", "flow/v1", "PRIMARY KEY (\"flow_uid\", \"slice\", \"revision\")");
    assert_has("duckdb", "heartbeat/v1", "PRIMARY KEY (\"sensor_id\", \"boot_id\", \"output\", \"seq\")");
    assert_has("duckdb", "ndpi_dictionary/v1", "PRIMARY KEY (\"ndpi_version\", \"protocol_id\")");
    assert_lacks("duckdb", "nfstream/v1", "PRIMARY KEY");
    assert_lacks("iceberg", "nfstream/v1", "ALTER TABLE");
    assert_has("iceberg", "sensor_stats/v1", "PARTITIONED BY (days(`report_time`))");
    assert_lacks("iceberg", "nfstream/v1", "PARTITIONED BY");
    assert_has("clickhouse", "heartbeat/v1", "PARTITION BY toYYYYMM(`heartbeat_time`)\n");
    /* Milliseconds in a number are no time, but records can be sorted by them. */
    assert_has("clickhouse", "nfstream/v1", "ENGINE = MergeTree\nORDER BY (`bidirectional_first_seen_ms`)\n");
    assert_has("clickhouse", "ndpi_dictionary/v1",
               "ENGINE = ReplacingMergeTree\nORDER BY (`ndpi_version`, `protocol_id`)\n");
}

/* What is kept of a value follows from what else the schema has. */
static void values_are_predicted_where_the_schema_tells_of_them(void **state) {
    (void)state;
    static const char packed[] = "clickhouse_packed";
    assert_has(packed, "flow/v1",
               "`dst2src_bytes` - ifNull(bidirectional_bytes - src2dst_bytes, 0) AS `dst2src_bytes_rest`");
    assert_has(packed, "flow/v1", "micros(bidirectional_first_seen) + sequence_times_dst2src[1]");
    assert_has(packed, "flow/v1",
               "    arrayFilter((a, b) -> b = 1, splt_ps, splt_direction) AS sequence_sizes_dst2src,\n");
    assert_has(packed, "flow/v1", "`src2dst_stddev_ps_rest` Nullable(Int64) CODEC(ZSTD(3))");
    assert_lacks(packed, "flow/v1", "`bidirectional_bytes_rest`");
    assert_lacks(packed, "flow_lite/v1", "sequence_");
    assert_lacks(packed, "nfstream/v1", "sequence_");
    assert_lacks(packed, "heartbeat/v1", "_rest`");
    /* A field of a known name and another type is nobody's. */
    store("other.avsc", "{\"type\": \"record\", \"name\": \"a.B\", \"doc\": \"d\", \"fields\": ["
                        "{\"name\": \"bidirectional_bytes\", \"type\": \"string\", \"doc\": \"d\"}, "
                        "{\"name\": \"src2dst_bytes\", \"type\": \"long\", \"doc\": \"d\"}, "
                        "{\"name\": \"dst2src_bytes\", \"type\": \"long\", \"doc\": \"d\"}]}");
    assert_lacks(packed, "other.avsc", "_rest`");
    unlink("other.avsc");
}

static void table_without_key_and_time(void **state) {
    (void)state;
    store("plain.avsc",
          "{\"type\": \"record\", \"name\": \"a.B\", \"doc\": \"d\", \"fields\": ["
          "{\"name\": \"flow_uid\", \"type\": [\"null\", \"string\"], \"default\": null, \"doc\": \"d\"}, "
          "{\"name\": \"slice\", \"type\": \"int\", \"doc\": \"d\"}, "
          "{\"name\": \"revision\", \"type\": \"int\", \"doc\": \"d\"}]}");
    assert_has("clickhouse", "plain.avsc", "ENGINE = MergeTree\nORDER BY ()\n");
    assert_lacks("duckdb", "plain.avsc", "PRIMARY KEY");
    unlink("plain.avsc");
}

/* A computed column whose name a field has would make the statement fail. */
static void time_of_flink_beside_a_field_of_its_name(void **state) {
    (void)state;
    store(
        "twice.avsc",
        "{\"type\": \"record\", \"name\": \"a.B\", \"doc\": \"d\", \"fields\": ["
        "{\"name\": \"t\", \"type\": {\"type\": \"long\", \"logicalType\": \"timestamp-micros\"}, \"doc\": \"d\"}, "
        "{\"name\": \"t_ltz\", \"type\": \"int\", \"doc\": \"d\"}]}");
    assert_lacks("flink", "twice.avsc", " AS TO_TIMESTAMP_LTZ");
    unlink("twice.avsc");
}

static void tables_are_named_after_their_schema(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"a-b;c d'.avsc", "CREATE TABLE `a_b_c_d_` ("},
        {"./1.2.avsc", "CREATE TABLE `1_2` ("},
        {".avsc", "CREATE TABLE `_avsc` ("},
        {"a2345678901234567890123456789012345678901234567890123456789012345678",
         "CREATE TABLE `a234567890123456789012345678901234567890123456789012345678901234` ("},
    };
    assert_has("flink", "flow/v2", "CREATE TABLE `flow_v2` (");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        store(rows[i][0], small);
        assert_has("flink", rows[i][0], rows[i][1]);
        unlink(rows[i][0]);
    }
}

static void refused_schema_writes_nothing(void **state) {
    (void)state;
    struct error error;
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    assert_true(ddl_write("duckdb", "flow/v9999", stream, &error) < 0);
    assert_int_equal(error.exit_code, EX_CONFIG);
    store("broken.avsc", "{\"type\": \"record\"");
    assert_true(ddl_write("duckdb", "broken.avsc", stream, &error) < 0);
    assert_int_equal(error.exit_code, EX_CONFIG);
    unlink("broken.avsc");
    fclose(stream);
    assert_int_equal(size, 0);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_schema_in_each_dialect),
        cmocka_unit_test(keys_and_times_are_those_that_the_schema_has),
        cmocka_unit_test(values_are_predicted_where_the_schema_tells_of_them),
        cmocka_unit_test(table_without_key_and_time),
        cmocka_unit_test(time_of_flink_beside_a_field_of_its_name),
        cmocka_unit_test(tables_are_named_after_their_schema),
        cmocka_unit_test(refused_schema_writes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
