// The floor under a flow meter: what reading packets, finding their flow and labelling it must cost at least.
//
// Reads a capture with libpcap, looks every packet's flow up by its symmetric 5-tuple, and gives at most the first 20 packets
// of a flow to nDPI, until nDPI says that the label is final. No timeouts, no statistics, no
// output: bench.py compares the sensor and NFStream with this. Usage: bench-floor [--memory] [--no-dissection] FILE

#include <errno.h>
#include <malloc.h>
#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "meter/dissect_shim.h"

enum {
    DISSECTED_PACKETS = 20,
    ETHERNET_HEADER = 14,
    VLAN_TAG = 4,
    IPV6_HEADER = 40,
    SLAB_FLOWS = 4096,
    FIRST_TABLE_SLOTS = 1 << 16,
    READ_BUFFER = 1 << 18,
};

// Both endpoints ordered, so that the two directions of a flow are equal byte by byte. No padding.
struct flow_key {
    uint64_t low_address[2];
    uint64_t high_address[2];
    uint16_t low_port;
    uint16_t high_port;
    uint16_t vlan_id;
    uint8_t protocol;
    uint8_t ip_version;
};

struct flow {
    struct flow_key key;
    struct ndpi_flow_struct *dissection; // NULL once the label is final.
    struct shim_label label;
    uint32_t dissected;
};

struct slot {
    uint64_t hash;
    struct flow *flow; // NULL: the slot is empty.
};

struct floor {
    struct ndpi_detection_module_struct *module; // NULL: flows are looked up, not dissected.
    struct slot *slots;
    uint64_t slot_mask;
    struct flow *slab;
    uint32_t slab_used;
    uint64_t packets;
    uint64_t ignored;
    uint64_t flows;
    uint64_t dissected;
    uint64_t unknown;
};

static void *allocate(size_t count, size_t size) {
    void *memory = calloc(count, size);
    if (memory == NULL) {
        fprintf(stderr, "bench-floor: out of memory\n");
        exit(EX_OSERR);
    }
    return memory;
}

static uint16_t read_u16(const uint8_t *bytes) {
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static uint64_t hash_key(const struct flow_key *key) {
    uint64_t words[sizeof *key / sizeof(uint64_t)];
    uint64_t hash = 0x9e3779b97f4a7c15;

    _Static_assert(sizeof *key % sizeof(uint64_t) == 0, "the key is hashed by whole words");
    memcpy(words, key, sizeof words);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        hash = (hash ^ words[i]) * 0xff51afd7ed558ccd;
        hash ^= hash >> 32;
    }
    return hash;
}

static void order_endpoints(struct flow_key *key, const uint64_t source[2], const uint64_t destination[2],
                            uint16_t source_port, uint16_t destination_port) {
    bool in_order = source[1] != destination[1]   ? source[1] < destination[1]
                    : source[0] != destination[0] ? source[0] < destination[0]
                                                  : source_port <= destination_port;

    memcpy(key->low_address, in_order ? source : destination, sizeof key->low_address);
    memcpy(key->high_address, in_order ? destination : source, sizeof key->high_address);
    key->low_port = in_order ? source_port : destination_port;
    key->high_port = in_order ? destination_port : source_port;
}

// Sets the key from an IP packet; false if the packet isn't metered.
static bool read_key(struct flow_key *key, const uint8_t *ip, uint32_t length) {
    uint64_t source[2] = {0};
    uint64_t destination[2] = {0};
    uint32_t header;

    if (length >= 20 && ip[0] >> 4 == 4) {
        header = (ip[0] & 0x0fU) * 4U;
        if (read_u16(ip + 6) & 0x1fff)
            return false;
        key->protocol = ip[9];
        memcpy(source, ip + 12, 4);
        memcpy(destination, ip + 16, 4);
    } else if (length >= IPV6_HEADER && ip[0] >> 4 == 6) {
        header = IPV6_HEADER;
        key->protocol = ip[6];
        memcpy(source, ip + 8, 16);
        memcpy(destination, ip + 24, 16);
    } else {
        return false;
    }
    key->ip_version = ip[0] >> 4;
    bool has_ports = (key->protocol == IPPROTO_TCP || key->protocol == IPPROTO_UDP) && length >= header + 4;
    order_endpoints(key, source, destination, has_ports ? read_u16(ip + header) : 0,
                    has_ports ? read_u16(ip + header + 2) : 0);
    return true;
}

static void grow_table(struct floor *floor) {
    uint64_t count = floor->slots == NULL ? FIRST_TABLE_SLOTS : (floor->slot_mask + 1) * 2;
    struct slot *slots = allocate(count, sizeof *slots);

    for (uint64_t i = 0; floor->slots != NULL && i <= floor->slot_mask; i++) {
        if (floor->slots[i].flow == NULL)
            continue;
        uint64_t to = floor->slots[i].hash & (count - 1);
        while (slots[to].flow != NULL)
            to = (to + 1) & (count - 1);
        slots[to] = floor->slots[i];
    }
    free(floor->slots);
    floor->slots = slots;
    floor->slot_mask = count - 1;
}

static struct flow *new_flow(struct floor *floor, const struct flow_key *key) {
    if (floor->slab == NULL || floor->slab_used == SLAB_FLOWS) {
        floor->slab = allocate(SLAB_FLOWS, sizeof *floor->slab);
        floor->slab_used = 0;
    }
    struct flow *flow = &floor->slab[floor->slab_used++];
    flow->key = *key;
    if (floor->module != NULL)
        flow->dissection = allocate(1, sizeof(struct ndpi_flow_struct));
    floor->flows++;
    return flow;
}

static struct flow *find_flow(struct floor *floor, const struct flow_key *key) {
    uint64_t hash = hash_key(key);
    uint64_t at = hash & floor->slot_mask;

