#include "sink/file_ending.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include <cmocka.h>

static bool same(const char *a, const char *b) {
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static void an_ending_says_format_and_compression(void **state) {
    (void)state;
    static const struct {
        const char *path, *stem, *format, *compression, *foreign;
    } cases[] = {
        {"flows.avro", "flows", "avro", NULL, ""},
        {"a/b.c/flows.CSV", "a/b.c/flows", "csv", NULL, ""},
        {"flows.json.gz", "flows", "jsonl", "gzip", ""},
        {"flows.ndjson.ZSTD", "flows", "jsonl", "zstd", ""},
        {"my.flows.csv.zst", "my.flows", "csv", "zstd", ""},
        {"flows.gz", "flows", NULL, "gzip", ""},
        {"flows.orc", "flows", NULL, NULL, ".orc"},
        {"flows.feather.gz", "flows", NULL, "gzip", ".feather"},
        {"flows.csv.xz", "flows.csv", NULL, NULL, ".xz"},
        {"flows", "flows", NULL, NULL, ""},
        {"flows.", "flows.", NULL, NULL, ""},
        {"flows.csv/out", "flows.csv/out", NULL, NULL, ""},
        {"flows.20261128", "flows.20261128", NULL, NULL, ""},
        {"flows.2026-11-28", "flows.2026-11-28", NULL, NULL, ""},
        {"/tmp/tmp.bT7qPw01Zk", "/tmp/tmp.bT7qPw01Zk", NULL, NULL, ""},
        {".csv", ".csv", NULL, NULL, ""},
        {"a/.gz", "a/.gz", NULL, NULL, ""},
        {"-", "-", NULL, NULL, ""},
        {"", "", NULL, NULL, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct file_ending ending;
        file_ending_of(cases[i].path, &ending);
        bool well = same(ending.format, cases[i].format) && same(ending.compression, cases[i].compression) &&
                    strcmp(ending.foreign, cases[i].foreign) == 0 && ending.stem == strlen(cases[i].stem);
        if (!well)
            fail_msg("%s: format %s, compression %s, foreign %s, stem %zu", cases[i].path, ending.format,
                     ending.compression, ending.foreign, ending.stem);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(an_ending_says_format_and_compression)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
