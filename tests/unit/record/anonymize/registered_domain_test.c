/* What of a server's name is kept: the domain that somebody registered, and nothing that is an address or a person. */
#include "record/anonymize/registered_domain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "allocations.h"

static const struct {
    const char *name, *kept;
} cases[] = {
    {"www.example.com", "example.com"},
    {"example.com", "example.com"},
    {"com", "com"},
    {"a.b.c.example.co.uk", "example.co.uk"},
    {"co.uk", "co.uk"},
    {"xn--bcher-kva.example.de", "example.de"},
    {"www.xn--bcher-kva.de", "xn--bcher-kva.de"},
    /* Exceptions and wildcards of the list. */
    {"www.city.kawasaki.jp", "city.kawasaki.jp"},
    {"www.ck", "www.ck"},
    {"a.b.c.d.e.f.g.h.i.j.nom.br", "i.j.nom.br"},
    /* What people register below somebody's domain is theirs: the list's private part is not asked. */
    {"alice.github.io", "github.io"},
    {"alice.dyndns.org", "dyndns.org"},
    {"192-168-1-5.nip.io", "nip.io"},
    {"ec2-203-0-113-7.compute-1.amazonaws.com", "amazonaws.com"},
    /* Addresses and telephone numbers. */
    {"7.113.0.203.in-addr.arpa", "in-addr.arpa"},
    {"1.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", "ip6.arpa"},
    {"in-addr.arpa", "in-addr.arpa"},
    {"4.3.2.1.9.4.e164.arpa", "e164.arpa"},
    {"203.0.113.7", ""},
    {"203.0.113.7:8080", ""},
    {"[2001:db8::1]", ""},
    {"2001:db8::1", ""},
    /* No registry has these. */
    {"localhost", ""},
    {"alices-macbook.local", ""},
    {"_ssh._tcp.local", ""},
    {"printer.lan", ""},
    {"alice.internal", ""},
    /* No host names. */
    {"", ""},
    {".", ""},
    {"..", ""},
    {"alice.", ""},
    {"alice..", ""},
    {"www..example.com", ""},
    {"com..", ""},
    {".com", ""},
    {"a..com", ""},
    {"alice:secret@example.com", ""},
    {"alice@www.example.com", "example.com"},
    {"alice:secret.kawasaki.jp", ""},
    {"example.com:8080", ""},
    {"b\xc3\xbc"
     "cher.example.com",
     ""},
    {"sp ace.com", ""},
};

static void what_is_kept(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t length = strlen(cases[i].name), at = registered_domain(cases[i].name, length);
        if (at > length || strcmp(cases[i].name + at, cases[i].kept) != 0)
            fail_msg("%s: %s is kept", cases[i].name, cases[i].name + at);
    }
}

static void longer_than_a_name_can_be(void **state) {
    (void)state;
    char name[512];
    memset(name, 'a', sizeof name);
    memcpy(name + 300, ".example.com", 13);
    assert_int_equal(registered_domain(name, 312), 312);
}

/* Whatever was asked for: what is kept is a host's name of at most one label more than a suffix has. */
static void nothing_else_is_ever_kept(void **state) {
    (void)state;
    static const char *const parts[] = {"com", "co.uk",    "example", "in-addr",  "arpa", "local", "10",
                                        "::1", "@",        ":80",     "",         ".",    " ",     "\xc3\xbc",
                                        "jp",  "kawasaki", "_tcp",    "xn--p1ai", "%",    "["};
    uint64_t random = 88172645463325252;
    for (int i = 0; i < 200000; i++) {
        char name[256] = "";
        size_t length = 0;
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        for (unsigned part = 0; part < 1 + random % 7; part++)
            length += (size_t)snprintf(name + length, sizeof name - length, "%s%s", part > 0 ? "." : "",
                                       parts[(random >> 8 * part) % (sizeof parts / sizeof *parts)]);
        size_t at = registered_domain(name, length);
        assert_true(at <= length && (at == 0 || at == length || name[at - 1] == '.'));
        bool is_local = length >= 5 && memcmp(name + length - 5, "local", 5) == 0;
        if (strspn(name + at, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != length - at ||
            strstr(name + at, "..") != NULL || strstr(name + at, "10.in-addr.arpa") != NULL ||
            (is_local && at < length))
            fail_msg("%s: %s is kept", name, name + at);
    }
}

static void the_list_has_a_name(void **state) {
    (void)state;
    assert_non_null(public_suffix_list_id());
    assert_int_equal(strspn(public_suffix_list_id(), "0123456789abcdef"), 40);
}

static void nothing_is_allocated(void **state) {
    (void)state;
    registered_domain("www.example.com", 15);
    size_t before = allocations;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        registered_domain(cases[i].name, strlen(cases[i].name));
    assert_int_equal(allocations, before);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_kept),
        cmocka_unit_test(longer_than_a_name_can_be),
        cmocka_unit_test(nothing_else_is_ever_kept),
        cmocka_unit_test(the_list_has_a_name),
        cmocka_unit_test(nothing_is_allocated),
    };
    count_allocations();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
