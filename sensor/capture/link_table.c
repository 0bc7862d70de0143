#include "capture/link_table.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cache_line.h"
#include "capture/source.h"

struct link_table {
    const char *filter;
    struct link *links[LINK_TYPES_MAX];
    size_t count;
};

struct link_table *link_table_create(const char *filter) {
    struct link_table *table = calloc(1, sizeof *table);
    if (table != NULL)
        table->filter = filter;
    return table;
}

static void link_release(struct link *link) {
    if (link->program != NULL)
        pcap_freecode(link->program);
    free(link->program);
    free(link);
}

void link_table_destroy(struct link_table *table) {
    if (table == NULL)
        return;
    for (size_t i = 0; i < table->count; i++)
        link_release(table->links[i]);
    free(table);
}

/* Opens an empty capture of this link type with libpcap. pcap_open_dead() doesn't do instead: it doesn't translate the
 * number, and doesn't compile filters as for files. */
static pcap_t *open_empty(uint16_t recorded) {
    struct pcap_file_header header = {
        .magic = 0xa1b2c3d4, .version_major = 2, .version_minor = 4, .linktype = recorded};
    char reason[PCAP_ERRBUF_SIZE];
    FILE *file = fmemopen(&header, sizeof header, "rb");
    pcap_t *handle = file != NULL ? pcap_fopen_offline(file, reason) : NULL;
    if (handle == NULL && file != NULL)
        fclose(file);
    return handle;
}

static bool link_compile_filter(struct link *link, pcap_t *handle, const char *filter) {
    link->program = calloc(1, sizeof(struct bpf_program));
    if (link->program == NULL)
        return false;
    if (pcap_compile(handle, link->program, filter, 1, PCAP_NETMASK_UNKNOWN) == 0)
        return true;
    free(link->program);
    link->program = NULL;
    link->refuses = true;
    return true;
}

static struct link *link_make(const struct link_table *table, uint16_t recorded) {
    pcap_t *handle = open_empty(recorded);
    struct link *link = handle != NULL ? cache_line_calloc(1, sizeof *link) : NULL;
    if (link != NULL) {
        link->recorded = recorded;
        link->type = pcap_datalink(handle);
        link->frame_max = (uint32_t)pcap_snapshot(handle);
        if (table->filter != NULL && !link_compile_filter(link, handle, table->filter)) {
            free(link);
            link = NULL;
        }
    }
    if (handle != NULL)
        pcap_close(handle);
    return link;
}

const struct link *link_find(struct link_table *table, uint16_t recorded) {
    for (size_t i = 0; i < table->count; i++)
        if (table->links[i]->recorded == recorded)
            return table->links[i];
    struct link *link = table->count < LINK_TYPES_MAX ? link_make(table, recorded) : NULL;
    if (link != NULL)
        table->links[table->count++] = link;
    return link;
}

int link_refuse_filter(const struct link_table *table, const struct link *link, const char *name,
                       struct error *error) {
    pcap_t *handle = open_empty(link->recorded);
    int result = handle != NULL ? source_set_filter(handle, table->filter, name, error)
                                : error_set(error, ENOMEM, EX_OSERR, "no memory to filter %s", name);
    if (handle != NULL)
        pcap_close(handle);
    return result;
}

bool link_passes_filter(const struct link *link, const struct frame *frame) {
    struct pcap_pkthdr header = {.caplen = frame->captured_length, .len = frame->wire_length};
    return pcap_offline_filter(link->program, &header, frame->bytes) != 0;
}
