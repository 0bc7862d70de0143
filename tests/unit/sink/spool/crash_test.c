/* The machine stops at any moment, and leaves any part of what was not synced: the log opens always, and what is read is
 * an unbroken piece of what was appended, with all that was synced and not released. FLOWSENSOR_CRASHES says how many
 * moments are tried. */
#include "sink/spool/spool_fixture.h"

#include "base/log.h"
#include "sink/spool/watched_disk.h"

#include "sink/spool/crashed_disk.h"

enum { CRASHES = 700, STEPS = 700, MOMENTS = 1 << 16 };

/* What is true once so many things were done on the disk. */
struct moment {
    size_t events;
    uint64_t end_max, low_max; /* appended and released by then, or just about to be */
    uint64_t end_min, low_min; /* durable for sure */
};
static struct moment moments[MOMENTS];
static size_t moment_count;

static size_t events_so_far(void) {
    pthread_mutex_lock(&watched.lock);
    size_t count = watched.event_count;
    pthread_mutex_unlock(&watched.lock);
    return count;
}

static struct moment *next_moment(void) {
    assert_true(moment_count + 1 < MOMENTS);
    struct moment *moment = &moments[moment_count + 1];
    *moment = moments[moment_count++];
    moment->events = events_so_far();
    return moment;
}

static struct spool *open_watched(const char *path) {
    struct spool_options options = fixture_options();
    struct spool_settings settings = fixture_settings();
    settings.disk = &watched_disk;
    settings.idle_after = 2000;
    options.directory = path;
    options.size = 128 << 10;
    return fixture_open_with(&options, &settings);
}

static void step(struct spool **spool, const char *path, uint64_t *low) {
    struct spool_record record;
    uint32_t choice = crashed_random(17);
    if (choice < 9) {
        for (uint32_t i = 0, count = 1 + crashed_random(8); i < count; i++) {
            next_moment()->end_max = spool_end(*spool) + 1;
            append(*spool, spool_end(*spool), false, NULL);
        }
    } else if (choice < 11) {
        for (uint32_t i = 0, count = crashed_random(50); i < count && read_next(*spool, &record); i++) {
            spool_take(*spool, &record);
            *low = record.position + 1;
        }
        uint64_t released = *low - crashed_random(*low > 5 ? 5 : 1);
        const struct spool_lane lanes[] = {{0, *low}, {1, released}};
        next_moment()->low_max = *low;
        spool_release(*spool, released, lanes, 2);
        usleep(crashed_random(3) *
               2500); /* now and then the cursor is written before the records are synced */
    } else if (choice < 15) {
        uint64_t end = spool_end(*spool);
        assert_int_equal(spool_sync(*spool, 20000000), 0);
        struct moment *moment = next_moment();
        moment->end_min = end;
        moment->low_min = *low > 5 ? *low - 5 : 1;
    } else if (choice < 16) {
        usleep(crashed_random(3) * 2000); /* some are written and not synced */
        watched_freeze(true);             /* the process is killed, and the kernel has what it had written */
        spool_close(*spool);
        watched_freeze(false);
        const struct spool_lane *lanes;
        *spool = open_watched(path);
        spool_lanes(*spool, low, &lanes);
    } else {
        spool_close(*spool);
        *spool = open_watched(path);
    }
}

/* Some thousand things are done on the disk. */
static void record_a_run(void) {
    uint64_t low = 1;
    watched.recording = watched.no_sync = true;
    moments[0] = (struct moment){0, 1, 1, 1, 1};
    struct spool *spool = open_watched(folder);
    for (int i = 0; i < STEPS; i++)
        step(&spool, folder, &low);
    spool_close(spool);
    watched.recording = false;
}

/* Reads to the end; gives the first position. */
static uint64_t read_unbroken(struct spool *spool, uint64_t first) {
    struct spool_record record;
    uint64_t position = first;
    while (read_next(spool, &record)) {
        assert_int_equal(record.position, position);
        assert_int_equal(record.message.seq, position);
        position++;
    }
    assert_int_equal(position, spool_end(spool));
    return position;
}

static void open_after_a_crash(const char *path, const struct moment *truth, bool again) {
    const struct spool_lane *lanes;
    uint64_t low;
    struct spool *spool = open_watched(path);
    spool_lanes(spool, &low, &lanes);
    uint64_t end = read_unbroken(spool, low);
    assert_true(low >= truth->low_min && low <= truth->low_max);
    assert_true(end >= truth->end_min && end <= truth->end_max);
    assert_int_equal(statistics_of(spool).damaged, 0);
    assert_closed_account(spool);
    for (int i = 0; again && i < 3; i++)
        append_surely(spool, spool_end(spool), false);
    spool_close(spool);
    if (again) {
        spool = open_watched(path);
        assert_int_equal(read_unbroken(spool, low), end + 3);
        assert_int_equal(statistics_of(spool).damaged, 0);
        spool_close(spool);
    }
}

static void it_opens_after_any_crash(void **state) {
    (void)state;
    char path[64];
    const char *wanted = getenv("FLOWSENSOR_CRASHES");
    size_t crashes = wanted ? strtoul(wanted, NULL, 10) : CRASHES;
    fixture_begin();
    record_a_run();
    snprintf(path, sizeof path, "%s/crashed", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    size_t fed = 0, known = 0;
    assert_true(watched.event_count > 1000);
    for (size_t i = 0; i <= crashes; i++) {
        size_t until = watched.event_count * i / crashes;
        while (fed < until)
            crashed_feed(&watched.events[fed++]);
        while (known < moment_count && moments[known + 1].events <= until)
            known++;
        crashed_leave(path);
        open_after_a_crash(path, &moments[known], i % 4 == 0);
    }
    watched_reset();
    fixture_end();
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(it_opens_after_any_crash)};
    log_configure(LOG_ERROR, LOG_PLAIN); /* or a thousand lines of what was cut */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
