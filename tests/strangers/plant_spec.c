#include "plant_spec.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The line that is being read; one at a time. */
static char line[PLANT_LINE_SIZE];

static bool next_line(FILE *file) {
    if (fgets(line, sizeof line, file) == NULL)
        return false;
    line[strcspn(line, "\n")] = '\0';
    return true;
}

/* The words behind `name`, or NULL if the line begins with another word. */
static const char *words_of(const char *name) {
    size_t length = strlen(name);
    return strncmp(line, name, length) == 0 && line[length] == ' ' ? line + length + 1 : NULL;
}

static bool misread(void) {
    fprintf(stderr, "plant: can't read the line: %.60s\n", line);
    return false;
}

/* Bytes from hex digits; returns how many. */
static size_t take_hex(const char *digits, void *bytes, size_t size) {
    unsigned char *out = bytes;
    size_t count = 0;
    unsigned octet;
    while (count < size && sscanf(digits + 2 * count, "%2x", &octet) == 1)
        out[count++] = (unsigned char)octet;
    return count;
}

/* A word of any length into a field of fixed size. */
static bool take_word(const char *words, char *field, size_t size) {
    size_t length = strlen(words);
    if (length >= size)
        return false;
    memcpy(field, words, length + 1);
    return true;
}

static bool take_header_line(struct plant_header *header) {
    const char *words;
    unsigned group;
    if ((words = words_of("profile")))
        header->meter.profile = strcmp(words, "nfstream") == 0 ? PROFILE_NFSTREAM : PROFILE_NATIVE;
    else if ((words = words_of("schema")))
        return take_word(words, header->schema, sizeof header->schema);
    else if ((words = words_of("sensor_id")))
        return take_word(words, header->identity.sensor_id, sizeof header->identity.sensor_id);
    else if ((words = words_of("boot_id")))
        return take_word(words, header->identity.boot_id, sizeof header->identity.boot_id);
    else if ((words = words_of("ndpi_version")))
        return take_word(words, header->ndpi_version, sizeof header->ndpi_version);
    else if ((words = words_of("key")))
        return sscanf(words, "%" SCNx64 " %" SCNx64, &header->identity.key.word[0],
                      &header->identity.key.word[1]) == 2;
    else if ((words = words_of("loss")))
        return header->has_loss = sscanf(words, "%" SCNd64, &header->loss_time) == 1;
    else if ((words = words_of("splt_analysis")))
        return sscanf(words, "%" SCNu32, &header->meter.splt_analysis) == 1 &&
               header->meter.splt_analysis <= PLANT_PLACES;
    else if ((words = words_of("off")) && sscanf(words, "%u", &group) == 1)
        header->groups_on &= ~(1u << group);
    else
        return false;
    return true;
}

bool plant_read_header(FILE *file, struct plant_header *header) {
    *header = (struct plant_header){.groups_on = (1u << GROUP_COUNT) - 1};
    while (next_line(file) && strcmp(line, "flows") != 0) {
        if (!take_header_line(header))
            return misread();
    }
    header->identity.ndpi_version = header->ndpi_version;
    header->identity.meter = &header->meter;
    header->identity.decode_tunnels = (header->groups_on & 1u << GROUP_TUNNEL) != 0;
    header->meter.statistical_analysis = (header->groups_on & 1u << GROUP_STATS) != 0;
    header->meter.n_dissections = (header->groups_on & 1u << GROUP_L7) != 0 ? 20 : 0;
    return true;
}

static bool take_ends(const char *words, struct flow *flow) {
    return sscanf(words, "%" SCNu16 " %" SCNu16 " %" SCNu16 " %" SCNu16 " %" SCNu8, &flow->source_port,
                  &flow->destination_port, &flow->key.port_a, &flow->key.port_b, &flow->source_is_b) == 5;
}

