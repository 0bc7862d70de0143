/* Random calls, kills and failing disks, against a model that is too simple to be wrong: an array of what was appended.
 * FLOWSENSOR_SEED draws others; it is printed where something differs. */
#include "sink/spool/spool_fixture.h"

#include "base/log.h"
#include "sink/spool/watched_disk.h"

enum { STEPS = 6000, POSITIONS = 1 << 17 };

struct model {
    uint64_t seqs[POSITIONS]; /* by position */
    bool settled[POSITIONS];  /* taken or skipped in this run */
    uint64_t seq, next, end, low, synced_end, synced_low;
    uint64_t read; /* not settled yet; 0: none */
    uint64_t dropped;
    uint64_t random, reads, kills;
};

static struct model model;
static struct spool *spool;
static struct spool_options options;
static struct spool_settings settings;
static struct spool_record record;

static uint32_t random_below(uint32_t limit) {
    model.random ^= model.random << 13;
    model.random ^= model.random >> 7;
    model.random ^= model.random << 17;
    return (uint32_t)(model.random >> 16) % limit;
}

static void open_model(void) {
    const struct spool_lane *lanes;
    uint64_t low;
    spool = fixture_open_with(&options, &settings);
    uint64_t end = spool_end(spool);
    spool_lanes(spool, &low, &lanes);
    assert_true(end >= model.synced_end && end <= model.end);
    assert_true(low >= model.synced_low && low <= model.low);
    assert_int_equal(statistics_of(spool).found, end - low);
    assert_int_equal(statistics_of(spool).damaged, 0);
    model.end = end;
    model.low = model.next = low;
    model.read = 0;
    model.dropped = 0;
    for (uint64_t position = low; position < end; position++)
        model.settled[position] = false;
}

static void step_append(void) {
    for (uint32_t count = 1 + random_below(12); count > 0; count--) {
        uint64_t position;
        bool taken = random_below(4) == 0;
        enum spool_answer answer = append(spool, ++model.seq, taken, &position);
        assert_true(answer == SPOOL_OK || answer == SPOOL_FULL);
        if (answer == SPOOL_FULL)
            continue;
        assert_true(position < POSITIONS);
        assert_int_equal(position, model.end);
        model.seqs[position] = model.seq;
        model.settled[position] = taken;
        model.end++;
    }
}

static void step_read(void) {
    for (uint32_t count = random_below(25); count > 0; count--) {
        if (!spool_read(spool, &record)) {
            model.read = 0;
            break;
        }
        assert_record(&record);
        uint64_t first = spool_first(spool), wanted = model.next > first ? model.next : first;
        assert_int_equal(record.position, wanted);
        assert_int_equal(record.message.seq, model.seqs[wanted]);
        model.next = wanted + 1;
        model.read = wanted;
        model.reads++;
        if (!model.settled[wanted] && random_below(8) != 0) {
            (random_below(5) ? spool_take : spool_skip)(spool, &record);
            model.settled[wanted] = true;
            model.read = 0;
        }
    }
}

/* Of what is read, all before the first that is not settled is done. */
static void step_release(void) {
    uint64_t low = spool_first(spool);
    const struct spool_lane lane = {3, model.end};
    while (low < model.next && model.settled[low])
        low++;
    model.low = low;
    spool_release(spool, low, &lane, low == model.end);
}

static void step_sync(void) {
    if (random_below(4) > 0)
        return;
    watched_fail(DISK_CALLS, 0, 0, 0);
    assert_int_equal(spool_sync(spool, 20000000), 0);
    model.synced_end = model.end;
    model.synced_low = model.low;
}

static void step_seek(void) {
    uint64_t first = spool_first(spool);
    model.next = first + random_below((uint32_t)(model.end - first + 1));
    spool_seek(spool, model.next);
    model.read = 0;
}

