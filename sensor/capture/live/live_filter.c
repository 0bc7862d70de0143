#include "capture/live/live_filter.h"

#include <errno.h>
#include <linux/if_arp.h>
#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "capture/live/hardware.h"
#include "capture/source.h"

/* Kinds of link types: Ethernet, three of 802.11, and what begins with IP. */
enum { PART_ETHERNET, PART_IP, PART_COUNT = 5 };
static const uint16_t part_hardware[PART_COUNT] = {ARPHRD_ETHER, ARPHRD_NONE, ARPHRD_IEEE80211,
                                                   ARPHRD_IEEE80211_PRISM, ARPHRD_IEEE80211_RADIOTAP};

enum { KEEP_NOTHING = 0, PROGRAM_MAX = BPF_MAXINSNS };

struct live_filter {
    uint32_t snapshot_length;
    bool has_text;
    struct bpf_program parts[PART_COUNT]; /* without instructions: nothing of that kind passes */
    struct sock_filter code[PROGRAM_MAX];
    struct sock_fprog program;
};

static size_t part_of(uint16_t hardware) {
    for (size_t i = 0; i < PART_COUNT; i++)
        if (hardware_link_type(part_hardware[i]) == hardware_link_type(hardware))
            return i;
    return PART_IP;
}

/* libpcap reads tags where the kernel has put them, but only in programs that it compiles for an interface it captures
 * from: it captures for that moment, in the smallest ring. NULL: it can't. */
static pcap_t *capture_for_a_moment(const char *name, uint32_t snapshot_length) {
    char reason[PCAP_ERRBUF_SIZE];
    pcap_t *handle = name != NULL ? pcap_create(name, reason) : NULL;
    if (handle == NULL)
        return NULL;
    pcap_set_snaplen(handle, (int)snapshot_length);
    pcap_set_buffer_size(handle, 1);
    if (pcap_activate(handle) >= 0 && pcap_datalink(handle) == DLT_EN10MB)
        return handle;
    pcap_close(handle);
    return NULL;
}

static pcap_t *open_for_part(size_t part, const char *ethernet, uint32_t snapshot_length) {
    pcap_t *handle = part == PART_ETHERNET ? capture_for_a_moment(ethernet, snapshot_length) : NULL;
    return handle != NULL ? handle
                          : pcap_open_dead(hardware_link_type(part_hardware[part]), (int)snapshot_length);
}

/* Frames of these kinds have link headers of any length before IP: loads count from IP instead. */
static void count_from_network_header(struct bpf_program *program) {
    for (unsigned i = 0; i < program->bf_len; i++) {
        struct bpf_insn *instruction = &program->bf_insns[i];
        unsigned class = BPF_CLASS(instruction->code), mode = BPF_MODE(instruction->code);
        bool loads = (class == BPF_LD && (mode == BPF_ABS || mode == BPF_IND)) ||
                     (class == BPF_LDX && mode == BPF_MSH);
        if (loads && instruction->k < (unsigned)INT32_MAX)
            instruction->k += (unsigned)SKF_NET_OFF;
    }
}

static int compile_part(struct live_filter *filter, size_t part, const char *text, const char *name,
                        const char *ethernet, struct error *error) {
    struct bpf_program *program = &filter->parts[part];
    pcap_t *handle = open_for_part(part, ethernet, filter->snapshot_length);
    if (handle == NULL)
        return error_set(error, ENOMEM, EX_OSERR, "no memory for a BPF filter");
    int result = 0;
    if (pcap_compile(handle, program, text, 1, PCAP_NETMASK_UNKNOWN) < 0) {
        *program = (struct bpf_program){0};
        result = error_set(error, EINVAL, EX_CONFIG,
                           "the BPF filter \"%s\" can't be compiled for %s: %s; see pcap-filter(7)", text,
                           name, pcap_geterr(handle));
    } else if (part == PART_IP) {
        count_from_network_header(program);
    }
    pcap_close(handle);
    return result;
}

static int compile_all(struct live_filter *filter, const char *text, size_t needed, const char *name,
                       const char *ethernet, struct error *error) {
    struct error ignored;
    for (size_t i = 0; i < PART_COUNT; i++) {
        int result = compile_part(filter, i, text, name, ethernet, i == needed ? error : &ignored);
        if (result < 0 && (i == needed || result == -ENOMEM))
            return result;
    }
    return 0;
}

int live_filter_create(const char *text, uint16_t hardware, const char *name, const char *ethernet,
                       uint32_t snapshot_length, struct live_filter **created, struct error *error) {
    struct live_filter *filter = calloc(1, sizeof *filter);
    if (filter == NULL)
        return error_set(error, ENOMEM, EX_OSERR, "no memory for a BPF filter");
    filter->snapshot_length = snapshot_length;
    filter->has_text = text != NULL;
    int result = text != NULL ? compile_all(filter, text, part_of(hardware), name, ethernet, error) : 0;
    if (result < 0)
        live_filter_destroy(filter);
    else
        *created = filter;
    return result;
}

