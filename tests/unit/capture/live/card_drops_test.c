/* Network cards: which count, and that one which goes away makes room. What a card drops can't be made here. */
#include "capture/live/card_drops.h"

#include <net/if_arp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { CARDS = 64 };

static struct interface interface_of(uint32_t index, const char *name, const char *kind, uint16_t hardware) {
    struct interface interface = {.link = {.index = index, .hardware = hardware}};
    snprintf(interface.link.name, sizeof interface.link.name, "%s", name);
    snprintf(interface.link.kind, sizeof interface.link.kind, "%s", kind);
    return interface;
}

static void add(struct card_drops *drops, uint32_t index, const char *name) {
    struct interface interface = interface_of(index, name, "", ARPHRD_ETHER);
    card_drops_add(drops, &interface);
}

static void write_down(void *context, const char *interface, uint64_t dropped) {
    char *text = context;
    size_t length = strlen(text);
    snprintf(text + length, 512 - length, "%s=%llu ", interface, (unsigned long long)dropped);
}

static void assert_told(struct card_drops *drops, const char *expected) {
    char text[512] = "";
    card_drops_tell(drops, write_down, text);
    assert_string_equal(text, expected);
}

static void cards_count_and_others_do_not(void **state) {
    (void)state;
    struct card_drops *drops = card_drops_create();
    struct interface veth = interface_of(7, "veth0", "veth", ARPHRD_ETHER);
    struct interface loopback = interface_of(1, "lo", "", ARPHRD_LOOPBACK);
    assert_told(drops, "");
    card_drops_add(drops, &veth);
    card_drops_add(drops, &loopback);
    assert_told(drops, "");
    /* The kernel has no file of such a name: 0. */
    add(drops, 2, "no-such-0");
    add(drops, 3, "no-such-1");
    add(drops, 3, "known");
    assert_told(drops, "no-such-0=0 no-such-1=0 ");
    card_drops_look(drops);
    assert_int_equal(card_drops_sum(drops), 0);
    card_drops_remove(drops, 2);
    card_drops_remove(drops, 99);
    assert_told(drops, "no-such-1=0 ");
    card_drops_destroy(drops);
    card_drops_destroy(NULL);
}

static void a_host_with_too_many_counts_the_first_ones(void **state) {
    (void)state;
    struct card_drops *drops = card_drops_create();
    for (uint32_t i = 0; i < CARDS; i++)
        add(drops, i + 1, "x");
    add(drops, CARDS + 1, "late");
    card_drops_remove(drops, 1);
    add(drops, CARDS + 2, "next");
    char text[512] = "";
    card_drops_tell(drops, write_down, text);
    assert_non_null(strstr(text, "next=0 "));
    assert_null(strstr(text, "late"));
    card_drops_destroy(drops);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cards_count_and_others_do_not),
        cmocka_unit_test(a_host_with_too_many_counts_the_first_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
