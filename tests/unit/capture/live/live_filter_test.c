/* The program of a packet socket, run by a machine of our own: libpcap's doesn't know what only the kernel can load. */
#include "capture/live/live_filter.h"

#include <linux/if_arp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { KEPT = 1536, MANY = 600 };

/* What a program reads of a frame. */
struct seen {
    uint32_t interface;
    uint16_t hardware;
    uint8_t ip_protocol; /* of an IPv4 packet right behind the link header */
};

static uint32_t load(const struct seen *seen, const struct sock_filter *instruction) {
    switch ((int)instruction->k) {
    case SKF_AD_OFF + SKF_AD_IFINDEX: return seen->interface;
    case SKF_AD_OFF + SKF_AD_HATYPE: return seen->hardware;
    case 12: return 0x0800;                /* Ethernet: its type */
    case 14 + 9: return seen->ip_protocol; /* Ethernet: protocol */
    case SKF_NET_OFF + 0: return 0x45;     /* IP: version */
    case SKF_NET_OFF + 9: return seen->ip_protocol;
    default: fail_msg("a load of %d", (int)instruction->k); return 0;
    }
}

static uint32_t run(const struct sock_fprog *program, const struct seen *seen) {
    uint32_t accumulator = 0;
    for (size_t at = 0; at < program->len; at++) {
        const struct sock_filter *instruction = &program->filter[at];
        bool holds = false;
        switch (instruction->code) {
        case BPF_LD | BPF_W | BPF_ABS:
        case BPF_LD | BPF_H | BPF_ABS:
        case BPF_LD | BPF_B | BPF_ABS: accumulator = load(seen, instruction); continue;
        case BPF_ALU | BPF_AND | BPF_K: accumulator &= instruction->k; continue;
        case BPF_JMP | BPF_JA: at += instruction->k; continue;
        case BPF_RET | BPF_K: return instruction->k;
        case BPF_JMP | BPF_JEQ | BPF_K: holds = accumulator == instruction->k; break;
        case BPF_JMP | BPF_JGT | BPF_K: holds = accumulator > instruction->k; break;
        default: fail_msg("an instruction %#x", instruction->code);
        }
        at += holds ? instruction->jt : instruction->jf;
    }
    fail_msg("the program has no end");
    return 0;
}

static struct live_filter *make(const char *text) {
    struct live_filter *filter = NULL;
    struct error error = {0};
    if (live_filter_create(text, ARPHRD_ETHER, "eth0", NULL, KEPT, &filter, &error) < 0)
        fail_msg("%s", error.text);
    return filter;
}

static void everything_passes_without_words(void **state) {
    (void)state;
    struct live_filter *filter = make(NULL);
    const struct sock_fprog *program = live_filter_program(filter, NULL, 0);
    assert_int_equal(program->len, 1);
    assert_int_equal(run(program, &(struct seen){.interface = 5}), KEPT);
    assert_int_equal(
        run(live_filter_program(filter, (const uint32_t[]){0}, 0), &(struct seen){.interface = 5}), 0);
    live_filter_destroy(filter);
}

/* Each number of interfaces up to some, and the most that the kernel takes. */
static void interfaces_are_searched(void **state) {
    (void)state;
    uint32_t indices[MANY];
    struct live_filter *filter = make(NULL);
    for (size_t i = 0; i < MANY; i++)
        indices[i] = (uint32_t)(3 * i + 2);
    for (size_t count = 1; count <= MANY; count += count < 40 ? 1 : 140) {
        const struct sock_fprog *program = live_filter_program(filter, indices, count);
        assert_true(program->len < BPF_MAXINSNS);
        for (uint32_t index = 1; index < 3 * count + 5; index++)
            assert_int_equal(run(program, &(struct seen){.interface = index}),
                             index % 3 == 2 && index / 3 < count ? KEPT : 0);
    }
    live_filter_destroy(filter);
}

static void too_many_interfaces_all_pass(void **state) {
    (void)state;
    static uint32_t indices[MANY + 1];
    struct live_filter *filter = make(NULL);
    for (uint32_t i = 0; i <= MANY; i++)
        indices[i] = i + 1;
    assert_int_equal(run(live_filter_program(filter, indices, MANY + 1), &(struct seen){.interface = 70000}),
                     KEPT);
    live_filter_destroy(filter);
}

