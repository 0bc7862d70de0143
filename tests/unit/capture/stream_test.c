/* Bytes as they are and compressed, from files and pipes. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <zlib.h>
#include <zstd.h>

#include "capture/stream.h"

enum { LENGTH = 5 << 20 };

static uint8_t *plain, *packed;

/* Bytes that compress, but not to nothing. */
static int make_bytes(void **state) {
    (void)state;
    uint32_t random = 1;
    plain = malloc(LENGTH);
    packed = malloc(2 * LENGTH);
    for (size_t i = 0; i < LENGTH; i++) {
        random = random * 1664525 + 1013904223;
        plain[i] = (uint8_t)(random >> 29);
    }
    return plain == NULL || packed == NULL ? -1 : 0;
}

static int drop_bytes(void **state) {
    (void)state;
    free(plain);
    free(packed);
    return 0;
}

static size_t gzip_member(const uint8_t *bytes, size_t length, uint8_t *out) {
    z_stream zlib = {
        .next_in = (Bytef *)bytes, .avail_in = (uInt)length, .next_out = out, .avail_out = LENGTH};
    assert_int_equal(deflateInit2(&zlib, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&zlib, Z_FINISH), Z_STREAM_END);
    deflateEnd(&zlib);
    return LENGTH - zlib.avail_out;
}

static size_t zstd_frame(const uint8_t *bytes, size_t length, uint8_t *out) {
    size_t size = ZSTD_compress(out, LENGTH, bytes, length, 1);
    assert_false(ZSTD_isError(size));
    return size;
}

static int file_of(const uint8_t *bytes, size_t length) {
    char name[] = "/tmp/flowsensor-stream-XXXXXX";
    int descriptor = mkstemp(name);
    assert_true(descriptor >= 0);
    unlink(name);
    assert_int_equal(write(descriptor, bytes, length), length);
    lseek(descriptor, 0, SEEK_SET);
    return descriptor;
}

/* Reads in steps of odd sizes, some of them passed over; how many bytes came before the end. */
static size_t read_through(struct stream *stream) {
    size_t at = 0;
    assert_int_equal(stream_recognize(stream), STREAM_GOOD);
    for (size_t step = 1;; step = step * 7 % 99991) {
        const uint8_t *bytes = stream_peek(stream, step);
        if (bytes == NULL)
            return at + (stream->end - stream->next);
        assert_memory_equal(bytes, plain + at, step);
        stream_skip(stream, step + step / 3);
        at += step + step / 3;
    }
}

/* All of `plain` is in the bytes. */
static void expect_all(const uint8_t *bytes, size_t length) {
    struct stream *stream = stream_create(1);
    int descriptor = file_of(bytes, length);
    assert_non_null(stream);
    stream_begin(stream, descriptor);
    size_t seen = read_through(stream);
    assert_int_equal(stream->state, STREAM_END);
    /* The last step may have passed over more than there was. */
    assert_true(seen >= LENGTH && seen - LENGTH <= stream->to_skip);
    assert_int_equal(stream->taken, length);
    stream_destroy(stream);
    close(descriptor);
}

/* What was packed before the damage is given, and then the reason. */
static void expect_failure(const uint8_t *bytes, size_t length, size_t at_least, const char *words) {
    struct stream *stream = stream_create(1);
    int descriptor = file_of(bytes, length);
    assert_non_null(stream);
    stream_begin(stream, descriptor);
    size_t seen = read_through(stream);
    assert_int_equal(stream->state, STREAM_FAILED);
    assert_true(seen >= at_least && seen < LENGTH);
    if (strstr(stream->reason, words) == NULL)
        fail_msg("\"%s\" expected: %s", words, stream->reason);
    stream_destroy(stream);
    close(descriptor);
}

static void bytes_as_they_are(void **state) {
    (void)state;
    expect_all(plain, LENGTH);
}

static void gzip_in_one_and_in_several_members(void **state) {
    (void)state;
    expect_all(packed, gzip_member(plain, LENGTH, packed));
    size_t length = gzip_member(plain, LENGTH / 3, packed);
    length += gzip_member(plain + LENGTH / 3, 0, packed + length);
    length += gzip_member(plain + LENGTH / 3, LENGTH - LENGTH / 3, packed + length);
    expect_all(packed, length);
    memset(packed + length, 0, 1000); /* as tapes are filled up */
    expect_all(packed, length + 1000);
}

static void zstd_in_one_and_in_several_frames(void **state) {
    (void)state;
    expect_all(packed, zstd_frame(plain, LENGTH, packed));
    const uint8_t skippable[] = {0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 'a', 'b', 'c'};
    memcpy(packed, skippable, sizeof skippable);
    size_t length = sizeof skippable;
    length += zstd_frame(plain, LENGTH / 2, packed + length);
    memcpy(packed + length, skippable, sizeof skippable);
    length += sizeof skippable;
    length += zstd_frame(plain + LENGTH / 2, LENGTH - LENGTH / 2, packed + length);
    expect_all(packed, length);
}

static void what_is_cut_is_given_up_to_there(void **state) {
    (void)state;
    size_t length = gzip_member(plain, LENGTH, packed);
    expect_failure(packed, length / 2, LENGTH / 4, "gzip: the gzip stream is cut");
    length = zstd_frame(plain, LENGTH, packed);
    expect_failure(packed, length / 2, LENGTH / 4, "zstd: the zstd stream is cut");
}

