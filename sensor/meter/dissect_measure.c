#include "meter/dissect_measure.h"

#include <malloc.h>
#include <string.h>

#include "meter/dissect_shim.h"

enum {
    FLOWS = 16,
    IP_HEADER = 20,
    TCP_HEADER = 20,
    MSS_OPTION = 4,
    PAYLOAD = 64,
    MODULE_BYTES = 5632 << 10, /* nDPI 4.2's */
    INNER_BYTES = 2048 + 16,
};

static const struct dissect_sizes fallback = {.module = MODULE_BYTES, .inner = INNER_BYTES};

static uint64_t heap_in_use(void) {
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

/* A segment from client to server; a SYN has an option, as everyone's has: newer nDPIs keep a fingerprint of them. */
static void measure_show_segment(struct ndpi_detection_module_struct *module, struct ndpi_flow_struct *flow,
                                 uint8_t number, bool syn) {
    uint8_t ip[IP_HEADER + TCP_HEADER + PAYLOAD] = {
        0x45, [8] = 64, [9] = 6, [12] = 10, [15] = 1, [16] = 10, [19] = 2};
    uint8_t *tcp = ip + IP_HEADER;
    uint8_t length = syn ? IP_HEADER + TCP_HEADER + MSS_OPTION : sizeof ip;
    ip[3] = length;
    tcp[0] = tcp[2] = 0x9c;
    tcp[1] = number;
    tcp[12] = (TCP_HEADER + (syn ? MSS_OPTION : 0)) / 4 << 4;
    tcp[13] = syn ? 0x02 : 0x18; /* SYN; PSH and ACK */
    memset(tcp + TCP_HEADER, 0xa5, PAYLOAD);
    if (syn)
        memcpy(tcp + TCP_HEADER, "\x02\x04\x05\xb4", MSS_OPTION);
    shim_packet(module, flow, ip, length, 1);
}

/* A flow that nobody knows: nDPI keeps its payload, and waits. */
static void measure_show_flow(struct ndpi_detection_module_struct *module, struct ndpi_flow_struct *flow,
                              uint8_t number) {
    measure_show_segment(module, flow, number, true);
    measure_show_segment(module, flow, number, false);
}

static uint64_t measure_inner(struct ndpi_detection_module_struct *module) {
    static struct ndpi_flow_struct flows[FLOWS];
    memset(flows, 0, sizeof flows);
    /* The first one also pays for what all share. */
    measure_show_flow(module, &flows[0], 0);
    uint64_t before = heap_in_use();
    for (int i = 1; i < FLOWS; i++)
        measure_show_flow(module, &flows[i], (uint8_t)i);
    uint64_t bytes = (heap_in_use() - before) / (FLOWS - 1);
    for (int i = 0; i < FLOWS; i++)
        ndpi_free_flow_data(&flows[i]);
    return bytes;
}

static struct dissect_sizes measure_library(void) {
    uint64_t before = heap_in_use();
    struct ndpi_detection_module_struct *module = shim_create();
    if (module == NULL)
        return fallback;
    struct dissect_sizes sizes = {.module = heap_in_use() - before};
    sizes.inner = measure_inner(module);
    ndpi_exit_detection_module(module);
    return sizes.module > 0 && sizes.inner > 0 ? sizes : fallback;
}

struct dissect_sizes dissect_sizes(void) {
    static struct dissect_sizes measured;
    if (measured.module == 0)
        measured = measure_library();
    return measured;
}
