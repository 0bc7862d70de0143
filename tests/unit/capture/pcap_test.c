/* Every variant of pcap that libpcap reads is read alike by the own reader: the same bytes, lengths and times, up to
 * the same defect. libpcap itself is asked, by the way that the nfstream profile takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>

#include "capture/capture.h"

enum { FRAMES = 8, FRAME_KEPT = 64, DBUS = 231 };

struct variant {
    uint32_t magic;
    bool swapped;
    uint16_t major, minor;
    uint32_t snapshot;
    uint32_t link;
};

struct seen {
    size_t count;
    bool failed;
    struct one {
        uint8_t bytes[FRAME_KEPT];
        uint32_t captured, wire;
        int64_t seconds;
        int32_t microseconds;
        int link_type;
    } frames[FRAMES];
};

static char path[64];
static FILE *file;

static void put32(const struct variant *variant, uint32_t number) {
    number = variant->swapped ? __builtin_bswap32(number) : number;
    assert_int_equal(fwrite(&number, sizeof number, 1, file), 1);
}

static void put16(const struct variant *variant, uint16_t number) {
    number = variant->swapped ? __builtin_bswap16(number) : number;
    assert_int_equal(fwrite(&number, sizeof number, 1, file), 1);
}

static void put_header(const struct variant *variant) {
    file = fopen(path, "wb");
    assert_non_null(file);
    put32(variant, variant->magic);
    put16(variant, variant->major);
    put16(variant, variant->minor);
    put32(variant, 3600); /* time zone: nobody looks */
    put32(variant, 0);
    put32(variant, variant->snapshot);
    put32(variant, variant->link);
}

/* `captured` bytes, of which `there` follow. */
static void put_packet(const struct variant *variant, uint32_t seconds, uint32_t fraction, uint32_t captured,
                       uint32_t wire, uint32_t there) {
    put32(variant, seconds);
    put32(variant, fraction);
    put32(variant, captured);
    put32(variant, wire);
    if (variant->magic == 0xa1b2cd34)
        for (int i = 0; i < 2; i++)
            put32(variant, 0xdeadbeef);
    for (uint32_t i = 0; i < there; i++)
        fputc((int)(seconds + i), file);
}

static void read_by(bool as_nfstream, struct seen *seen) {
    const char *name = path;
    struct capture_options options = {.files = &name, .file_count = 1, .as_nfstream = as_nfstream};
    struct capture *capture = NULL;
    struct frame frame;
    struct error error = {0};
    enum capture_event event = CAPTURE_FRAME;
    memset(seen, 0, sizeof *seen);
    seen->failed = capture_open(&options, &capture, &error) < 0;
    while (!seen->failed && seen->count < FRAMES) {
        seen->failed = capture_next(capture, &frame, &event, &error) < 0;
        if (seen->failed || event != CAPTURE_FRAME)
            break;
        struct one *one = &seen->frames[seen->count++];
        one->captured = frame.captured_length;
        one->wire = frame.wire_length;
        one->seconds = frame.seconds;
        one->microseconds = frame.microseconds;
        one->link_type = frame.link_type;
        memcpy(one->bytes, frame.bytes,
               frame.captured_length < FRAME_KEPT ? frame.captured_length : FRAME_KEPT);
    }
    capture_close(capture);
}

/* What is in the file is read alike; the number of frames. */
static size_t expect_alike(bool failed) {
    struct seen own, libpcap;
    fclose(file);
    read_by(false, &own);
    read_by(true, &libpcap);
    assert_int_equal(own.count, libpcap.count);
    assert_memory_equal(own.frames, libpcap.frames, sizeof own.frames);
    assert_int_equal(own.failed, failed);
    assert_int_equal(libpcap.failed, failed);
    return own.count;
}

static int make_path(void **state) {
    (void)state;
    strcpy(path, "/tmp/flowsensor-pcap-XXXXXX");
    int descriptor = mkstemp(path);
    return descriptor < 0 ? -1 : close(descriptor);
}

static int remove_path(void **state) {
    (void)state;
    return unlink(path);
}

static const uint32_t magics[] = {0xa1b2c3d4, 0xa1b23c4d, 0xa1b2cd34};

