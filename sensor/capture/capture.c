#include "capture/capture.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <string.h>

#include "base/check.h"
#include "capture/source.h"

int capture_open(const struct capture_options *options, struct capture **capture, struct error *error) {
    if (options->files != NULL && options->interface_count > 0)
        return error_set(error, EINVAL, EX_USAGE,
                         "both files and the interface \"%s\" are given to capture from; choose one",
                         options->interfaces[0]);
    if (options->interface_count > 0)
        return capture_open_shares(options, 1, capture, error);
    if (options->files != NULL && options->file_count > 0)
        return file_open(options, capture, error);
    return error_set(error, EINVAL, EX_USAGE, "nothing to capture from: give a capture file or an interface");
}

void capture_close(struct capture *capture) {
    if (capture == NULL)
        return;
    CHECK(IS_VALID(capture, CAPTURE_MAGIC));
    MAGIC_CLEAR(capture);
    capture->type->close(capture);
}

int capture_next(struct capture *capture, struct frame *frame, enum capture_event *event,
                 struct error *error) {
    DEBUG_CHECK(IS_VALID(capture, CAPTURE_MAGIC));
    if (atomic_load_explicit(&capture->broken, memory_order_relaxed)) {
        *event = CAPTURE_END;
        if (capture->type->rest != NULL)
            capture->type->rest(capture, frame, event);
        return 0;
    }
    return capture->type->next(capture, frame, event, error);
}

void capture_hurry(struct capture *capture, bool hurry) {
    capture->hurry = hurry;
}

void capture_break(struct capture *capture) {
    atomic_store_explicit(&capture->broken, true, memory_order_relaxed);
}

void capture_statistics(struct capture *capture, struct capture_statistics *statistics) {
    CHECK(IS_VALID(capture, CAPTURE_MAGIC));
    memset(statistics, 0, sizeof *statistics);
    statistics->frames = capture->frames;
    capture->type->statistics(capture, statistics);
}

unsigned capture_pressure(struct capture *capture) {
    return capture->type->pressure != NULL ? capture->type->pressure(capture) : 0;
}

struct window *capture_window(const struct capture *capture) {
    return capture->type->window != NULL ? capture->type->window(capture) : NULL;
}

const char *capture_source_name(const struct capture *capture) {
    return capture->type->name(capture);
}

const char *capture_link_type_name(const struct capture *capture) {
    const char *name =
        capture->type->link_type ? pcap_datalink_val_to_name(capture->type->link_type(capture)) : NULL;
    return name ? name : "";
}

bool capture_interface(const struct capture *capture, uint16_t interface, char name[CAPTURE_INTERFACE_NAME],
                       const char **role) {
    return capture->type->interface != NULL && capture->type->interface(capture, interface, name, role);
}

bool capture_has_interface(const struct capture *capture, uint16_t interface) {
    return capture->type->has_interface != NULL && capture->type->has_interface(capture, interface);
}

void capture_visit_cards(const struct capture *capture, capture_card_visit *visit, void *context) {
    if (capture->type->visit_cards != NULL)
        capture->type->visit_cards(capture, visit, context);
}

int capture_change_filter(struct capture *capture, const char *filter, const atomic_bool *given_up,
                          struct error *error) {
    CHECK(capture->type->change_filter != NULL);
    return capture->type->change_filter(capture, filter, given_up, error);
}

const char *const *capture_file_names(const struct capture *capture) {
    return capture->type->file_names != NULL ? capture->type->file_names(capture) : NULL;
}

const char *capture_library_version(void) {
    return pcap_lib_version();
}

int source_set_filter(struct pcap *handle, const char *filter, const char *name, struct error *error) {
    struct bpf_program program;
    if (filter == NULL)
        return 0;
    if (pcap_compile(handle, &program, filter, 1, PCAP_NETMASK_UNKNOWN) < 0)
        return error_set(error, EINVAL, EX_CONFIG,
                         "the BPF filter \"%s\" can't be compiled for %s: %s; see pcap-filter(7)", filter,
                         name, pcap_geterr(handle));
    int result = pcap_setfilter(handle, &program);
    pcap_freecode(&program);
    if (result < 0)
        return error_set(error, EIO, EX_OSERR, "the BPF filter \"%s\" can't be attached to %s: %s", filter,
                         name, pcap_geterr(handle));
    return 0;
}