static void each_kind_of_hardware_has_its_program(void **state) {
    (void)state;
    struct live_filter *filter = make("udp");
    const struct sock_fprog *program = live_filter_program(filter, (const uint32_t[]){4, 9}, 2);
    static const uint16_t kinds[] = {ARPHRD_ETHER, ARPHRD_LOOPBACK, ARPHRD_NONE, ARPHRD_PPP, ARPHRD_IPGRE};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        assert_int_equal(run(program, &(struct seen){4, kinds[i], 17}), KEPT);
        assert_int_equal(run(program, &(struct seen){4, kinds[i], 6}), 0);
        assert_int_equal(run(program, &(struct seen){5, kinds[i], 17}), 0);
    }
    live_filter_destroy(filter);
}

static void one_interface_needs_the_program_of_its_kind(void **state) {
    (void)state;
    struct live_filter *filter = make("udp");
    size_t of_all = live_filter_program(filter, NULL, 0)->len;
    const struct sock_fprog *program = live_filter_of_one(filter, ARPHRD_LOOPBACK);
    assert_true(program->len < of_all / 2);
    assert_int_equal(run(program, &(struct seen){4, ARPHRD_LOOPBACK, 17}), KEPT);
    assert_int_equal(run(program, &(struct seen){4, ARPHRD_LOOPBACK, 6}), 0);
    program = live_filter_of_one(filter, ARPHRD_PPP);
    assert_int_equal(run(program, &(struct seen){4, ARPHRD_PPP, 17}), KEPT);
    assert_int_equal(run(program, &(struct seen){4, ARPHRD_PPP, 6}), 0);
    live_filter_destroy(filter);
    filter = make(NULL);
    assert_int_equal(live_filter_of_one(filter, ARPHRD_ETHER)->len, 1);
    live_filter_destroy(filter);
}

static void what_cannot_be_compiled_is_refused(void **state) {
    (void)state;
    struct live_filter *filter = NULL;
    struct error error = {0};
    assert_true(live_filter_create("no such word", ARPHRD_ETHER, "eth0", NULL, KEPT, &filter, &error) < 0);
    assert_null(filter);
    assert_int_equal(error.exit_code, EX_CONFIG);
    assert_non_null(strstr(error.text, "can't be compiled for eth0"));
    /* Of addresses of Ethernet there is nothing on others. */
    filter = make("ether host 02:00:00:00:00:01");
    assert_int_equal(run(live_filter_program(filter, NULL, 0), &(struct seen){1, ARPHRD_NONE, 17}), 0);
    live_filter_destroy(filter);
}

static void a_program_may_be_too_long(void **state) {
    (void)state;
    enum { HOSTS = 220 };
    char *text = malloc(HOSTS * 24), *at = text;
    for (int i = 0; i < HOSTS; i++)
        at += sprintf(at, "%shost 10.1.%d.%d", i > 0 ? " or " : "", i / 250, i % 250);
    struct live_filter *filter = make(text);
    assert_null(live_filter_program(filter, NULL, 0));
    live_filter_destroy(filter);
    free(text);
}

static void words_that_take_an_interface_are_known(void **state) {
    (void)state;
    static const struct {
        const char *text, *word;
    } cases[] = {
        {"vlan", "vlan"},
        {"udp and (vlan 7)", "vlan"},
        {"not inbound", "inbound"},
        {"tcp or outbound", "outbound"},
        {"ifindex 3", "ifindex"},
        {"host vlan.example.org or host my-vlan or vlan7", NULL},
        {"ip[2:2] = 40 and !(tcp port 22)", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *word = live_filter_needs_interface(cases[i].text);
        assert_int_equal(word == NULL, cases[i].word == NULL);
        if (word != NULL)
            assert_string_equal(word, cases[i].word);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_that_take_an_interface_are_known),
        cmocka_unit_test(everything_passes_without_words),
        cmocka_unit_test(interfaces_are_searched),
        cmocka_unit_test(too_many_interfaces_all_pass),
        cmocka_unit_test(each_kind_of_hardware_has_its_program),
        cmocka_unit_test(one_interface_needs_the_program_of_its_kind),
        cmocka_unit_test(what_cannot_be_compiled_is_refused),
        cmocka_unit_test(a_program_may_be_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
