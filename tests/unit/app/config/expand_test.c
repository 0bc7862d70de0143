#include <errno.h>
#include <sys/stat.h>

#include "app/config_text.h"
#include "scratch.h"

static void expands(const char *text, const char *expected) {
    struct error reason = {0};
    char *expanded = NULL;
    if (config_expand(text, &expanded, &reason) < 0)
        fail_msg("%s", reason.text);
    assert_string_equal(expanded, expected);
    free(expanded);
}

static void refuses(const char *text, const char *expected) {
    struct error reason = {0};
    char *expanded = NULL;
    assert_true(config_expand(text, &expanded, &reason) < 0);
    assert_null(expanded);
    assert_line(&reason, EX_CONFIG, expected);
}

static void variables_are_replaced_wherever_they_stand(void **state) {
    (void)state;
    setenv("FS_HOST", "kafka", 1);
    expands("", "");
    expands("plain $text {x}", "plain $text {x}");
    expands("${FS_HOST}", "kafka");
    expands("<${FS_HOST}:${FS_HOST}>", "<kafka:kafka>");
    expands("$ ${FS_HOST}$", "$ kafka$");
}

static void a_default_is_for_what_is_unset_or_empty(void **state) {
    (void)state;
    unsetenv("FS_NONE");
    setenv("FS_EMPTY", "", 1);
    setenv("FS_HOST", "kafka", 1);
    expands("${FS_NONE:-x}", "x");
    expands("${FS_EMPTY:-x}", "x");
    expands("${FS_HOST:-x}", "kafka");
    expands("${FS_NONE:-}", "");
    expands("${FS_EMPTY}", "");
    refuses("a ${FS_NONE} b",
            "${FS_NONE}: the environment has no such variable; set it, or write ${FS_NONE:-default}");
}

static void what_was_replaced_is_not_looked_at_again(void **state) {
    (void)state;
    setenv("FS_LITERAL", "${FS_LITERAL}", 1);
    expands("${FS_LITERAL}", "${FS_LITERAL}");
}

static void two_dollars_are_the_text_of_one(void **state) {
    (void)state;
    expands("$${FS_HOST}", "${FS_HOST}");
    expands("a$$${x}", "a$${x}");
    expands("$$ $${", "$$ ${");
}

static void an_open_brace_needs_its_end(void **state) {
    (void)state;
    refuses("x ${FS_HOST", "\"${\" without its \"}\"");
    refuses("${", "\"${\" without its \"}\"");
}

static void a_file_stands_for_its_content(void **state) {
    (void)state;
    char *path = text_file("secret\nline\r\n\n", 14);
    char text[128], empty[128];
    snprintf(text, sizeof text, "<${file:%s}>", path);
    expands(text, "<secret\nline>");
    unlink(path);
    free(path);
    path = text_file("", 0);
    snprintf(empty, sizeof empty, "<${file:%s}>", path);
    expands(empty, "<>");
    unlink(path);
    free(path);
    refuses(empty, "No such file");
    refuses("${file:/tmp}", "${file:/tmp}: is no regular file");
}

/* Each of these would block, have no end, or be somebody else's choice. */
static void what_is_no_file_of_ours_is_refused(void **state) {
    (void)state;
    char folder[SCRATCH_SIZE], fifo[SCRATCH_SIZE + 8], text[sizeof fifo + 16];
    static char large[64 * 1024 + 1];
    assert_non_null(scratch_make(folder));
    snprintf(fifo, sizeof fifo, "%s/fifo", folder);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    snprintf(text, sizeof text, "x${file:%s}", fifo);
    refuses(text, "/fifo}: is no regular file; write the value into a file and name that");
    scratch_remove(folder);
    refuses("${file:/dev/zero}", "is no regular file");
    refuses("${file:/dev/null}", "is no regular file");
    memset(large, 'a', sizeof large);
    for (size_t size = sizeof large - 1; size <= sizeof large; size++) {
        char *path = text_file(large, size), *expanded = NULL;
        struct error reason = {0};
        snprintf(text, sizeof text, "${file:%s}", path);
        assert_int_equal(config_expand(text, &expanded, &reason), size == sizeof large ? -EINVAL : 0);
        if (size == sizeof large)
            assert_line(&reason, EX_CONFIG, "}: is larger than 65536 bytes");
        free(expanded);
        assert_int_equal(chmod(path, 0602), 0);
        refuses(text,
                "others than its owner may write it (mode 0602), and so choose the secret; run: chmod go-w ");
        unlink(path);
        free(path);
    }
}

/* What the kernel shows of the environment is where getenv() points. */
static void a_variable_of_a_secret_is_taken_out_of_the_environment(void **state) {
    (void)state;
    setenv("FS_PASSWORD", "hunter2", 1);
    setenv("FS_USER", "sensor", 1);
    expands("sasl.username=${FS_USER}", "sasl.username=sensor");
    expands("x=${FS_PASSWORD}", "x=hunter2");
    assert_string_equal(getenv("FS_PASSWORD"), "hunter2");
    expands("sasl.password=<${FS_PASSWORD}>", "sasl.password=<hunter2>");
    assert_string_equal(getenv("FS_PASSWORD"), "");
    assert_string_equal(getenv("FS_USER"), "sensor");
    expands("SASL.Password=${FS_PASSWORD:-none}", "SASL.Password=hunter2");
    expands("x=${FS_PASSWORD}", "x=hunter2");
    expands("ssl.key.password=${FS_NONE:-none}", "ssl.key.password=none");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(variables_are_replaced_wherever_they_stand),
        cmocka_unit_test(a_default_is_for_what_is_unset_or_empty),
        cmocka_unit_test(what_was_replaced_is_not_looked_at_again),
        cmocka_unit_test(two_dollars_are_the_text_of_one),
        cmocka_unit_test(an_open_brace_needs_its_end),
        cmocka_unit_test(a_file_stands_for_its_content),
        cmocka_unit_test(what_is_no_file_of_ours_is_refused),
        cmocka_unit_test(a_variable_of_a_secret_is_taken_out_of_the_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