static void a_failed_check_sum_shows(void **state) {
    (void)state;
    struct stream *stream = stream_create(1);
    size_t length = gzip_member(plain, 1000, packed);
    packed[length - 8] ^= 1;
    int descriptor = file_of(packed, length);
    stream_begin(stream, descriptor);
    assert_int_equal(stream_recognize(stream), STREAM_GOOD);
    assert_non_null(stream_peek(stream, 1000));
    stream_skip(stream, 1000);
    assert_null(stream_peek(stream, 1));
    assert_int_equal(stream->state, STREAM_FAILED);
    assert_non_null(strstr(stream->reason, "incorrect data check"));
    stream_destroy(stream);
    close(descriptor);
}

/* All windows but one are held by others; the reader is told so, and goes on when one is given back. */
static void bytes_stay_while_their_window_is_held(void **state) {
    (void)state;
    enum { STEP = 100000 };
    struct stream *stream = stream_create(2);
    int descriptor = file_of(plain, LENGTH);
    stream_begin(stream, descriptor);
    assert_int_equal(stream_recognize(stream), STREAM_GOOD);
    const uint8_t *first = stream_peek(stream, STEP), *bytes;
    struct window *held[] = {stream->window, NULL};
    assert_true(window_has(held[0], first));
    window_hold(held[0]);
    size_t at = 0;
    while ((bytes = stream_peek(stream, STEP)) != NULL) {
        assert_memory_equal(bytes, plain + at, STEP);
        stream_skip(stream, STEP);
        at += STEP;
        if (held[1] == NULL && stream->window != held[0])
            window_hold(held[1] = stream->window);
    }
    assert_int_equal(stream->state, STREAM_IDLE);
    assert_non_null(held[1]);
    assert_memory_equal(first, plain, STEP);
    assert_null(stream_peek(stream, STEP));
    window_release(held[0]);
    bytes = stream_peek(stream, STEP);
    assert_ptr_equal(stream->window, held[0]);
    assert_memory_equal(bytes, plain + at, STEP);
    window_release(held[1]);
    stream_destroy(stream);
    close(descriptor);
}

/* The end of a capture is no reason to write over what others hold of it. */
static void a_held_window_outlives_its_capture(void **state) {
    (void)state;
    struct stream *stream = stream_create(2);
    int descriptors[] = {file_of(plain, 1000), file_of(plain + 1000, 1000)};
    stream_begin(stream, descriptors[0]);
    assert_int_equal(stream_recognize(stream), STREAM_GOOD);
    const uint8_t *first = stream_peek(stream, 1000);
    window_hold(stream->window);
    struct window *held = stream->window;
    stream_end(stream);
    stream_begin(stream, descriptors[1]);
    assert_int_equal(stream_recognize(stream), STREAM_GOOD);
    assert_memory_equal(stream_peek(stream, 1000), plain + 1000, 1000);
    assert_memory_equal(first, plain, 1000);
    window_release(held);
    stream_destroy(stream);
    close(descriptors[0]);
    close(descriptors[1]);
}

static void few_bytes_are_no_compression(void **state) {
    (void)state;
    struct stream *stream = stream_create(1);
    int descriptor = file_of(packed, 0);
    stream_begin(stream, descriptor);
    assert_int_equal(stream_recognize(stream), STREAM_GOOD);
    assert_null(stream_peek(stream, 1));
    assert_true(stream->state == STREAM_END && stream_is_used_up(stream));
    stream_destroy(stream);
    close(descriptor);
}

/* Also a pipe that somebody else made non-blocking; what is unpacked already is not held back for more. */
static void a_silent_pipe_is_idle_and_goes_on(void **state) {
    (void)state;
    int ends[2];
    struct stream *stream = stream_create(1);
    size_t length = gzip_member(plain, 3000, packed);
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    stream_begin(stream, ends[0]);
    assert_int_equal(stream_recognize(stream), STREAM_IDLE);
    assert_int_equal(write(ends[1], packed, 2), 2);
    assert_int_equal(stream_recognize(stream), STREAM_IDLE);
    assert_int_equal(write(ends[1], packed + 2, length - 12), length - 12);
    assert_int_equal(stream_recognize(stream), STREAM_GOOD);
    assert_non_null(stream_peek(stream, 2000));
    stream_skip(stream, 2500);
    assert_null(stream_peek(stream, 501));
    assert_int_equal(stream->state, STREAM_IDLE);
    assert_int_equal(write(ends[1], packed + length - 10, 10), 10);
    close(ends[1]);
    const uint8_t *bytes = stream_peek(stream, 500);
    assert_non_null(bytes);
    assert_memory_equal(bytes, plain + 2500, 500);
    assert_null(stream_peek(stream, 501));
    assert_int_equal(stream->state, STREAM_END);
    stream_destroy(stream);
    close(ends[0]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_as_they_are),
        cmocka_unit_test(gzip_in_one_and_in_several_members),
        cmocka_unit_test(zstd_in_one_and_in_several_frames),
        cmocka_unit_test(what_is_cut_is_given_up_to_there),
        cmocka_unit_test(a_failed_check_sum_shows),
        cmocka_unit_test(bytes_stay_while_their_window_is_held),
        cmocka_unit_test(a_held_window_outlives_its_capture),
        cmocka_unit_test(few_bytes_are_no_compression),
        cmocka_unit_test(a_silent_pipe_is_idle_and_goes_on),
    };
    return cmocka_run_group_tests(tests, make_bytes, drop_bytes);
}