    for (; floor->slots[at].flow != NULL; at = (at + 1) & floor->slot_mask) {
        if (floor->slots[at].hash == hash && memcmp(&floor->slots[at].flow->key, key, sizeof *key) == 0)
            return floor->slots[at].flow;
    }
    struct flow *flow = new_flow(floor, key);
    floor->slots[at] = (struct slot){.hash = hash, .flow = flow};
    if (floor->flows * 2 > floor->slot_mask)
        grow_table(floor);
    return flow;
}

static bool is_unknown(const struct shim_label *label) {
    return label->application == NDPI_PROTOCOL_UNKNOWN && label->master == NDPI_PROTOCOL_UNKNOWN;
}

static void finish_dissection(struct floor *floor, struct flow *flow) {
    uint8_t guessed = 0;

    if (is_unknown(&flow->label))
        flow->label = shim_label(shim_give_up(floor->module, flow->dissection, &guessed));
    floor->unknown += is_unknown(&flow->label);
    ndpi_free_flow(flow->dissection);
    flow->dissection = NULL;
}

static void dissect(struct floor *floor, struct flow *flow, const uint8_t *ip, uint32_t length,
                    uint64_t time_ms) {
    flow->label = shim_label(shim_packet(floor->module, flow->dissection, ip, (uint16_t)length, time_ms));
    flow->dissected++;
    floor->dissected++;
    bool is_final = !is_unknown(&flow->label) && shim_is_final(floor->module, flow->dissection);
    if (is_final || flow->dissected == DISSECTED_PACKETS)
        finish_dissection(floor, flow);
}

static void on_packet(u_char *user, const struct pcap_pkthdr *header, const u_char *frame) {
    struct floor *floor = (struct floor *)(void *)user;
    struct flow_key key = {0};
    uint32_t offset = ETHERNET_HEADER;

    floor->packets++;
    while (header->caplen >= offset + VLAN_TAG && read_u16(frame + offset - 2) == 0x8100) {
        key.vlan_id = read_u16(frame + offset) & 0x0fff;
        offset += VLAN_TAG;
    }
    if (header->caplen < offset || !read_key(&key, frame + offset, header->caplen - offset)) {
        floor->ignored++;
        return;
    }
    struct flow *flow = find_flow(floor, &key);
    if (flow->dissection != NULL) {
        uint64_t time_ms = (uint64_t)header->ts.tv_sec * 1000 + (uint64_t)header->ts.tv_usec / 1000;
        dissect(floor, flow, frame + offset, header->caplen - offset, time_ms);
    }
}

static void finish_all(struct floor *floor) {
    for (uint64_t i = 0; i <= floor->slot_mask; i++) {
        struct flow *flow = floor->slots[i].flow;
        if (flow != NULL && flow->dissection != NULL)
            finish_dissection(floor, flow);
    }
}

static struct ndpi_detection_module_struct *new_module(void) {
    struct ndpi_detection_module_struct *module = shim_create();

    if (module == NULL) {
        fprintf(stderr, "bench-floor: nDPI could not be initialized\n");
        exit(EX_SOFTWARE);
    }
    return module;
}

static size_t heap_used(void) {
    struct mallinfo2 heap = mallinfo2();

    return heap.uordblks + heap.hblkhd;
}

static pcap_t *open_capture(const char *path) {
    char error[PCAP_ERRBUF_SIZE];
    FILE *file = fopen(path, "rb");

    if (file == NULL) {
        fprintf(stderr, "bench-floor: %s: %s\n", path, strerror(errno));
        exit(EX_NOINPUT);
    }
    // By default stdio reads 4 KiB at a time; a floor may not spend that many system calls.
    setvbuf(file, NULL, _IOFBF, READ_BUFFER);
    pcap_t *capture = pcap_fopen_offline(file, error);
    if (capture == NULL) {
        fprintf(stderr, "bench-floor: %s: %s\n", path, error);
        exit(EX_DATAERR);
    }
    if (pcap_datalink(capture) != DLT_EN10MB) {
        fprintf(stderr, "bench-floor: %s: not an Ethernet capture\n", path);
        exit(EX_DATAERR);
    }
    return capture;
}

int main(int argc, char **argv) {
    struct floor floor = {0};
    bool with_memory = argc > 2 && strcmp(argv[1], "--memory") == 0;
    bool without_dissection = argc > 2 && strcmp(argv[1], "--no-dissection") == 0;

    if (argc < 2 || (argc > 2 && !with_memory && !without_dissection)) {
        fprintf(stderr, "usage: bench-floor [--memory | --no-dissection] FILE\n");
        return EX_USAGE;
    }
    const char *path = argv[argc - 1];
    pcap_t *capture = open_capture(path);
    floor.module = without_dissection ? NULL : new_module();
    grow_table(&floor);
    size_t heap_before = heap_used();
    int status = pcap_loop(capture, -1, on_packet, (u_char *)&floor);
    if (status < 0) {
        fprintf(stderr, "bench-floor: %s: %s\n", path, pcap_geterr(capture));
        return EX_DATAERR;
    }
    if (with_memory)
        printf("heap_open %zu ", heap_used() - heap_before);
    finish_all(&floor);
    if (with_memory)
        printf("heap_final %zu ", heap_used() - heap_before);
    printf("packets %llu ignored %llu flows %llu dissected %llu unknown %llu\n",
           (unsigned long long)floor.packets, (unsigned long long)floor.ignored,
           (unsigned long long)floor.flows, (unsigned long long)floor.dissected,
           (unsigned long long)floor.unknown);
    // The kernel gives the table back faster than a walk over a million flows would.
    pcap_close(capture);
    return EX_OK;
}
