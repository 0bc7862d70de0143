"""Section 2.6: active and idle periods (rule I), subflows, bulks (rule U) and bursts."""
from . import directions
from .directions import BOTH, ONE_WAY

IDLE_US, SUBFLOW_US, BULK_US, BURST_US = 5_000_000, 1_000_000, 1_000_000, 1_000_000
LEAST_BULK, LEAST_BURST, MOST_BURSTS = 4, 3, 15


def fields(part):
    gaps = directions.gaps(part.packets)
    made = {"subflow_gaps": sum(gap > SUBFLOW_US for gap in gaps), **periods(part.packets, gaps)}
    for direction in directions.DIRECTIONS:
        runs = bulks(part.packets, direction)
        made[f"{direction}_bulk_count"] = len(runs)
        made[f"{direction}_bulk_packets"] = sum(map(len, runs))
        made[f"{direction}_bulk_bytes"] = sum(packet.p for run in runs for packet in run)
        made[f"{direction}_bulk_duration_us"] = sum(run[-1].time - run[0].time for run in runs)
    for direction in ONE_WAY:
        made.update((f"{direction}_burst_{name}", values) for name, values in bursts(part.packets, direction).items())
    return made


def periods(packets, gaps):
    begin, active = packets[0].time, []
    for earlier, later in zip(packets, packets[1:]):
        if later.time - earlier.time > IDLE_US:
            active.append(earlier.time - begin)
            begin = later.time
    active = [length for length in active if length > 0]
    return {**counted("active", active), "active_last_us": packets[-1].time - begin, **counted("idle", [gap for gap in gaps if gap > IDLE_US])}


def counted(name, values):
    return {f"{name}_count": len(values), f"{name}_min_us": min(values, default=0), f"{name}_mean_us": directions.mean(values),
            f"{name}_stddev_us": directions.stddev(values), f"{name}_max_us": max(values, default=0)}


def bulks(packets, direction):
    """Runs of data packets. One ends where the other direction has data that is later than the run's first packet."""
    runs, run = [], []
    for packet in packets:
        if packet.p == 0:
            continue
        if direction != BOTH and packet.forward != (direction == directions.FORWARD):
            if run and packet.time > run[0].time:
                runs.append(run)
                run = []
            continue
        if run and packet.time - run[-1].time > BULK_US:
            runs.append(run)
            run = []
        run.append(packet)
    return [run for run in (*runs, run) if len(run) >= LEAST_BULK]


def bursts(packets, direction):
    """Data packets of one direction with less than a second between them: the first 15 bursts of three or more."""
    runs = []
    for packet in directions.of(packets, direction):
        if packet.p == 0:
            continue
        if runs and packet.time - runs[-1][-1].time < BURST_US:
            runs[-1].append(packet)
        else:
            runs.append([packet])
    runs = [run for run in runs if len(run) >= LEAST_BURST][:MOST_BURSTS]
    return {"packets": [len(run) for run in runs], "bytes": [sum(packet.p for packet in run) for run in runs],
            "start_us": [run[0].time - packets[0].time for run in runs], "duration_us": [run[-1].time - run[0].time for run in runs]}