static bool take_network(const char *words, struct flow *flow) {
    bool taken = sscanf(words, "%" SCNu8 " %" SCNu8 " %" SCNu16 " %" SCNu8 " %" SCNu8, &flow->protocol,
                        &flow->ip_version, &flow->vlan_id, &flow->tunnel, &flow->key.ip_version) == 5;
    flow->key.protocol = flow->protocol;
    flow->key.vlan_id = flow->vlan_id;
    flow->key.tunnel = flow->tunnel;
    return taken;
}

static bool take_addresses(const char *words, struct flow *flow) {
    take_hex(words, flow->source, sizeof flow->source);
    take_hex(words + 33, flow->destination, sizeof flow->destination);
    memcpy(flow->key.address_a, flow->source_is_b ? flow->destination : flow->source, sizeof flow->source);
    memcpy(flow->key.address_b, flow->source_is_b ? flow->source : flow->destination, sizeof flow->source);
    return strlen(words) == 65;
}

static bool take_macs(const char *words, struct flow *flow) {
    return take_hex(words, flow->source_mac, 6) == 6 && take_hex(words + 13, flow->destination_mac, 6) == 6;
}

static bool take_life(const char *words, struct flow *flow) {
    return sscanf(words, "%" SCNu32 " %" SCNu8 " %" SCNd64, &flow->slice, &flow->end_reason,
                  &flow->uid_time) == 3;
}

static bool take_flags(const char *words, struct flow *flow) {
    return sscanf(words, "%" SCNu8 " %" SCNu8 " %" SCNu8 " %" SCNu8 " %" SCNu8, &flow->first_flags,
                  &flow->seen_flags, &flow->first_tcp_flags, &flow->icmp_type, &flow->icmp_code) == 5;
}

static bool take_counters(const char *words, struct flow *flow) {
    unsigned d;
    struct flow_counters c;
    if (sscanf(words, "%u %" SCNd64 " %" SCNd64 " %" SCNu64 " %" SCNu64, &d, &c.first_seen, &c.last_seen,
               &c.packets, &c.bytes) != 5 ||
        d >= FLOW_DIRECTIONS)
        return false;
    flow->counters[d] = c;
    return true;
}

static bool take_running(const char *words, struct stats *stats, bool of_sizes) {
    unsigned d;
    struct running r;
    if (sscanf(words, "%u %" SCNu64 " %" SCNu64 " %la %la", &d, &r.min, &r.max, &r.mean, &r.m2) != 5 ||
        d >= FLOW_DIRECTIONS)
        return false;
    *(of_sizes ? &stats->direction[d].size : &stats->direction[d].interval) = r;
    return true;
}

static bool take_tcp(const char *words, struct stats *stats) {
    unsigned d;
    uint32_t n[FLAG_COUNTERS];
    if (sscanf(words, "%u %u %u %u %u %u %u %u %u", &d, &n[0], &n[1], &n[2], &n[3], &n[4], &n[5], &n[6],
               &n[7]) != 9 ||
        d >= FLOW_DIRECTIONS)
        return false;
    memcpy(stats->direction[d].flags, n, sizeof n);
    return true;
}

static bool take_packet(const char *words, struct splt *splt) {
    uint8_t direction;
    uint32_t size;
    int64_t interval;
    uint32_t at = splt->length;
    if (sscanf(words, "%" SCNu8 " %" SCNu32 " %" SCNd64, &direction, &size, &interval) != 3 ||
        at >= splt->capacity)
        return false;
    unsigned char *sizes = splt->places + splt->capacity * sizeof interval;
    memcpy(splt->places + at * sizeof interval, &interval, sizeof interval);
    memcpy(sizes + at * sizeof size, &size, sizeof size);
    sizes[splt->capacity * sizeof size + at] = direction;
    splt->length++;
    return true;
}

