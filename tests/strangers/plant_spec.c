#include "plant_spec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "feature/states.h"
#include "meter/dissect_text.h"
#include "meter/l7.h"

enum { PLANT_PLACES = 1024, PLANT_TEXT_ROOM = 1 << 20, PLANT_LINE_SIZE = 1 << 20 };

/* One flow and what hangs on it. Its pointers point into it. */
struct plant {
    struct meter_options options; /* with timeouts that let any interval be */
    struct flow_shared shared;
    struct flow flow;
    _Alignas(struct stats) unsigned char stats[sizeof(struct stats) +
                                               FLOW_DIRECTIONS * sizeof(struct wide_extremes)];
    struct l7_label labels[2];
    struct l7 l7;
    struct process process;
    struct process_feature holder; /* points to `process` if there is one */
    char category[PLANT_LINE_SIZE];
    _Alignas(8) unsigned char splt[sizeof(struct splt) +
                                   PLANT_PLACES * (sizeof(int64_t) + sizeof(struct splt_cell))];
    _Alignas(
        8) unsigned char texts[sizeof(struct text_block) + L7_TEXTS * sizeof(uint16_t) + PLANT_TEXT_ROOM];
};

/* The line that is being read; one at a time. */
static char line[PLANT_LINE_SIZE];

/* The rest of a line, word by word; once something was misread it stays misread. */
struct words {
    const char *at;
    bool failed;
};

static bool next_line(FILE *file) {
    if (fgets(line, sizeof line, file) == NULL)
        return false;
    line[strcspn(line, "\n")] = '\0';
    return true;
}

/* Whether the line begins with `name`; then `words` are those behind it. */
static bool begins_with(const char *name, struct words *words) {
    size_t length = strlen(name);
    *words = (struct words){.at = line + length + 1};
    return strncmp(line, name, length) == 0 && line[length] == ' ';
}

static bool misread(void) {
    fprintf(stderr, "plant: can't read the line: %.60s\n", line);
    return false;
}

static void advance(struct words *words, const char *end) {
    words->failed |= errno != 0 || end == words->at || (*end != ' ' && *end != '\0');
    words->at = *end == ' ' ? end + 1 : end;
}

static uint64_t next_number(struct words *words, int base, uint64_t max) {
    char *end;
    errno = 0;
    uint64_t number = strtoull(words->at, &end, base);
    words->failed |= number > max;
    advance(words, end);
    return number;
}

static uint8_t next_octet(struct words *words) {
    return (uint8_t)next_number(words, 10, UINT8_MAX);
}

static uint16_t next_short(struct words *words) {
    return (uint16_t)next_number(words, 10, UINT16_MAX);
}

static uint32_t next_word(struct words *words) {
    return (uint32_t)next_number(words, 10, UINT32_MAX);
}

static int64_t next_time(struct words *words) {
    char *end;
    errno = 0;
    int64_t time = strtoll(words->at, &end, 10);
    advance(words, end);
    return time;
}

static double next_real(struct words *words) {
    char *end;
    double real = strtod(words->at, &end);
    /* The smallest doubles are no error here, though strtod() may set ERANGE for them. */
    errno = 0;
    advance(words, end);
    return real;
}

static size_t next_below(struct words *words, size_t bound) {
    size_t number = next_number(words, 10, bound - 1);
    return words->failed ? 0 : number;
}

static int hex_digit(char digit) {
    static const char digits[] = "0123456789abcdef";
    const char *found = digit != '\0' ? strchr(digits, digit) : NULL;
    return found != NULL ? (int)(found - digits) : -1;
}

/* Bytes from hex digits up to the next blank; returns how many. */
static size_t next_bytes(struct words *words, void *bytes, size_t size) {
    unsigned char *out = bytes;
    size_t count = 0;
    const char *at = words->at;
    for (; *at != ' ' && *at != '\0'; at += 2) {
        int high = hex_digit(at[0]), low = hex_digit(at[1]);
        if (count == size || high < 0 || low < 0) {
            words->failed = true;
            return 0;
        }
        out[count++] = (unsigned char)(high << 4 | low);
    }
    words->at = *at == ' ' ? at + 1 : at;
    return count;
}

