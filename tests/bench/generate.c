// Writes the benchmark's captures: the same bytes on every machine, so that figures can be compared.
//
// Usage: bench-generate [--scale FACTOR] [--directory FOLDER] [NAME...]
// NAME is mix, small or large (all of them by default). The folder is $FLOWSENSOR_CACHE, else
// ${XDG_CACHE_HOME:-$HOME/.cache}/flowsensor/bench. A capture that exists already is kept. Prints the paths.

#include <errno.h>
#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "random.h"
#include "traffic.h"

enum {
    // To be raised whenever the same scenario gives other bytes: older captures are then no longer used.
    GENERATOR_VERSION = 3,
    CAPTURE_START_S = 1767225600,
    WRITE_BUFFER = 1 << 20,
    PATH_LENGTH = 4096,
};

struct options {
    const char *directory;
    double scale;
};

// Flows that have packets left, as a binary heap by the time of their next packet.
struct heap {
    struct flow **flows;
    size_t used;
    size_t size;
};

static void fail(int status, const char *what, const char *object) {
    fprintf(stderr, "bench-generate: %s: %s: %s\n", object, what, strerror(errno));
    exit(status);
}

static void swap_flows(struct heap *heap, size_t a, size_t b) {
    struct flow *flow = heap->flows[a];

    heap->flows[a] = heap->flows[b];
    heap->flows[b] = flow;
}

static void sift_down(struct heap *heap, size_t at) {
    for (;;) {
        size_t least = at;
        for (size_t child = at * 2 + 1; child <= at * 2 + 2 && child < heap->used; child++) {
            if (heap->flows[child]->time_us < heap->flows[least]->time_us)
                least = child;
        }
        if (least == at)
            return;
        swap_flows(heap, at, least);
        at = least;
    }
}

static void push_flow(struct heap *heap, struct flow *flow) {
    if (heap->used == heap->size) {
        heap->size = heap->size == 0 ? 1024 : heap->size * 2;
        heap->flows = realloc(heap->flows, heap->size * sizeof *heap->flows);
        if (heap->flows == NULL)
            fail(EX_OSERR, "allocate", "open flows");
    }
    size_t at = heap->used++;
    heap->flows[at] = flow;
    while (at > 0 && heap->flows[at]->time_us < heap->flows[(at - 1) / 2]->time_us) {
        swap_flows(heap, at, (at - 1) / 2);
        at = (at - 1) / 2;
    }
}

static void pop_flow(struct heap *heap) {
    free(heap->flows[0]);
    heap->flows[0] = heap->flows[--heap->used];
    sift_down(heap, 0);
}

// The stretch of the heavy tail with which the scenario has the number of packets that it promises.
static double find_stretch(const struct traffic_scenario *scenario, uint32_t flows) {
    double low = 0.01;
    double high = 20;
    uint64_t wanted = (uint64_t)flows * scenario->packets_per_flow;

    if (!scenario->has_heavy_tail)
        return 1;
    for (int round = 0; round < 24; round++) {
        double stretch = (low + high) / 2;
        uint64_t packets = 0;
        for (uint32_t i = 0; i < flows; i++)
            packets += traffic_flow_length(scenario, i, stretch);
        if (packets < wanted)
            low = stretch;
        else
            high = stretch;
    }
    return high;
}

static void write_packet(pcap_dumper_t *dump, struct flow *flow) {
    uint8_t frame[FRAME_MAXIMUM];
    uint64_t time_us = flow->time_us;
    struct pcap_pkthdr header = {
        .ts = {.tv_sec = (time_t)(CAPTURE_START_S + time_us / 1000000),
               .tv_usec = (suseconds_t)(time_us % 1000000)},
    };

    header.len = (bpf_u_int32)traffic_flow_next(flow, frame);
    header.caplen = header.len;
    pcap_dump((u_char *)dump, &header, frame);
}

static uint64_t write_flows(pcap_dumper_t *dump, const struct traffic_scenario *scenario, uint32_t flows) {
    struct heap heap = {0};
    uint64_t random = 1;
    uint64_t arrival_us = 0;
    uint64_t packets = 0;
    uint32_t started = 0;
    double stretch = find_stretch(scenario, flows);

    while (started < flows || heap.used > 0) {
        if (started < flows && (heap.used == 0 || arrival_us <= heap.flows[0]->time_us)) {
            struct flow *flow = malloc(sizeof *flow);
            if (flow == NULL)
                fail(EX_OSERR, "allocate", "flow");
            traffic_flow_start(flow, scenario, started++, flows, stretch);
            flow->time_us = arrival_us;
            push_flow(&heap, flow);
            arrival_us += random_below(&random, scenario->arrival_us * 2);
            continue;
        }
        write_packet(dump, heap.flows[0]);
        packets++;
        if (heap.flows[0]->sent == heap.flows[0]->packets)
            pop_flow(&heap);
        else
            sift_down(&heap, 0);
    }
    free(heap.flows);
    return packets;
}