const char *live_filter_needs_interface(const char *text) {
    static const char *const words[] = {"vlan", "inbound", "outbound", "ifindex"};
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
    while (*(text += strcspn(text, letters)) != '\0') {
        size_t length = strspn(text, letters);
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
            if (strlen(words[i]) == length && memcmp(words[i], text, length) == 0)
                return words[i];
        text += length;
    }
    return NULL;
}

void live_filter_destroy(struct live_filter *filter) {
    if (filter == NULL)
        return;
    for (size_t i = 0; i < PART_COUNT; i++)
        pcap_freecode(&filter->parts[i]);
    free(filter);
}

static void put(struct live_filter *filter, unsigned short code, unsigned operand) {
    filter->code[filter->program.len++] = (struct sock_filter)BPF_STMT(code, operand);
}

/* Goes somewhere if the accumulator equals `operand` (BPF_JEQ) or is above it (BPF_JGT), else on. Where that is, go_here()
 * says; conditional jumps reach 255 instructions, so it is a jump over a jump. The number of that jump. */
static size_t put_jump(struct live_filter *filter, unsigned short code, unsigned operand) {
    filter->code[filter->program.len++] = (struct sock_filter)BPF_JUMP(BPF_JMP | code | BPF_K, operand, 0, 1);
    put(filter, BPF_JMP | BPF_JA, 0);
    return filter->program.len - 1u;
}

static void go_here(struct live_filter *filter, size_t jump) {
    filter->code[jump].k = (unsigned)(filter->program.len - jump - 1);
}

/* A binary search: hundreds of pods cost ten comparisons. Jumps of the leaves, which are found, stay open. */
static void put_search(struct live_filter *filter, const uint32_t *indices, size_t count) {
    if (count == 1) {
        put_jump(filter, BPF_JEQ, indices[0]);
        put(filter, BPF_RET | BPF_K, KEEP_NOTHING);
        return;
    }
    size_t half = count / 2;
    size_t above = put_jump(filter, BPF_JGT, indices[half - 1]);
    put_search(filter, indices, half);
    go_here(filter, above);
    put_search(filter, indices + half, count - half);
}

static void put_interfaces(struct live_filter *filter, const uint32_t *indices, size_t count) {
    put(filter, BPF_LD | BPF_W | BPF_ABS, (unsigned)(SKF_AD_OFF + SKF_AD_IFINDEX));
    put_search(filter, indices, count);
    for (size_t i = 0; i < filter->program.len; i++)
        if (filter->code[i].code == (BPF_JMP | BPF_JA) && filter->code[i].k == 0)
            go_here(filter, i);
}

/* False: the program is too long. */
static bool put_part(struct live_filter *filter, const struct bpf_program *part) {
    if (filter->program.len + part->bf_len + 1 > PROGRAM_MAX)
        return false;
    for (unsigned i = 0; i < part->bf_len; i++) {
        const struct bpf_insn *from = &part->bf_insns[i];
        filter->code[filter->program.len++] = (struct sock_filter){from->code, from->jt, from->jf, from->k};
    }
    if (part->bf_len == 0)
        put(filter, BPF_RET | BPF_K, KEEP_NOTHING);
    return true;
}

/* Kinds that aren't named begin with IP. */
static bool put_parts(struct live_filter *filter) {
    size_t jumps[PART_COUNT] = {0};
    put(filter, BPF_LD | BPF_W | BPF_ABS, (unsigned)(SKF_AD_OFF + SKF_AD_HATYPE));
    size_t loopback = put_jump(filter, BPF_JEQ, ARPHRD_LOOPBACK);
    for (size_t i = 0; i < PART_COUNT; i++)
        if (i != PART_IP)
            jumps[i] = put_jump(filter, BPF_JEQ, part_hardware[i]);
    bool fits = put_part(filter, &filter->parts[PART_IP]);
    for (size_t i = 0; fits && i < PART_COUNT; i++) {
        if (i == PART_IP)
            continue;
        go_here(filter, jumps[i]);
        if (i == PART_ETHERNET)
            go_here(filter, loopback);
        fits = put_part(filter, &filter->parts[i]);
    }
    return fits;
}

const struct sock_fprog *live_filter_program(struct live_filter *filter, const uint32_t *indices,
                                             size_t count) {
    filter->program = (struct sock_fprog){.len = 0, .filter = filter->code};
    if (indices != NULL && count == 0) {
        put(filter, BPF_RET | BPF_K, KEEP_NOTHING);
        return &filter->program;
    }
    if (indices != NULL && count <= LIVE_FILTER_INTERFACES_MAX)
        put_interfaces(filter, indices, count);
    if (filter->has_text)
        return put_parts(filter) ? &filter->program : NULL;
    put(filter, BPF_RET | BPF_K, filter->snapshot_length);
    return &filter->program;
}

const struct sock_fprog *live_filter_of_one(struct live_filter *filter, uint16_t hardware) {
    filter->program = (struct sock_fprog){.len = 0, .filter = filter->code};
    if (filter->has_text)
        return put_part(filter, &filter->parts[part_of(hardware)]) ? &filter->program : NULL;
    put(filter, BPF_RET | BPF_K, filter->snapshot_length);
    return &filter->program;
}
