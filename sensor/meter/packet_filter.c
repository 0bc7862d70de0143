#include "meter/packet_filter.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>

struct packet_filter {
    struct bpf_program program;
};

enum { LENGTH_MAX = 262144 };

static int packet_filter_compile_by(pcap_t *handle, const char *expression, struct packet_filter **filter,
                                    char *reason, size_t reason_size) {
    struct packet_filter *compiled = calloc(1, sizeof *compiled);
    if (compiled == NULL)
        return -ENOMEM;
    if (pcap_compile(handle, &compiled->program, expression, 1, PCAP_NETMASK_UNKNOWN) != 0) {
        snprintf(reason, reason_size, "%s", pcap_geterr(handle));
        free(compiled);
        return -EINVAL;
    }
    *filter = compiled;
    return 0;
}

int packet_filter_compile(const char *expression, struct packet_filter **filter, char *reason,
                          size_t reason_size) {
    pcap_t *handle = pcap_open_dead(DLT_RAW, LENGTH_MAX);
    if (handle == NULL)
        return -ENOMEM;
    int result = packet_filter_compile_by(handle, expression, filter, reason, reason_size);
    pcap_close(handle);
    return result;
}

void packet_filter_free(struct packet_filter *filter) {
    if (filter == NULL)
        return;
    pcap_freecode(&filter->program);
    free(filter);
}

bool packet_filter_matches(const struct packet_filter *filter, const struct packet *packet) {
    uint32_t length = packet->size[ACCOUNT_IP];
    uint32_t captured = packet->ip_captured < length ? packet->ip_captured : length;
    return bpf_filter(filter->program.bf_insns, packet->ip, length, captured) != 0;
}