static void write_capture(const char *path, const struct traffic_scenario *scenario, uint32_t flows) {
    char unfinished[PATH_LENGTH + 8];

    snprintf(unfinished, sizeof unfinished, "%s.part", path);
    pcap_t *format = pcap_open_dead(DLT_EN10MB, 65535);
    FILE *file = fopen(unfinished, "wb");
    if (format == NULL || file == NULL)
        fail(EX_CANTCREAT, "open", unfinished);
    setvbuf(file, NULL, _IOFBF, WRITE_BUFFER);
    pcap_dumper_t *dump = pcap_dump_fopen(format, file);
    if (dump == NULL)
        fail(EX_CANTCREAT, "write the header", unfinished);
    uint64_t packets = write_flows(dump, scenario, flows);
    if (pcap_dump_flush(dump) != 0)
        fail(EX_IOERR, "write", unfinished);
    pcap_dump_close(dump);
    pcap_close(format);
    if (rename(unfinished, path) != 0)
        fail(EX_CANTCREAT, "rename", unfinished);
    fprintf(stderr, "bench-generate: %s: %llu packets, %u flows\n", path, (unsigned long long)packets, flows);
}

static void make_capture(const struct options *options, const struct traffic_scenario *scenario) {
    char path[PATH_LENGTH];
    uint32_t flows = (uint32_t)(scenario->flows * options->scale);
    struct traffic_scenario scaled = *scenario;

    // The large capture has few flows: it is their length that is scaled.
    if (scenario->flows < 1000) {
        flows = scenario->flows;
        scaled.packets_per_flow = (uint32_t)(scenario->packets_per_flow * options->scale);
    }
    if (flows == 0 || scaled.packets_per_flow == 0) {
        fprintf(stderr, "bench-generate: --scale %g: nothing would be left of %s; use a larger factor\n",
                options->scale, scenario->name);
        exit(EX_USAGE);
    }
    snprintf(path, sizeof path, "%s/%s-v%d-%g.pcap", options->directory, scenario->name, GENERATOR_VERSION,
             options->scale);
    if (access(path, R_OK) != 0)
        write_capture(path, &scaled, flows);
    puts(path);
}

static void make_directory(const char *directory) {
    char path[PATH_LENGTH];

    snprintf(path, sizeof path, "%s", directory);
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(path, 0755) != 0 && errno != EEXIST)
            fail(EX_CANTCREAT, "create folder", path);
        *slash = '/';
    }
    if (mkdir(path, 0755) != 0 && errno != EEXIST)
        fail(EX_CANTCREAT, "create folder", path);
}

static const char *default_directory(void) {
    static char path[PATH_LENGTH];
    const char *own = getenv("FLOWSENSOR_CACHE");
    const char *cache = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");

    if (own != NULL && own[0] != '\0')
        return own;
    if (cache != NULL && cache[0] != '\0')
        snprintf(path, sizeof path, "%s/flowsensor/bench", cache);
    else
        snprintf(path, sizeof path, "%s/.cache/flowsensor/bench", home == NULL ? "." : home);
    return path;
}

static void usage(void) {
    fprintf(stderr, "usage: bench-generate [--scale FACTOR] [--directory FOLDER] [mix|small|large]...\n");
    exit(EX_USAGE);
}

int main(int argc, char **argv) {
    struct options options = {.directory = default_directory(), .scale = 1};
    int at = 1;

    for (; at + 1 < argc && strncmp(argv[at], "--", 2) == 0; at += 2) {
        if (strcmp(argv[at], "--scale") == 0)
            options.scale = strtod(argv[at + 1], NULL);
        else if (strcmp(argv[at], "--directory") == 0)
            options.directory = argv[at + 1];
        else
            usage();
    }
    if (!(options.scale > 0 && options.scale <= 100))
        usage();
    for (int i = at; i < argc; i++) {
        if (traffic_scenario_find(argv[i]) == NULL)
            usage();
    }
    make_directory(options.directory);
    for (size_t i = 0; at == argc && traffic_scenario_at(i) != NULL; i++)
        make_capture(&options, traffic_scenario_at(i));
    for (int i = at; i < argc; i++)
        make_capture(&options, traffic_scenario_find(argv[i]));
    return EX_OK;
}