static void every_variant_is_read(void **state) {
    (void)state;
    static const uint16_t versions[][2] = {{2, 4}, {2, 3}, {2, 2}, {2, 0}, {543, 0}};
    static const uint32_t snapshots[] = {65535, 30, 0, 0x80000000, 262144, 1 << 20};
    for (size_t i = 0; i < 3 * 2 * 5 * 6; i++) {
        struct variant variant = {.magic = magics[i % 3],
                                  .swapped = i / 3 % 2,
                                  .major = versions[i / 6 % 5][0],
                                  .minor = versions[i / 6 % 5][1],
                                  .snapshot = snapshots[i / 30],
                                  .link = i % 2 == 0 ? 1 : 101};
        bool exchanged = variant.major == 543 || variant.minor < 3;
        put_header(&variant);
        put_packet(&variant, 1, 999999999, exchanged ? 50 : 40, exchanged ? 40 : 50, 40);
        put_packet(&variant, 4294967295, 5, 20, 20, 20);
        put_packet(&variant, 3, 0, exchanged ? 60 : 33, exchanged ? 33 : 60, 33);
        assert_int_equal(expect_alike(false), 3);
    }
}

/* Lengths the wrong way round in a version where some wrote them so. */
static void lengths_in_doubt_are_put_right(void **state) {
    (void)state;
    struct variant variant = {.magic = magics[0], .major = 2, .minor = 3, .snapshot = 65535, .link = 1};
    put_header(&variant);
    put_packet(&variant, 1, 0, 100, 40, 40);
    put_packet(&variant, 2, 0, 40, 100, 40);
    assert_int_equal(expect_alike(false), 2);
}

static void defects_are_seen_at_the_same_place(void **state) {
    (void)state;
    for (size_t defect = 0; defect < 6; defect++) {
        struct variant variant = {.magic = magics[0], .major = 2, .minor = 4, .snapshot = 40, .link = 1};
        put_header(&variant);
        put_packet(&variant, 1, 0, 40, 40, 40);
        switch (defect) {
        case 0: put_packet(&variant, 2, 0, 262145, 262145, 0); break;
        case 1: put_packet(&variant, 2, 0, 39, 39, 38); break;
        case 2:
            put_packet(&variant, 2, 0, 100, 100, 99);
            break; /* within what the snapshot length cuts off */
        case 3: put32(&variant, 7); break;
        case 4: put_packet(&variant, 2, 0, 0x7fffffff, 5, 0); break;
        default: put_packet(&variant, 2, 0, 1, 1, 0); break;
        }
        assert_int_equal(expect_alike(true), 1);
    }
}

static void headers_that_are_none_are_refused(void **state) {
    (void)state;
    for (size_t defect = 0; defect < 4; defect++) {
        struct variant variant = {.magic = magics[0], .major = 2, .minor = 4, .snapshot = 40, .link = 1};
        if (defect == 0)
            variant.minor = 5;
        else if (defect == 1)
            variant.major = 3;
        else if (defect == 2)
            variant.magic = 0xa1b2c3d5;
        put_header(&variant);
        if (defect == 3) {
            fflush(file);
            assert_int_equal(ftruncate(fileno(file), 23), 0);
        }
        assert_int_equal(expect_alike(true), 0);
    }
}

/* Frames of a link type that nobody decodes may be longer than the window. */
static void long_frames_of_others_are_passed_over(void **state) {
    (void)state;
    struct variant variant = {.magic = magics[0], .major = 2, .minor = 4, .snapshot = 0, .link = DBUS};
    struct seen seen;
    put_header(&variant);
    put_packet(&variant, 1, 0, 3 << 20, 3 << 20, 3 << 20);
    put_packet(&variant, 2, 0, 10, 10, 10);
    fclose(file);
    read_by(false, &seen);
    assert_int_equal(seen.count, 2);
    assert_false(seen.failed);
    assert_int_equal(seen.frames[0].captured, 262144);
    assert_int_equal(seen.frames[0].wire, 3 << 20);
    assert_int_equal(seen.frames[1].seconds, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_variant_is_read),
        cmocka_unit_test(lengths_in_doubt_are_put_right),
        cmocka_unit_test(defects_are_seen_at_the_same_place),
        cmocka_unit_test(headers_that_are_none_are_refused),
        cmocka_unit_test(long_frames_of_others_are_passed_over),
    };
    return cmocka_run_group_tests(tests, make_path, remove_path);
}
