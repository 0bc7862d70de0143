/* The ports of tunnels: what is written, what it means, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "decode/tunnel/tunnel.h"
#include "decode/tunnel_ports.h"

#define SET(ports, error, ...)                                  \
    tunnel_ports_set(ports, (const char *const[]){__VA_ARGS__}, \
                     sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *), error)

static const char *owner(const struct tunnel_ports *ports, uint16_t port) {
    size_t row = tunnel_ports_row(ports, port);
    assert_int_equal(row != TUNNEL_ROWS, tunnel_ports_have(ports, port));
    return row == TUNNEL_ROWS ? "" : tunnel_rows[row].name;
}

static void usual_ports(void **state) {
    (void)state;
    struct tunnel_ports ports;
    assert_int_equal(tunnel_ports_set(&ports, NULL, 0, NULL), 0);
    assert_string_equal(owner(&ports, 4789), "vxlan");
    assert_string_equal(owner(&ports, 8472), "vxlan");
    assert_string_equal(owner(&ports, 2152), "gtp_u");
    assert_string_equal(owner(&ports, 6081), "geneve");
    assert_string_equal(owner(&ports, 47), ""); /* the number of a protocol, not of a port */
    size_t usual = 0;
    for (size_t row = 0; row < TUNNEL_ROWS; row++)
        for (size_t i = 0; i < TUNNEL_NUMBERS_MAX; i++)
            usual += tunnel_rows[row].carrier == TUNNEL_OVER_UDP && tunnel_rows[row].numbers[i] != 0;
    assert_int_equal(ports.count, usual);
}

static void given_ports_take_the_place_of_the_usual_ones(void **state) {
    (void)state;
    struct tunnel_ports ports;
    assert_int_equal(SET(&ports, NULL, "vxlan=1,65535,4790,1", "vxlan_gpe=", "geneve=4789"), 0);
    assert_string_equal(owner(&ports, 1), "vxlan");
    assert_string_equal(owner(&ports, 65535), "vxlan");
    assert_string_equal(owner(&ports, 4790), "vxlan");
    assert_string_equal(owner(&ports, 8472), "");
    assert_string_equal(owner(&ports, 4789), "geneve");
    assert_string_equal(owner(&ports, 6081), "");
    assert_string_equal(owner(&ports, 5247), "capwap"); /* not named */
}

/* As --set cuts it. */
static void a_list_may_be_cut_at_its_commas(void **state) {
    (void)state;
    struct tunnel_ports one, other;
    char text[TUNNEL_PORTS_TEXT_SIZE], same[TUNNEL_PORTS_TEXT_SIZE];
    assert_int_equal(SET(&one, NULL, "vxlan=7,5,6", "geneve=9"), 0);
    assert_int_equal(SET(&other, NULL, "vxlan=6", "5", "7", "geneve=9"), 0);
    tunnel_ports_format(&one, text);
    tunnel_ports_format(&other, same);
    assert_string_equal(text, same);
    assert_non_null(strstr(text, " vxlan=5,6,7 "));
    assert_non_null(strstr(text, " geneve=9 "));
    assert_memory_equal(text, "gtp_u=2152 ", 11);
}

static void assert_refused(const char *one, const char *other, const char *expected) {
    struct tunnel_ports ports;
    struct error error = {0};
    const char *items[] = {one, other};
    assert_true(tunnel_ports_set(&ports, items, other == NULL ? 1 : 2, &error) < 0);
    assert_int_equal(error.exit_code, EX_CONFIG);
    if (strstr(error.text, expected) == NULL)
        fail_msg("%s", error.text);
}

static void what_is_refused(void **state) {
    (void)state;
    assert_refused("vxlan", NULL, "\"vxlan\" has no ports");
    assert_refused("4789", NULL, "\"4789\" has no ports");
    assert_refused("gre=47", NULL, "\"gre=47\" names no tunnel that has ports; they are gtp_u, capwap, ");
    assert_refused("=5", NULL, "names no tunnel");
    assert_refused("vxla=5", NULL, "names no tunnel");
    assert_refused("vxlan=0", NULL, "expected ports from 1 to 65535");
    assert_refused("vxlan=65536", NULL, "got \"65536\"");
    assert_refused("vxlan=4789,99999999999999999999", NULL, "got \"99999999999999999999\"");
    assert_refused("vxlan=4789,", NULL, "expected ports");
    assert_refused("vxlan=,4789", NULL, "expected ports");
    assert_refused("vxlan=47 89", NULL, "expected ports");
    assert_refused("vxlan=+1", NULL, "expected ports");
    assert_refused("vxlan=0x10", NULL, "expected ports");
    assert_refused("vxlan=5", "6x", "expected ports");
    assert_refused("vxlan=5", "vxlan=6", "vxlan is given twice");
    assert_refused("vxlan=5", "geneve=5", "port 5 belongs to both vxlan and geneve");
    assert_refused("l2tp=8472", NULL, "port 8472 belongs to both l2tp and vxlan");
    char many[512] = "vxlan=";
    for (unsigned port = 10000; port <= 10000 + TUNNEL_PORTS_MAX; port++)
        sprintf(many + strlen(many), "%s%u", port == 10000 ? "" : ",", port);
    assert_refused(many, NULL, "more than 64 ports");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usual_ports),
        cmocka_unit_test(given_ports_take_the_place_of_the_usual_ones),
        cmocka_unit_test(a_list_may_be_cut_at_its_commas),
        cmocka_unit_test(what_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
