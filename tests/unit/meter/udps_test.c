/* User-defined fields: how wrong ones are refused. What they count and are called with is in tests/unit/feature/. */
#include "meter/udps.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "plugins.h"

static void refuse(const char *packets, const char *bytes, const char *plugin, const char *says) {
    struct udps *udps = NULL;
    struct error error = {0};
    assert_int_equal(load_udps(packets, bytes, plugin, &udps, &error), -EINVAL);
    assert_null(udps);
    if (strstr(error.text, says) == NULL)
        fail_msg("\"%s\" is not in: %s", says, error.text);
    assert_int_equal(error.exit_code, EX_CONFIG);
    assert_null(strchr(error.text, '\n'));
}

static void wrong_counters_are_refused(void **state) {
    (void)state;
    refuse("tcp", NULL, NULL, "udps.packets: \"tcp\" is not of the form NAME=EXPRESSION");
    refuse("=tcp", NULL, NULL, "is not of the form NAME=EXPRESSION");
    refuse("1st=tcp", NULL, NULL, "is not of the form NAME=EXPRESSION");
    refuse("a-b=tcp", NULL, NULL, "is not of the form NAME=EXPRESSION");
    refuse("nothing= ", NULL, NULL, "is not of the form NAME=EXPRESSION");
    refuse("a23456789012345678901234567890123456789012345678_=tcp", NULL, NULL, "at most 48");
    refuse(NULL, "bad=tcp prot 80", NULL, "udps.bytes: bad: \"tcp prot 80\": ");
    refuse("bad=vlan 5", NULL, NULL, "udps.packets: bad: \"vlan 5\": ");
    refuse("same=tcp", "same=udp", NULL, "the field dst2src_same is there twice (same, same)");
    refuse("a=tcp", "src2dst_a=udp", NULL, "the field src2dst_a is there twice");
}

static void wrong_plugins_are_refused(void **state) {
    (void)state;
    refuse(NULL, NULL, "", "names no file");
    refuse(NULL, NULL, "/nowhere/x.so", "/nowhere/x.so: No such file or directory; give the path");
    refuse(NULL, NULL, "/dev/null", "build it as a shared object for this machine");
    refuse(NULL, NULL, plugin_entry("none", "x"), "parameter \"x\" is not of the form name=value");
    refuse(NULL, NULL, plugin_entry("none", "other=1"), "none.so: unknown parameter other");
    refuse(NULL, NULL, plugin_entry("none", "fail=1"), "none.so: xxxx");
    refuse(NULL, NULL, plugin_entry("none", "state=16777217"), "its state takes more than 16 MiB");
    refuse(NULL, NULL, plugin_entry("symbol", ""), "it has no symbol flowsensor_plugin");
    refuse(NULL, NULL, plugin_entry("abi", ""),
           "it has interface version 2, this sensor has version 1; build it");
    refuse(NULL, NULL, plugin_entry("size", ""), "its structures have other sizes than this sensor's");
    refuse(NULL, NULL, plugin_entry("version", ""), "it does not say its name and version");
    refuse(NULL, NULL, plugin_entry("name", ""), "field \"not-a-name\": its name is not made of letters");
    refuse(NULL, NULL, plugin_entry("type", ""), "field \"probe_text\": it has an unknown type");
    refuse(NULL, NULL, plugin_entry("pii", ""), "it has an unknown PII class");
    refuse(NULL, NULL, plugin_entry("doc", ""), "it has no doc");
    refuse(NULL, NULL, plugin_entry("get", ""), "it has fields but no get");
    refuse(NULL, NULL, plugin_entry("parameters", "a=1"), "it takes no parameters");
    refuse(NULL, NULL, plugin_entry("twice", ""), "the field probe_text is there twice");
    refuse("probe_int=tcp", NULL, plugin_entry("none", ""), "the field probe_int is there twice (");
}

static void nothing_configured_is_nothing(void **state) {
    (void)state;
    struct udps *udps;
    assert_int_equal(load_udps(NULL, NULL, NULL, &udps, NULL), 0);
    assert_null(udps);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_counters_are_refused),
        cmocka_unit_test(wrong_plugins_are_refused),
        cmocka_unit_test(nothing_configured_is_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
