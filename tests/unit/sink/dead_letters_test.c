/* The file of dead letters: what a line has in it, and what is refused. */
#include "sink/dead_letters.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "scratch.h"

enum { SIZE = 1 << 16 };

static char folder[SCRATCH_SIZE], path[SCRATCH_SIZE + 32], text[SIZE];
static struct dead_letters letters;

static int begin(void **state) {
    (void)state;
    if (!scratch_make(folder))
        return -1;
    snprintf(path, sizeof path, "%s/letters.jsonl", folder);
    return 0;
}

static int end(void **state) {
    (void)state;
    dead_letters_close(&letters);
    return scratch_remove(folder);
}

static void open_well(void) {
    struct error error = {0};
    if (dead_letters_open(&letters, "out", path, &error) < 0)
        fail_msg("%s", error.text);
}

static struct dead_letter letter_of(const void *value, size_t length) {
    return (struct dead_letter){.output = "out",
                                .topic = "flows",
                                .record_kind = "final",
                                .reason = "refused",
                                .partition = 3,
                                .seq = 18446744073709551615u,
                                .key = "k",
                                .key_length = 1,
                                .value = value,
                                .value_length = length};
}

static const char *content(void) {
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

static void assert_has(const char *expected) {
    if (!strstr(content(), expected))
        fail_msg("\"%s\" is not in: %s", expected, text);
}

static void a_line_has_everything(void **state) {
    (void)state;
    struct stat status;
    open_well();
    const struct dead_letter letter = letter_of("body", 4);
    assert_true(dead_letters_add(&letters, &letter));
    assert_memory_equal(content(), "{\"time\": \"20", 12);
    assert_has(
        "Z\", \"output\": \"out\", \"topic\": \"flows\", \"partition\": 3, \"seq\": 18446744073709551615, "
        "\"record_kind\": \"final\", \"reason\": \"refused\", \"key\": \"aw==\", \"value\": \"Ym9keQ==\"}\n");
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, S_IRUSR | S_IWUSR);
}

/* RFC 4648, section 10. */
static void base64_is_padded(void **state) {
    (void)state;
    static const char *const pairs[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"}};
    open_well();
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char expected[64];
        const struct dead_letter letter = letter_of(pairs[i][0], strlen(pairs[i][0]));
        assert_true(dead_letters_add(&letters, &letter));
        snprintf(expected, sizeof expected, "\"value\": \"%s\"}\n", pairs[i][1]);
        assert_has(expected);
    }
    const struct dead_letter letter = letter_of("\xff\xfe\x00", 3);
    assert_true(dead_letters_add(&letters, &letter));
    assert_has("\"value\": \"//4A\"}\n");
}

static void strings_are_escaped(void **state) {
    (void)state;
    struct dead_letter letter = letter_of("", 0);
    letter.output = "a\"b\\c\nd";
    letter.reason = "\xc3\xa4";
    open_well();
    assert_true(dead_letters_add(&letters, &letter));
    assert_has("\"output\": \"a\\\"b\\\\c\\u000ad\"");
    assert_has("\"reason\": \"\xc3\xa4\"");
}

static void a_later_run_appends(void **state) {
    (void)state;
    const struct dead_letter letter = letter_of("body", 4);
    open_well();
    assert_true(dead_letters_add(&letters, &letter));
    dead_letters_close(&letters);
    size_t length = strlen(content());
    open_well();
    assert_int_equal(letters.bytes, length);
    assert_true(dead_letters_add(&letters, &letter));
    assert_int_equal(strlen(content()), 2 * length);
}

static void beyond_the_limit_nothing_is_added(void **state) {
    (void)state;
    const struct dead_letter letter = letter_of("body", 4);
    open_well();
    assert_int_equal(ftruncate(letters.descriptor, DEAD_LETTERS_MAX_BYTES - 1), 0);
    dead_letters_close(&letters);
    open_well();
    assert_false(dead_letters_add(&letters, &letter));
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_size, DEAD_LETTERS_MAX_BYTES - 1);
}

static void without_a_file_each_is_refused(void **state) {
    (void)state;
    struct error error = {0};
    const struct dead_letter letter = letter_of("body", 4);
    assert_int_equal(dead_letters_open(&letters, "out", NULL, &error), 0);
    assert_false(dead_letters_add(&letters, &letter));
}

static void refuse(int exit_code) {
    struct error error = {0};
    assert_true(dead_letters_open(&letters, "out", path, &error) < 0);
    assert_int_equal(error.exit_code, exit_code);
    assert_non_null(strstr(error.text, "outputs.dead_letters: cannot append to "));
    assert_int_equal(letters.descriptor, -1);
}

/* None of them keeps the start waiting. */
static void what_is_no_file_is_refused(void **state) {
    (void)state;
    assert_int_equal(mkfifo(path, S_IRUSR | S_IWUSR), 0);
    refuse(EX_CANTCREAT);
    unlink(path);
    assert_int_equal(mkdir(path, S_IRWXU), 0);
    refuse(EX_CANTCREAT);
    strcat(path, "/there/is/none");
    refuse(EX_CANTCREAT);
}

#define letters_case(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        letters_case(a_line_has_everything),
        letters_case(base64_is_padded),
        letters_case(strings_are_escaped),
        letters_case(a_later_run_appends),
        letters_case(beyond_the_limit_nothing_is_added),
        letters_case(without_a_file_each_is_refused),
        letters_case(what_is_no_file_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
