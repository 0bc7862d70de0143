/* Fuzzes the readers of captures: one input is a file of any format and compression, read to its end in both ways, with
 * and without a filter. Frames must lie in memory that is there and keep their lengths. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "capture/capture.h"
#include "capture/link_table.h"

enum { FRAMES_MAX = 1 << 20 };

static char path[64];
static int descriptor = -1;

static void require(bool condition) {
    if (!condition)
        abort();
}

static void write_file(const uint8_t *data, size_t size) {
    if (descriptor < 0) {
        descriptor = memfd_create("capture", 0);
        require(descriptor >= 0);
        require(snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor) > 0);
    }
    require(ftruncate(descriptor, 0) == 0 && pwrite(descriptor, data, size, 0) == (ssize_t)size);
}

/* Reads what the frame claims to have, so that the sanitizer sees a claim that is wrong. */
static unsigned use(const struct frame *frame) {
    unsigned sum = 0;
    require(frame->captured_length <= LINK_FRAME_MAX);
    for (uint32_t i = 0; i < frame->captured_length; i++)
        sum += frame->bytes[i];
    return sum;
}

static void read_all(const struct capture_options *options) {
    struct capture *capture = NULL;
    struct frame frame = {0};
    struct error error = {0};
    enum capture_event event = CAPTURE_FRAME;
    unsigned failures = 0, sum = 0;
    if (capture_open(options, &capture, &error) < 0) {
        require(error.text[0] != '\0' && error.exit_code != 0);
        return;
    }
    for (int frames = 0; frames < FRAMES_MAX && event != CAPTURE_END; frames++) {
        if (capture_next(capture, &frame, &event, &error) < 0)
            require(++failures == 1);
        else if (event == CAPTURE_FRAME)
            sum += options->as_nfstream ? 0 : use(&frame);
    }
    require(sum <= UINT32_MAX);
    capture_close(capture);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *const files[] = {path};
    write_file(data, size);
    struct capture_options options = {.files = files, .file_count = 1};
    read_all(&options);
    options.as_nfstream = true;
    read_all(&options);
    options = (struct capture_options){.files = files, .file_count = 1, .bpf_filter = "udp or greater 100"};
    read_all(&options);
    return 0;
}
