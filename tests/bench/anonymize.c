/* What a pseudonym costs: nanoseconds per value, the median of some rounds. Each value is made as for a record, its text
 * included; "in clear" is the getter alone, and what a method costs is the difference. */
#include "record/anonymize/anonymizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "meter/dissect_text.h"
#include "meter/l7.h"

enum { ROUNDS = 21, VALUES = 20000, TEXT_SIZE = 64 };

struct setting {
    const char *name, *field, *rule; /* no rule: in clear */
    uint8_t ip_version;
};

static const struct setting settings[] = {
    {"IPv4 in clear", "src_ip", NULL, 4},
    {"IPv4 truncate", "src_ip", "truncate:24,48", 4},
    {"IPv4 prefix_preserving", "src_ip", "prefix_preserving", 4},
    {"IPv4 hash", "src_ip", "hash", 4},
    {"IPv4 short_hash", "src_ip", "short_hash", 4},
    {"IPv6 in clear", "src_ip", NULL, 6},
    {"IPv6 truncate", "src_ip", "truncate:24,48", 6},
    {"IPv6 prefix_preserving", "src_ip", "prefix_preserving", 6},
    {"IPv6 hash", "src_ip", "hash", 6},
    {"MAC in clear", "src_mac", NULL, 4},
    {"MAC keep_oui", "src_mac", "keep_oui", 4},
    {"name in clear", "requested_server_name", NULL, 4},
    {"name keep_registered_domain", "requested_server_name", "keep_registered_domain", 4},
};

static struct {
    struct flow flow;
    struct l7 l7;
} block;
static const struct flow_shared shared = {.offset = {[FEATURE_l7] = sizeof block.flow}};
static struct record_scratch scratch;
static _Alignas(8) unsigned char texts[sizeof(struct text_block) + sizeof(uint16_t) + TEXT_SIZE];

static void set_name(const char *name) {
    struct text_block *text = (struct text_block *)texts;
    size_t at = sizeof *text + sizeof *text->offsets;
    text->present = 1u << L7_SERVER_NAME;
    text->offsets[0] = (uint16_t)at;
    memcpy(texts + at, name, strlen(name) + 1);
    block.l7.texts = text;
    block.l7.label = 1;
    block.flow.shared = &shared;
}

/* Addresses of which none comes twice. */
static void draw(uint32_t number) {
    uint32_t mixed = number * 2654435761u;
    for (size_t i = 0; i < sizeof block.flow.key.address_a; i += sizeof mixed)
        memcpy(block.flow.key.address_a + i, &mixed, sizeof mixed);
    memcpy(block.flow.source_mac + 2, &mixed, sizeof mixed);
}

static double nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int compare(const void *left, const void *right) {
    double one = *(const double *)left, other = *(const double *)right;
    return (one > other) - (one < other);
}

static double round_of(struct anonymizer *anonymizer, const struct setting *setting,
                       const struct anonymize_rule *rule, const struct catalogue_row *row) {
    const struct record_source source = {.flow = &block.flow, .scratch = &scratch};
    struct value value;
    double begin = nanoseconds();
    for (uint32_t i = 0; i < VALUES; i++) {
        scratch.text_used = 0;
        draw(i);
        if (setting->rule == NULL)
            row->get(&source, BIDIRECTIONAL, &value);
        else if (!anonymizer_fill(anonymizer, rule, row, BIDIRECTIONAL, true, &source, &value))
            abort();
    }
    return (nanoseconds() - begin) / VALUES;
}

static void measure(struct anonymizer *anonymizer, const struct setting *setting) {
    enum flow_direction direction;
    double rounds[ROUNDS];
    struct anonymize_rule rule = {0};
    const struct catalogue_row *row = catalogue_find_in(setting->field, IN_NATIVE, &direction);
    if (row == NULL || (setting->rule != NULL && anonymize_rule_parse(setting->rule, &rule, NULL) < 0))
        abort();
    block.flow.ip_version = setting->ip_version;
    for (int i = 0; i < ROUNDS; i++)
        rounds[i] = round_of(anonymizer, setting, &rule, row);
    qsort(rounds, ROUNDS, sizeof *rounds, compare);
    printf("%-28s %6.0f ns   (%.0f to %.0f)\n", setting->name, rounds[ROUNDS / 2], rounds[0],
           rounds[ROUNDS - 1]);
}

int main(void) {
    const struct anonymize_key key = {{1, 2, 3}};
    struct anonymizer *anonymizer = anonymizer_create(&key);
    scratch.text = malloc(RECORD_TEXT_SCRATCH);
    if (anonymizer == NULL || scratch.text == NULL)
        return EXIT_FAILURE;
    block.flow.first_flags = PACKET_HAS_MAC;
    set_name("www.shop.example.co.uk");
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        measure(anonymizer, &settings[i]);
    free(scratch.text);
    anonymizer_destroy(anonymizer);
    return EXIT_SUCCESS;
}