static void step_fail(void) {
    static const enum disk_call calls[] = {CALL_WRITE, CALL_SYNC,   CALL_SYNC_FOLDER,
                                           CALL_OPEN,  CALL_RENAME, CALL_REMOVE};
    static const int errors[] = {EIO, EROFS, EMFILE, ENOSPC};
    /* On a full disk a dropped segment goes before the cursor, and is missed after a kill. */
    int error = errors[random_below(options.when_full == SPOOL_DROP_OLDEST ? 3 : 4)];
    watched_fail(calls[random_below(6)], random_below(4), 1 + random_below(3), error);
}

static void step_reopen(bool kill) {
    if (random_below(8) > 0)
        return;
    watched_fail(DISK_CALLS, 0, 0, 0);
    if (options.directory == NULL)
        return;
    model.low = spool_first(spool) > model.low ? spool_first(spool) : model.low;
    if (!kill) {
        model.synced_end = model.end;
        model.synced_low = model.low;
    }
    watched_freeze(kill);
    spool_close(spool);
    watched_freeze(false);
    model.kills += kill;
    open_model();
}

/* What waits is what is there and not settled; one more while the caller has a record of a dropped segment. */
static void check(void) {
    uint64_t first = spool_first(spool), waiting = 0;
    for (uint64_t position = first; position < model.end; position++)
        waiting += !model.settled[position];
    struct spool_statistics statistics = statistics_of(spool);
    assert_closed_account(spool);
    assert_int_equal(spool_end(spool), model.end);
    assert_int_equal(statistics.damaged, 0);
    /* Whether the one that it holds was settled before, the spool doesn't know until it lets it go. */
    bool holds = model.read != 0 && model.read < first;
    assert_in_range(statistics.waiting, waiting, waiting + holds);
    if (options.when_full == SPOOL_DROP_NEWEST)
        assert_int_equal(statistics.dropped_oldest, 0);
    assert_true(spool_first(spool) >= model.low);
}

static void play(const char *name, enum spool_when_full when_full, bool in_memory) {
    const char *seed = getenv("FLOWSENSOR_SEED");
    memset(&model, 0, sizeof model);
    model.random = seed ? strtoull(seed, NULL, 10) : (uint64_t)clock_realtime();
    print_message("%s: FLOWSENSOR_SEED=%llu\n", name, (unsigned long long)model.random);
    model.next = model.end = model.low = model.synced_end = model.synced_low = 1;
    fixture_begin();
    watched.no_sync = watched.slow_reads = true;
    options = fixture_options();
    settings = fixture_settings();
    options.when_full = when_full;
    fixture_slack = when_full == SPOOL_DROP_OLDEST ? 2 * settings.segment_size : 0;
    options.directory = in_memory ? NULL : folder;
    settings.disk = &watched_disk;
    settings.retry_after = 500;
    settings.idle_after = 2000;
    open_model();
    for (int step = 0; step < STEPS; step++) {
        switch (random_below(16)) {
        case 0: step_seek(); break;
        case 1: step_sync(); break;
        case 2: step_fail(); break;
        case 3: step_reopen(false); break;
        case 4: step_reopen(true); break;
        case 5:
        case 6: step_release(); break;
        case 7: usleep(random_below(2000)); break;
        case 8:
        case 9:
        case 10:
        case 11: step_read(); break;
        default: step_append();
        }
        check();
    }
    watched_fail(DISK_CALLS, 0, 0, 0);
    spool_close(spool);
    assert_true(model.reads > 500);
    assert_true(in_memory || model.kills > 10);
    watched_reset();
    fixture_end();
}

static void dropping_the_newest(void **state) {
    (void)state;
    play("newest", SPOOL_DROP_NEWEST, false);
}

static void dropping_the_oldest(void **state) {
    (void)state;
    play("oldest", SPOOL_DROP_OLDEST, false);
}

static void in_memory(void **state) {
    (void)state;
    play("memory, newest", SPOOL_DROP_NEWEST, true);
    play("memory, oldest", SPOOL_DROP_OLDEST, true);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dropping_the_newest),
        cmocka_unit_test(dropping_the_oldest),
        cmocka_unit_test(in_memory),
    };
    log_configure(LOG_ERROR, LOG_PLAIN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
