"""Which captures are metered how, and doing it: each run writes CSV, two container files and a Kafka topic at once."""
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import made
import plants
from harness import BINARY, HERE, PLANT, PROFILES, REPOSITORY, SCHEMAS, SHARED, run

CONF = HERE / "sensor.conf"
TOPICS = {"native": "strangers-flow", "nfstream": "strangers-nfstream"}
# Runs mostly wait for Kafka; more of them at once than processors.
AT_ONCE = 6
EXIT_DATAERR = 65
STATISTICS = ("statistical_analysis=true", "splt_analysis=20")
# One millisecond: nearly every pause cuts, so the captures give ten times the records.
CUT = ("idle_timeout=1ms",)
OFF = ("decode_tunnels=false", "n_dissections=0", "statistical_analysis=false", "splt_analysis=0")
RICH = ("mix.pcap", "tls12.pcap", "gtpu.pcap", "ssh.pcap")


class Run(NamedTuple):
    """One run. `oracle`: None, "nfstream:defaults", "nfstream:stats", "refmeter" or "made"; `plant`: its header."""
    name: str
    profile: str
    capture: Path
    settings: tuple
    oracle: str
    accounting: int
    folder: Path
    plant: dict

    @property
    def schema(self):
        """The schema of its records."""
        return SCHEMAS[PROFILES[self.profile]]

    @property
    def topic(self):
        """Its topic."""
        return TOPICS[self.profile]


def captures():
    """(the repository's own captures, those of the shared folder)."""
    own = sorted((REPOSITORY / "tests" / "captures").glob("*.pcap*"))
    shared = SHARED / "pcaps"
    more = sorted(path for path in shared.iterdir() if path.suffix in (".cap", ".pcap", ".pcapng")) if shared.is_dir() else []
    return own, more


def plan(folder):
    """All runs of the sensor; `folder` is where theirs are made."""
    own, more = captures()
    runs = []

    def add(kind, profile, capture, settings, oracle=None, accounting=0):
        name = f"{kind}-{len(runs):04d}"
        if accounting:
            settings += (f"accounting_mode={accounting}",)
        runs.append(Run(name, profile, capture, settings, oracle, accounting, folder / name, None))

    for number, capture in enumerate(own + more):
        add("nfstream-stats", "nfstream", capture, STATISTICS, "nfstream:stats")
        add("nfstream-cut", "nfstream", capture, STATISTICS + CUT, "refmeter", number % 4)
        add("native-cut", "native", capture, CUT, None, number % 4)
    for capture in own:
        add("nfstream-defaults", "nfstream", capture, (), "nfstream:defaults")
        if capture.name in RICH:
            add("native-off", "native", capture, OFF)
            add("native", "native", capture, ("active_timeout=100ms",))
            add("nfstream-off", "nfstream", capture, OFF)
    made_capture = folder / "made.pcap"
    made.write(made_capture, made.draw())
    add("native-made", "native", made_capture, ("tcp_end=false",), "made")  # its TCP flags are drawn by chance
    add("nfstream-made", "nfstream", made_capture, STATISTICS, "made")
    return runs


def sensor_problem(item, servers):
    """Runs the sensor; None or a line."""
    item.folder.mkdir()
    env = {**servers.environment(item.topic), "PROFILE": item.profile, "SCHEMA": PROFILES[item.profile], "FOLDER": item.folder, "SENSOR_ID": item.name}
    settings = [word for setting in item.settings for word in ("--set", f"meter.{setting}")]
    done = run(BINARY, "-c", CONF, "-r", item.capture, *settings, env=env)
    # A damaged capture is metered up to the damage: its records count.
    if done.returncode in (0, EXIT_DATAERR):
        return None
    return f"{item.name} ({item.capture.name}): exit {done.returncode}: {done.stderr.strip()}"


def run_all(runs, servers):
    """Runs the sensor for all; lines of problems."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return [line for line in pool.map(lambda item: sensor_problem(item, servers), runs) if line]


def plant_all(folder, servers, schema_ids):
    """Makes the planted records; (runs, problems)."""
    runs, problems = [], []
    for profile, name in PROFILES.items():
        for label, off, ndpi, key in (("plant", (), "4.2.0", None), ("plant-off", plants.GROUPS, "", bytes(range(32))),
                                      ("plant-ndpi", (), "5.0.0", bytes(range(1, 33)))):
            run_name = f"{profile}-{label}"
            target = folder / run_name
            target.mkdir()
            header = plants.write(target / "spec", SCHEMAS[name], profile, run_name, off, ndpi, key)
            done = run(PLANT, target / "spec", target, servers.bootstrap, TOPICS[profile], schema_ids[profile])
            if done.returncode != 0:
                problems.append(f"{run_name}: {done.stderr.strip()}")
            runs.append(Run(run_name, profile, target / "spec", (), None, 0, target, header))
    return runs, problems
