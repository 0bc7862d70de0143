"""Tests of threads.py. Run: python3 -m unittest discover -s tests/house"""
from planted import Planted


class Threads(Planted):
    script = "threads.py"

    def plant_code(self, statement, path="sensor/sink/kafka/kafka.c"):
        self.plant(path, f"int one(void) {{\n    {statement}\n    return 1;\n}}\n")
        return f"{path}:2"

    def test_clean_tree(self):
        self.passes()

    def test_makers_elsewhere(self):
        for call in ("pthread_create(&thread, NULL, run, sink);", "thrd_create (&thread, run, sink);", "clone(run, stack, 0, sink);",
                     "timer_create(CLOCK_MONOTONIC, &event, &timer);"):
            with self.subTest(call):
                self.finds(self.plant_code(call), "makes a thread", "thread_start()")

    def test_the_one_place(self):
        self.plant_code("pthread_create(&thread, NULL, run, sink);", "sensor/base/thread.c")
        self.passes()

    def test_waits_by_the_wall_clock(self):
        for call in ("pthread_cond_timedwait(&wake, &lock, &until);", "sem_timedwait(&given, &until);", "cnd_timedwait(&wake, &lock, &until);",
                     "pthread_mutex_timedlock(&lock, &until);", "pthread_rwlock_timedrdlock(&lock, &until);", "thrd_sleep(&time, NULL);",
                     "pthread_timedjoin_np(thread, NULL, &until);",
                     "pthread_cond_clockwait(&wake, &lock,\n                           CLOCK_REALTIME, &until);",
                     "clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &until, NULL);", "timerfd_create(CLOCK_REALTIME_ALARM, 0);",
                     "syscall(SYS_futex, &turn, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &until);"):
            for place in ("sensor/record/watch.c", "sensor/base/thread.c"):
                with self.subTest(call, place=place):
                    self.finds(self.plant_code(call, place), "wall clock", "CLOCK_MONOTONIC")
                    (self.root / place).unlink()

    def test_waits_that_are_monotonic(self):
        for call in ("pthread_cond_clockwait(&wake, &lock, CLOCK_MONOTONIC, &until);", "clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);",
                     "clock_gettime(CLOCK_REALTIME, &now);", "pthread_cond_wait(&wake, &lock);",
                     "clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);\n    clock_gettime(CLOCK_REALTIME, &now);"):
            with self.subTest(call):
                self.plant_code(call)
                self.passes()

    def test_words_in_comments_and_texts(self):
        self.plant("sensor/sink/kafka/kafka.c", '/* not pthread_create( */\nconst char *text = "sem_timedwait(";\n')
        self.passes()
