/* Fuzzes the spool's folder: whatever its files have in them, it opens, ends, and accounts for all records. An input is a
 * list of files: a byte that says which one, and in its highest bit that sums are to be made right, two of length, and
 * the bytes. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "sink/spool/crc32c.h"
#include "sink/spool/cursor.h"
#include "sink/spool/spool_parts.h"

enum { INPUT_MAX = 1 << 16, FILES = 8, SEAL = 0x80 };

static char folder[] = "/tmp/flowsensor-spool-fuzz-XXXXXX";
static int descriptor;
/* Of segments; they are close together, so that one's records reach the next. */
static const uint64_t firsts[FILES] = {0, 1, 2, 3, 4, 10, 100, 1000000};

static void require(bool condition) {
    if (!condition)
        abort();
}

static int no_sync(int file) {
    (void)file;
    return 0;
}

static struct spool_disk disk;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void leave_no_folder(void) {
    unlinkat(descriptor, "lock", 0);
    rmdir(folder);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    log_configure(LOG_ERROR, LOG_PLAIN);

    require(mkdtemp(folder) != NULL);
    descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    require(descriptor >= 0);
    disk = spool_disk_real;
    disk.sync = disk.sync_folder = no_sync;
    atexit(leave_no_folder);
    return 0;
}

/* Makes the sums of a file right, so that what they guard is reached. */
static void seal(bool segment, uint8_t *bytes, size_t size) {
    if (!segment) {
        if (size > 12)
            bytes_put_little_u32(bytes + 8, crc32c(bytes + 12, size - 12));
        return;
    }
    uint32_t length = size >= SEGMENT_FIXED_SIZE ? segment_header_length(bytes) : 0;
    if (length == 0 || length > size)
        return;
    bytes_put_little_u32(bytes + 12, crc32c(bytes + 16, length - 16));
    for (size_t at = length; size - at >= SEGMENT_RECORD_MIN;) {
        size_t whole = segment_record_whole_size(bytes + at);
        if (whole > size - at)
            break;
        segment_record_seal(bytes + at);
        at += whole;
    }
}

static void make_files(const uint8_t *data, size_t size) {
    static uint8_t bytes[INPUT_MAX];
    for (size_t at = 0; size - at >= 3;) {
        char name[SEGMENT_NAME_SIZE] = "cursor";
        uint64_t first = firsts[data[at] % FILES];
        size_t length = (size_t)data[at + 1] << 8 | data[at + 2];
        length = length < size - at - 3 ? length : size - at - 3;
        memcpy(bytes, data + at + 3, length);
        if (data[at] & SEAL)
            seal(first > 0, bytes, length);
        if (first > 0)
            segment_name(first, ".spool", name);
        int file = openat(descriptor, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        require(write(file, bytes, length) == (ssize_t)length);
        close(file);
        at += 3 + length;
    }
}

static void remove_files(void) {
    for (size_t i = 0; i < FILES; i++) {
        char name[SEGMENT_NAME_SIZE];
        segment_name(firsts[i], ".spool", name);
        unlinkat(descriptor, name, 0);
        segment_name(firsts[i], ".damaged", name);
        unlinkat(descriptor, name, 0);
    }
    unlinkat(descriptor, "cursor", 0);
}

static void require_closed_account(const struct spool *spool) {
    struct spool_statistics s;
    spool_statistics(spool, &s);
    require(s.found + s.appended == s.waiting + s.taken + s.skipped + s.dropped_oldest + s.damaged);
}

static void use(struct spool *spool) {
    struct spool_record record;
    uint64_t before = 0;
    int64_t end = clock_monotonic() + 20000000;
    while (!spool_is_at_end(spool)) {
        require(clock_monotonic() < end);
        if (!spool_read(spool, &record))
            continue;
        require(record.position > before && record.position < spool_end(spool));
        require(strlen(record.message.record_kind) < 256 && strlen(record.message.anon_key_id) <= 16);
        require(strlen(record.origin->schema_text) < INPUT_MAX);
        before = record.position;
        spool_take(spool, &record);
    }
    require_closed_account(spool);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const struct spool_options options = {
        .output = "flows",
        .directory = folder,
        .size = 1 << 20,
        .buffer_size = 1 << 12,
        .origin = {{"s", "b", "o", "f", false}, "flow/v2", "00", "{}", "none", 1},
    };
    const struct spool_settings settings = {.disk = &disk,
                                            .segment_size = 1 << 17,
                                            .chunk_size = 4096,
                                            .commit_after = 1000,
                                            .commit_size = 1 << 12,
                                            .retry_after = 1000,
                                            .close_limit = 60000000,
                                            .idle_after = 1000000};
    struct spool *spool = NULL;
    struct error error = {0};
    if (size > INPUT_MAX)
        return 0;
    make_files(data, size);
    require(spool_open_with(&options, &settings, &spool, &error) == 0);
    require_closed_account(spool);
    use(spool);
    spool_close(spool);
    remove_files();
    return 0;
}