/* A word of any length into a field of fixed size. */
static void take_rest(struct words *words, char *field, size_t size) {
    size_t length = strlen(words->at);
    words->failed = length >= size;
    if (!words->failed)
        memcpy(field, words->at, length + 1);
}

/* Groups are named: their numbers are not the same in each version. */
static enum field_group next_group(struct words *words) {
    enum field_group group = 0;
    while (group < GROUP_COUNT && strcmp(words->at, field_group_name(group)) != 0)
        group++;
    words->failed = group == GROUP_COUNT;
    return words->failed ? GROUP_CORE : group;
}

static void take_key(struct words *words, struct identity *identity) {
    identity->key.word[0] = next_number(words, 16, UINT64_MAX);
    identity->key.word[1] = next_number(words, 16, UINT64_MAX);
}

static bool take_header_line(struct plant_header *header) {
    struct words words;
    if (begins_with("profile", &words))
        header->meter.profile = strcmp(words.at, "nfstream") == 0 ? PROFILE_NFSTREAM : PROFILE_NATIVE;
    else if (begins_with("schema", &words))
        take_rest(&words, header->schema, sizeof header->schema);
    else if (begins_with("sensor_id", &words))
        take_rest(&words, header->identity.sensor_id, sizeof header->identity.sensor_id);
    else if (begins_with("boot_id", &words))
        take_rest(&words, header->identity.boot_id, sizeof header->identity.boot_id);
    else if (begins_with("ndpi_version", &words))
        take_rest(&words, header->ndpi_version, sizeof header->ndpi_version);
    else if (begins_with("key", &words))
        take_key(&words, &header->identity);
    else if (begins_with("anonymize_key", &words))
        words.failed = next_bytes(&words, &header->anonymize_key, ANONYMIZE_KEY_SIZE) != ANONYMIZE_KEY_SIZE,
        header->anonymizes = true;
    else if (begins_with("loss", &words))
        header->loss_time = next_time(&words), header->has_loss = true;
    else if (begins_with("splt_analysis", &words))
        header->meter.splt_analysis = (uint32_t)next_below(&words, PLANT_PLACES + 1);
    else if (begins_with("off", &words))
        header->groups_on &= ~(1u << next_group(&words));
    else
        return false;
    return !words.failed;
}

bool plant_read_header(FILE *file, struct plant_header *header) {
    *header = (struct plant_header){.groups_on = (1u << GROUP_COUNT) - 1};
    while (next_line(file) && strcmp(line, "flows") != 0) {
        if (!take_header_line(header))
            return misread();
    }
    header->identity.ndpi_version = header->ndpi_version;
    header->identity.meter = &header->meter;
    header->identity.tunnel_ports = "";
    header->identity.decode_tunnels = (header->groups_on & 1u << GROUP_TUNNEL) != 0;
    header->meter.statistical_analysis = (header->groups_on & 1u << GROUP_STATS) != 0;
    header->meter.n_dissections = (header->groups_on & 1u << GROUP_L7) != 0 ? 20 : 0;
    return true;
}

static void take_ends(struct words *words, struct flow *flow) {
    flow->key.port_a = next_short(words);
    flow->key.port_b = next_short(words);
    flow->source_is_b = next_octet(words) & 1u;
}

static void take_network(struct words *words, struct flow *flow) {
    flow->key.protocol = next_octet(words);
    flow->ip_version = next_octet(words);
    flow->key.vlan_id = next_short(words);
    flow->key.ip_version = next_octet(words);
}

static void take_tunnel(struct words *words, struct flow *flow) {
    flow->tunnel_key = next_word(words);
    flow->key.tunnel = next_number(words, 10, UINT64_MAX);
}

static void take_addresses(struct words *words, struct flow *flow) {
    next_bytes(words, flow->key.address_a, sizeof flow->key.address_a);
    next_bytes(words, flow->key.address_b, sizeof flow->key.address_b);
}

static void take_macs(struct words *words, struct flow *flow) {
    next_bytes(words, flow->source_mac, sizeof flow->source_mac);
    next_bytes(words, flow->destination_mac, sizeof flow->destination_mac);
}

