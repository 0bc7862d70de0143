"""A soak: a live sensor at a steady rate, and a fault a minute drawn at random, with a seed that draws the same again. Nothing is lost, the
ledger closes all the time, and memory, descriptors and threads don't grow.

Run: python3 tests/e2e/run.py --soak MINUTES [--seed N]
"""
import contextlib
import os
import random
import time

from fault_row import RATE, Row

MINUTE_S = int(os.environ.get("SOAK_MINUTE_S") or 60)
GROWTH_KIB = 16 << 10  # in the second half: the spool's buffer, which a full disk may fill for the first time, and as much of the allocator's own
CLOSED_SOCKETS = 32  # that base/own_sockets.h keeps at most


class Soak(Row):
    minutes, seed = 0, 0

    @contextlib.contextmanager
    def killed(self):
        self.brokers.broker.kill()
        yield
        self.brokers.broker.start()
        self.brokers.broker.wait_until_back()

    def paused(self):
        return self.brokers.paused()

    @contextlib.contextmanager
    def relayed(self, **settings):
        """The relay behaves so; then as a plain one again."""
        relay = self.brokers.relay
        before = {name: getattr(relay, name) for name in settings}
        vars(relay).update(settings)
        yield
        vars(relay).update(before)

    def slow(self):
        return self.relayed(rate=12 * RATE, delay_s=0.05)

    def silent(self):
        return self.relayed(silent=True)

    @contextlib.contextmanager
    def refusing(self):
        with self.relayed(refusing=True):
            self.brokers.relay.cut()
            yield

    @contextlib.contextmanager
    def flapping(self):
        with self.relayed():
            for _ in range(5):
                self.brokers.relay.cut()
                time.sleep(0.5)  # how long a connection lives
            yield

    @contextlib.contextmanager
    def full_disk(self):
        """The spool's, in an outage."""
        with self.brokers.paused():
            self.sensor.wait_for(lambda: self.sensor.count("spooled") > 0, 20, "records in the spool")
            filler = self.spool / "filler"
            with contextlib.suppress(OSError), open(filler, "wb", buffering=0) as file:
                while True:
                    file.write(bytes(1 << 16))
            try:
                time.sleep(2)  # shorter than the memory before the disk lasts
            finally:
                filler.unlink()
            yield

    FAULTS = (killed, paused, slow, silent, refusing, flapping, full_disk)

    def test_soak(self):
        self.brokers.mount(self.spool, 128)
        self.addCleanup(self.brokers.unmount, self.spool)
        choose, held = random.Random(self.seed), []
        self.begin(self.brokers.relay.bootstrap)
        self.flow()
        before = self.sensor.probe.last.descriptors
        for minute in range(self.minutes):
            end = time.monotonic() + MINUTE_S
            fault = choose.choice(self.FAULTS) if minute else Soak.killed
            duration = choose.uniform(MINUTE_S / 12, MINUTE_S / 3)
            with fault(self):
                time.sleep(duration)  # the fault's length
            self.back(limit=120)
            self.sensor.wait_until_flowing()
            time.sleep(max(0, end - time.monotonic()))  # the rest of the minute
            held.append((self.sensor.probe.last.resident_kib, self.sensor.probe.last.descriptors, self.sensor.probe.last.threads))
            print(f"  minute {minute + 1}: {fault.__name__} for {duration:.1f} s: " + ", ".join(f"{name} {value}" for name, value in self.figures.items()) +
                  ", RSS {} KiB, descriptors {}, threads {}".format(*held[-1]), flush=True)
        self.finish()
        self.check_lost_nothing()
        self.check_flat(before, held)

    def check_flat(self, before, held):
        resident, descriptors, threads = zip(*held)
        half = (len(resident) + 1) // 2
        self.assertLess(max(resident), max(resident[:half]) + GROWTH_KIB, held)
        self.assertLessEqual(max(descriptors), before + CLOSED_SOCKETS, held)
        self.assertEqual(set(threads), {threads[0]}, held)


def load(minutes, seed):
    """The test, with its length and its seed."""
    Soak.minutes, Soak.seed = minutes, seed
    print(f"soak: {minutes} minutes, seed {seed}", flush=True)
    return Soak("test_soak")
