#include <errno.h>
#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "capture/capture.h"

enum { SNAPSHOT_LENGTH = 262144 };

/* The most common one comes first: its error is reported. */
static const int link_types[] = {DLT_EN10MB,           DLT_RAW, DLT_LINUX_SLL, DLT_LINUX_SLL2,
                                 DLT_IEEE802_11_RADIO, DLT_PPP};

/* -errno, and libpcap's message in `reason`. */
static int compile_for(int link_type, const char *filter, char *reason, size_t size) {
    struct bpf_program program;
    pcap_t *handle = pcap_open_dead(link_type, SNAPSHOT_LENGTH);
    if (!handle)
        return -ENOMEM;
    int result = pcap_compile(handle, &program, filter, 1, PCAP_NETMASK_UNKNOWN) < 0 ? -EINVAL : 0;
    if (result == 0)
        pcap_freecode(&program);
    else
        snprintf(reason, size, "%s", pcap_geterr(handle));
    pcap_close(handle);
    return result;
}

int capture_check_filter(const char *filter, struct error *error) {
    char first[PCAP_ERRBUF_SIZE] = "out of memory", other[PCAP_ERRBUF_SIZE];
    int result = compile_for(link_types[0], filter, first, sizeof first);
    for (size_t i = 1; result == -EINVAL && i < sizeof link_types / sizeof *link_types; i++)
        result = compile_for(link_types[i], filter, other, sizeof other);
    return result == 0
               ? 0
               : error_set(error, EINVAL, EX_CONFIG,
                           "the BPF filter \"%s\" can't be compiled: %s; see pcap-filter(7)", filter, first);
}
