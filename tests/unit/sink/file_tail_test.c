/* Whether a file ends in the middle of a record: cut at every byte. */
#include "sink/file_tail.h"

#include "sink/file_fixture.h"

static void cut_to(const char *path, const char *content, size_t length) {
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(content, 1, length, file), length);
    fclose(file);
}

/* Within the header there is no marker yet, and nothing to lose. */
static void a_container_that_is_cut(void **state) {
    (void)state;
    char text[4096];
    struct error error;
    const char *path = path_of("cut.avro");
    struct sink_options options = options_for(path, "avro");
    void *sink = open_sink(&options);
    assert_int_equal(sink_file.flush(sink, 0, true, &error), 0);
    size_t header = read_whole(path, text, sizeof text), whole[3] = {header};
    for (int block = 1; block <= 2; block++) {
        assert_int_equal(write_text(sink, "a record", &error), 0);
        assert_int_equal(sink_file.flush(sink, 0, true, &error), 0);
        whole[block] = read_whole(path, text, sizeof text);
    }
    sink_file.close(sink);
    for (size_t length = 0; length <= whole[2]; length++) {
        cut_to(path, text, length);
        bool is_whole = length <= header || length == whole[1] || length == whole[2];
        assert_int_equal(file_tail_is_torn(path), !is_whole);
    }
}

static void lines_that_are_cut(void **state) {
    (void)state;
    static const char *const names[] = {"cut.csv", "cut.jsonl"};
    static const char text[] = "a,b\n0,x\n";
    for (size_t i = 0; i < 2; i++)
        for (size_t length = 1; length < sizeof text; length++) {
            cut_to(path_of(names[i]), text, length);
            assert_int_equal(file_tail_is_torn(path_of(names[i])), text[length - 1] != '\n');
        }
}

/* Metadata that lies about its lengths, and files that say nothing. */
static void what_is_no_record_is_not_torn(void **state) {
    (void)state;
    static const struct {
        const char *name, *content;
        size_t length;
    } cases[] = {
        {"lies.avro", "Obj\1\2\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01xxxxxxxxxxxxxxxxx", 33},
        {"many.avro", "Obj\1\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01xxxxxxxxxxxxxxxxxx", 33},
        {"least.avro", "Obj\1\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\2xxxxxxxxxxxxxxxx", 31},
        {"notes.avro", "notes", 5},
        {"packed.csv.gz", "\x1f\x8b", 2},
        {"unknown.txt", "x", 1},
        {"empty.csv", "", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cut_to(path_of(cases[i].name), cases[i].content, cases[i].length);
        assert_false(file_tail_is_torn(path_of(cases[i].name)));
    }
    assert_false(file_tail_is_torn(path_of("absent.csv")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_container_that_is_cut),
        cmocka_unit_test(lines_that_are_cut),
        cmocka_unit_test(what_is_no_record_is_not_torn),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
