#include "app/config_text.h"

/* An output with these options after its path's ending was read. */
static void assert_completed(const char *path, const char *format, const char *compression,
                             const char *expected_format, const char *expected_compression) {
    struct config config;
    struct error error = {0};
    config_defaults(&config);
    struct output_config *output = config_add_output(&config);
    output->path = path ? strdup(path) : NULL;
    output->format = format ? strdup(format) : NULL;
    output->compression = compression ? strdup(compression) : NULL;
    if (config_complete_output(output, "-w", &error) < 0)
        fail_msg("%s", error.text);
    assert_string_equal(output->format, expected_format);
    assert_true(expected_compression ? output->compression != NULL : output->compression == NULL);
    if (expected_compression)
        assert_string_equal(output->compression, expected_compression);
    config_release(&config);
}

static void refuse(const char *path, const char *format, const char *compression, const char *expected) {
    struct config config;
    struct error error = {0};
    config_defaults(&config);
    struct output_config *output = config_add_output(&config);
    output->path = path ? strdup(path) : NULL;
    output->format = format ? strdup(format) : NULL;
    output->compression = compression ? strdup(compression) : NULL;
    assert_true(config_complete_output(output, "output 3", &error) < 0);
    assert_line(&error, EX_CONFIG, expected);
    config_release(&config);
}

static void the_ending_says_what_the_options_do_not(void **state) {
    (void)state;
    assert_completed("x.jsonl.gz", NULL, NULL, "jsonl", "gzip");
    assert_completed("x.csv.zst", NULL, NULL, "csv", "zstd");
    assert_completed("x.csv", NULL, NULL, "csv", NULL);
    assert_completed("-", NULL, NULL, "jsonl", NULL);
    assert_completed("-", "csv", "zstd", "csv", "zstd");
    assert_completed(NULL, NULL, NULL, "avro", NULL);
    assert_completed("x", NULL, NULL, "avro", NULL);
    assert_completed("x.avro", "csv", NULL, "csv", NULL);
    assert_completed("x.dat", "jsonl", NULL, "jsonl", NULL);
    assert_completed("x.gz", "jsonl", NULL, "jsonl", "gzip");
    assert_completed("x.csv.gz", NULL, "none", "csv", "none");
    assert_completed("x.csv", NULL, "gzip", "csv", "gzip");
}

static void an_ending_of_another_format_is_refused(void **state) {
    (void)state;
    static const char *const endings[] = {"orc",  "arrow", "txt",     "pcap",    "xml",
                                          "yaml", "db",    "PARQUET", "csv.lz4", "jsonl.br"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        char path[64];
        snprintf(path, sizeof path, "out/flows.%s", endings[i]);
        refuse(path, NULL, NULL, "no records are written as .");
    }
    refuse("x.zip.gz", NULL, NULL,
           "output 3: x.zip.gz: no records are written as .zip; name it .avro, .csv or .jsonl");
    refuse("x.zst", NULL, NULL, "the name x.zst has no format before its compression");
    refuse("x.avro.zst", NULL, NULL, "Avro files are compressed within (outputs.codec)");
    refuse("x.csv.gz", "avro", NULL, "Avro files are compressed within");
    refuse("x", NULL, "gzip", "Avro files are compressed within");
    refuse(NULL, NULL, "zstd",
           "outputs.compression is for files; for Kafka set its property compression.codec");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ending_says_what_the_options_do_not),
        cmocka_unit_test(an_ending_of_another_format_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
