/* Captures as NFStream reads them, with libpcap. If a pcapng has several interfaces, it gives packets of those that are
 * like the first one. After damage it goes on as far as it can.
 *
 * The seconds of pcap are unsigned. libpcap up to 1.10.5 sign-extends them. NFStream turns that into a time near the end of
 * 64 bits, which no reader of records could take. */
#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/format.h"
#include "capture/source.h"

enum { BUFFER_SIZE = 1 << 20 };

struct libpcap {
    pcap_t *handle;
    char *buffer; /* stdio's */
    int link_type;
    bool unsigned_seconds; /* 32 bits of them */
    uint64_t frames;
    uint64_t errors;
};

static ssize_t read_cookie(void *cookie, char *bytes, size_t size) {
    const struct recording *recording = cookie;
    ptrdiff_t length = stream_read(recording->stream, bytes, size, recording->broken);
    if (length < 0)
        errno = (int)-length;
    return length < 0 ? -1 : length;
}

/* libpcap closes the stream with the handle. */
static pcap_t *open_handle(struct recording *recording, struct libpcap *libpcap) {
    char reason[PCAP_ERRBUF_SIZE] = "";
    FILE *file = fopencookie(recording, "r", (cookie_io_functions_t){.read = read_cookie});
    libpcap->buffer = malloc(BUFFER_SIZE);
    if (file == NULL || libpcap->buffer == NULL) {
        recording_fails(recording, "%s", strerror(ENOMEM));
        if (file != NULL)
            fclose(file);
        return NULL;
    }
    setvbuf(file, libpcap->buffer, _IOFBF, BUFFER_SIZE);
    pcap_t *handle = pcap_fopen_offline(file, reason);
    if (handle == NULL) {
        recording_fails(recording, "%s", reason);
        fclose(file);
    }
    return handle;
}

static enum read_result libpcap_open(struct recording *recording) {
    struct libpcap *libpcap = recording->state;
    const uint8_t *magic = stream_peek(recording->stream, FORMAT_MAGIC);
    libpcap->unsigned_seconds = magic != NULL && !format_pcapng.recognizes(magic);
    libpcap->handle = open_handle(recording, libpcap);
    if (libpcap->handle == NULL)
        return READ_FAILED;
    libpcap->link_type = pcap_datalink(libpcap->handle);
    if (libpcap->link_type > UINT16_MAX)
        return recording_fails(recording, "its link type %d uses reserved bits", libpcap->link_type);
    bool filters =
        source_set_filter(libpcap->handle, recording->filter, recording->name, &recording->refusal) == 0;
    return filters ? READ_GOOD : READ_FAILED;
}

static void fill_frame(struct libpcap *libpcap, const struct pcap_pkthdr *header, const uint8_t *bytes,
                       struct frame *frame) {
    int64_t seconds = header->ts.tv_sec;
    frame->bytes = bytes;
    frame->captured_length = header->caplen;
    frame->wire_length = header->len;
    frame->seconds = libpcap->unsigned_seconds ? (uint32_t)seconds : seconds;
    frame->microseconds = (int32_t)header->ts.tv_usec;
    frame->link_type = libpcap->link_type;
    libpcap->frames++;
}

/* Reports the first error only. NFStream reports none and reads on. */
static void note_error(struct recording *recording, struct libpcap *libpcap) {
    if (libpcap->errors++ == 0)
        recording_fails(recording, "after %llu packet%s: %s", (unsigned long long)libpcap->frames,
                        libpcap->frames == 1 ? "" : "s", pcap_geterr(libpcap->handle));
}

static enum read_result libpcap_next(struct recording *recording, struct frame *frame) {
    struct libpcap *libpcap = recording->state;
    struct pcap_pkthdr *header;
    const u_char *bytes;
    recording->link = NULL;
    while (!atomic_load_explicit(recording->broken, memory_order_relaxed)) {
        int result = pcap_next_ex(libpcap->handle, &header, &bytes);
        if (result == 1) {
            fill_frame(libpcap, header, bytes, frame);
            return READ_GOOD;
        }
        if (result == PCAP_ERROR_BREAK) /* the end of the file */
            return libpcap->errors == 0 ? READ_END : READ_FAILED;
        note_error(recording, libpcap);
        /* If nothing can be read any more, to read on would never end. */
        if (ferror(pcap_file(libpcap->handle)))
            return READ_FAILED;
    }
    return READ_IDLE;
}

static void libpcap_close(struct recording *recording) {
    struct libpcap *libpcap = recording->state;
    if (libpcap->handle != NULL)
        pcap_close(libpcap->handle);
    free(libpcap->buffer);
}

const struct format format_libpcap = {
    .name = "libpcap's",
    .state_size = sizeof(struct libpcap),
    .open = libpcap_open,
    .next = libpcap_next,
    .close = libpcap_close,
};