static void take_life(struct words *words, struct flow *flow) {
    flow->slice = next_word(words);
    flow->revision = (uint16_t)next_below(words, 1 << 16);
    flow->record_kind = (uint8_t)next_below(words, RECORD_KIND_COUNT);
    flow->end_reason = (uint8_t)next_below(words, END_REASON_COUNT);
    flow->uid_time = next_time(words);
}

static void take_flags(struct words *words, struct flow *flow) {
    flow->first_flags = next_octet(words);
    flow->seen_flags = next_octet(words);
    flow->first_tcp_flags = next_octet(words);
    flow->icmp_type = next_octet(words);
    flow->icmp_code = next_octet(words);
}

static void take_counters(struct words *words, struct flow *flow) {
    struct flow_counters *counters = &flow->ways[next_below(words, FLOW_WAYS)];
    counters->first_seen = next_time(words);
    counters->last_seen = next_time(words);
    counters->packets = next_number(words, 10, UINT64_MAX);
    counters->bytes = next_number(words, 10, UINT64_MAX);
    if (counters->packets == 0)
        *counters = FLOW_NO_COUNTERS;
}

/* The least and the largest size of both ways together follow from those of each. */
static void take_sizes(struct words *words, struct stats *stats) {
    enum flow_direction direction = (enum flow_direction)next_below(words, FLOW_DIRECTIONS);
    const struct extremes extremes = {next_word(words), next_word(words)};
    if (direction != BIDIRECTIONAL)
        stats->size_extremes[flow_way(direction)] = extremes;
    stats->sizes[direction].mean = next_real(words);
    stats->sizes[direction].m2 = next_real(words);
}

static void take_intervals(struct words *words, struct stats *stats) {
    uint64_t direction = next_below(words, FLOW_DIRECTIONS);
    stats_wide(stats)[direction].min = next_number(words, 10, UINT64_MAX);
    stats_wide(stats)[direction].max = next_number(words, 10, UINT64_MAX);
    stats->intervals[direction].mean = next_real(words);
    stats->intervals[direction].m2 = next_real(words);
}

static void take_tcp(struct words *words, struct stats *stats) {
    uint32_t *flags = stats->flags[next_below(words, FLOW_WAYS)];
    for (int i = 0; i < FLAG_COUNTERS; i++)
        flags[i] = next_word(words);
}

static void take_packet(struct words *words, struct plant *plant) {
    struct splt *splt = (struct splt *)plant->splt;
    uint8_t direction = next_octet(words);
    uint32_t size = next_word(words);
    int64_t interval = next_time(words);
    words->failed |= splt->length >= plant->options.splt_analysis;
    if (words->failed)
        return;
    splt_put(&plant->options, splt, interval, size, direction == 1);
}

/* Texts may come in any order, so that a long server name can lie behind all others: offsets have 16 bits, but the
 * table of offsets is in the order of the texts' numbers. */
static void take_text(struct words *words, struct plant *plant) {
    static size_t used;
    struct text_block *block = (struct text_block *)plant->texts;
    unsigned which = (unsigned)next_below(words, L7_TEXTS);
    if (block->present == 0)
        used = sizeof *block + L7_TEXTS * sizeof *block->offsets;
    words->failed |= used > UINT16_MAX;
    if (words->failed)
        return;
    size_t before = (size_t)__builtin_popcount(block->present & ((1u << which) - 1));
    size_t count = (size_t)__builtin_popcount(block->present);
    memmove(block->offsets + before + 1, block->offsets + before, (count - before) * sizeof *block->offsets);
    block->offsets[before] = (uint16_t)used;
    block->present = (uint16_t)(block->present | 1u << which);
    used += next_bytes(words, plant->texts + used, sizeof plant->texts - used - 1);
    plant->texts[used++] = '\0';
    plant->l7.texts = block;
}

static void take_kernel_text(struct words *words, char *text, size_t size) {
    text[next_bytes(words, text, size - 1)] = '\0';
}

static void take_process(struct words *words, struct plant *plant) {
    struct process *process = &plant->process;
    process->pid = (int32_t)next_below(words, INT32_MAX);
    process->user_id = next_time(words);
    plant->holder.end = (uint8_t)next_below(words, END_DESTINATION + 1);
    take_kernel_text(words, process->name, sizeof process->name);
    take_kernel_text(words, process->executable, sizeof process->executable);
    take_kernel_text(words, process->cgroup, sizeof process->cgroup);
    take_kernel_text(words, process->container_id, sizeof process->container_id);
    plant->holder.process = process;
}

