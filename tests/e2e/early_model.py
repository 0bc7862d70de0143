"""Which early and update records a slice must have, told from its final record alone: from the times of its first packets.

Times are microseconds from the slice's first packet on. `Law` is what was asked for; `expected()` walks through the packets as the
documentation says it, without the sensor's queues.
"""
from typing import NamedTuple

GRACE = 1_000_000  # of a TCP flow that is closed


class Law(NamedTuple):
    packets: tuple = ()
    after: int = 0
    interval: int = 0
    idle: int = 120_000_000
    splt: int = 255

    def options(self):
        return ["--set", f"meter.early_packets={','.join(map(str, self.packets))}", "--set", f"meter.early_after={self.after}us",
                "--set", f"meter.update_interval={self.interval}us", *self.others()]

    def others(self):
        """Those that a run without early records has too."""
        return ["--set", f"meter.idle_timeout={self.idle}us", "--set", f"meter.splt_analysis={self.splt}"]


class Slice:
    """Walks through a slice's packets, and notes (kind, packets) of each record."""

    def __init__(self, law):
        self.law, self.records, self.count, self.recorded = law, [], 0, 0
        self.early, self.update = law.after or None, None

    def note(self, kind):
        self.records.append((kind, self.count))
        self.recorded = self.count

    def dues(self):
        return sorted(due for due in (self.early, self.update) if due is not None)

    def pass_time(self, to, last):
        """Time goes on, the last packet having been at `last`; what is due by `to` is recorded, while the flow is not idle."""
        while (dues := self.dues()) and dues[0] <= to and dues[0] - last < self.law.idle:
            if dues[0] == self.early:
                self.early = None
                self.note("early")
            else:
                self.update = None
                if self.recorded != self.count:
                    self.note("update")

    def packet(self, time):
        self.count += 1
        if self.count in self.law.packets:
            self.note("early")
        if self.law.interval and self.update is None:
            self.update = (time // self.law.interval + 1) * self.law.interval


def packet_times(final):
    times, time = [], 0
    for interval in final["splt_piat_us"]:
        time += interval
        times.append(time)
    return times


def expected(law, final, end):
    """(records that must be there, records that may follow them), all of a slice whose SPLT is complete; `end` is the time up to
    which packets of any flow came, or of the next slice's first packet; None: not known."""
    walk, times = Slice(law), packet_times(final)
    for i, time in enumerate(times):
        if i > 0:
            walk.pass_time(time, times[i - 1])
        walk.packet(time)
    certain = list(walk.records)
    closed = final["end_reason"].startswith("tcp_")
    latest = times[-1] + (GRACE - 1 if closed else law.idle - 1)
    walk.pass_time(latest if end is None else min(end, latest), times[-1])
    # When a connection closed is not in the record: at its last packet, or before.
    return (certain, walk.records[len(certain):]) if closed or end is None else (walk.records, [])