/* Texts come in the order of their numbers, a long one last: offsets have 16 bits. */
static bool take_text(const char *words, struct plant *plant) {
    static size_t used;
    struct text_block *block = (struct text_block *)plant->texts;
    unsigned which;
    int behind;
    if (sscanf(words, "%u %n", &which, &behind) != 1 || which >= L7_TEXTS)
        return false;
    if (block->present == 0)
        used = sizeof *block + 2 * L7_TEXTS;
    if (used > UINT16_MAX)
        return false;
    /* An earlier number may come later, so that a long server name can lie behind all other texts. */
    unsigned before = (unsigned)__builtin_popcount(block->present & ((1u << which) - 1));
    unsigned count = (unsigned)__builtin_popcount(block->present);
    memmove(block->offsets + before + 1, block->offsets + before, (count - before) * sizeof *block->offsets);
    block->offsets[before] = (uint16_t)used;
    block->present = (uint16_t)(block->present | 1u << which);
    used += take_hex(words + behind, plant->texts + used, sizeof plant->texts - used - 1);
    plant->texts[used++] = '\0';
    plant->l7.texts = block;
    return true;
}

static bool take_name(const char *words, char *name) {
    name[take_hex(words, name, PLANT_LINE_SIZE - 1)] = '\0';
    return true;
}

static bool take_label(const char *words, struct l7 *l7) {
    unsigned guessed;
    bool taken = sscanf(words, "%" SCNu8 " %u", &l7->confidence, &guessed) == 2;
    l7->guessed = guessed != 0;
    return taken;
}

static bool take_core_line(struct flow *flow) {
    const char *words;
    if ((words = words_of("ends")))
        return take_ends(words, flow);
    if ((words = words_of("addresses")))
        return take_addresses(words, flow);
    if ((words = words_of("macs")))
        return take_macs(words, flow);
    if ((words = words_of("network")))
        return take_network(words, flow);
    if ((words = words_of("life")))
        return take_life(words, flow);
    if ((words = words_of("flags")))
        return take_flags(words, flow);
    words = words_of("counters");
    return words != NULL && take_counters(words, flow);
}

static bool take_feature_line(struct plant *plant) {
    const char *words;
    if ((words = words_of("sizes")))
        return take_running(words, &plant->stats, true);
    if ((words = words_of("intervals")))
        return take_running(words, &plant->stats, false);
    if ((words = words_of("tcp")))
        return take_tcp(words, &plant->stats);
    if ((words = words_of("packet")))
        return take_packet(words, (struct splt *)plant->splt);
    if ((words = words_of("text")))
        return take_text(words, plant);
    if ((words = words_of("application")))
        return take_name(words, plant->application);
    if ((words = words_of("category")))
        return take_name(words, plant->category);
    words = words_of("label");
    return words != NULL && take_label(words, &plant->l7);
}

static void hang_features(const struct plant_header *header, struct plant *plant) {
    unsigned on = header->groups_on;
    plant->l7.application_name = plant->application;
    plant->l7.category_name = plant->category;
    plant->flow.feature[FEATURE_stats] = on & 1u << GROUP_STATS ? &plant->stats : NULL;
    plant->flow.feature[FEATURE_splt] = on & 1u << GROUP_SPLT ? plant->splt : NULL;
    plant->flow.feature[FEATURE_l7] = on & 1u << GROUP_L7 ? &plant->l7 : NULL;
}

int plant_read_flow(FILE *file, const struct plant_header *header, struct plant *plant) {
    memset(plant, 0, sizeof *plant);
    *(struct splt *)plant->splt =
        (struct splt){.capacity = (uint16_t)header->meter.splt_analysis, .wide = true};
    bool any = false;
    while (next_line(file)) {
        if (strcmp(line, "end") == 0) {
            hang_features(header, plant);
            return 1;
        }
        any = true;
        if (!take_core_line(&plant->flow) && !take_feature_line(plant)) {
            misread();
            return -1;
        }
    }
    if (any)
        fputs("plant: the last flow has no line \"end\"\n", stderr);
    return any ? -1 : 0;
}