static void take_name(struct words *words, char *name, size_t size) {
    name[next_bytes(words, name, size - 1)] = '\0';
}

static void take_label(struct words *words, struct l7 *l7) {
    l7->confidence = next_octet(words);
    l7->guessed = next_octet(words) != 0;
}

/* Takes the line if it is of the flow itself; *known tells. */
static void take_core_line(struct flow *flow, struct words *words, bool *known) {
    if (begins_with("ends", words))
        take_ends(words, flow);
    else if (begins_with("addresses", words))
        take_addresses(words, flow);
    else if (begins_with("macs", words))
        take_macs(words, flow);
    else if (begins_with("network", words))
        take_network(words, flow);
    else if (begins_with("tunnel", words))
        take_tunnel(words, flow);
    else if (begins_with("life", words))
        take_life(words, flow);
    else if (begins_with("flags", words))
        take_flags(words, flow);
    else if (begins_with("counters", words))
        take_counters(words, flow);
    else
        *known = false;
}

static void take_feature_line(struct plant *plant, struct words *words, bool *known) {
    if (begins_with("sizes", words))
        take_sizes(words, (struct stats *)plant->stats);
    else if (begins_with("intervals", words))
        take_intervals(words, (struct stats *)plant->stats);
    else if (begins_with("tcp", words))
        take_tcp(words, (struct stats *)plant->stats);
    else if (begins_with("packet", words))
        take_packet(words, plant);
    else if (begins_with("text", words))
        take_text(words, plant);
    else if (begins_with("application", words))
        take_name(words, plant->labels[1].name, sizeof plant->labels[1].name);
    else if (begins_with("category", words))
        take_name(words, plant->category, sizeof plant->category);
    else if (begins_with("label", words))
        take_label(words, &plant->l7);
    else if (begins_with("process", words))
        take_process(words, plant);
    else
        *known = false;
}

static bool take_flow_line(struct plant *plant) {
    struct words words;
    bool is_core = true, is_feature = true;
    take_core_line(&plant->flow, &words, &is_core);
    if (!is_core)
        take_feature_line(plant, &words, &is_feature);
    return (is_core || is_feature) && !words.failed;
}

static void hang_features(const struct plant_header *header, struct plant *plant) {
    unsigned on = header->groups_on;
    struct stats *stats = (struct stats *)plant->stats;
    for (int way = 0; way < FLOW_WAYS; way++)
        if (plant->flow.ways[way].packets == 0)
            stats->size_extremes[way] = (struct extremes){UINT32_MAX, 0};
    plant->labels[1].category_name = plant->category;
    plant->labels[1].breed = "Acceptable";
    plant->l7.label = 1;
#define PLACE(group, member) \
    on & 1u << (group) ? offsetof(struct plant, member) - offsetof(struct plant, flow) : 0
    plant->shared = (struct flow_shared){
        .offset = {[FEATURE_stats] = PLACE(GROUP_STATS, stats),
                   [FEATURE_splt] = PLACE(GROUP_SPLT, splt),
                   [FEATURE_l7] = PLACE(GROUP_L7, l7),
                   [FEATURE_process] = PLACE(GROUP_PROCESS, holder)},
        .options = &plant->options,
        .labels = plant->labels,
    };
#undef PLACE
    plant->flow.shared = &plant->shared;
}

int plant_read_flow(FILE *file, const struct plant_header *header, const struct flow **flow) {
    static struct plant room;
    struct plant *plant = &room;
    memset(plant, 0, sizeof *plant);
    plant->options = header->meter;
    plant->options.idle_timeout = plant->options.active_timeout = INT64_MAX;
    bool any = false;
    while (next_line(file)) {
        if (strcmp(line, "end") == 0) {
            hang_features(header, plant);
            *flow = &plant->flow;
            return 1;
        }
        any = true;
        if (!take_flow_line(plant)) {
            misread();
            return -1;
        }
    }
    if (any)
        fputs("plant: the last flow has no line \"end\"\n", stderr);
    return any ? -1 : 0;
}
