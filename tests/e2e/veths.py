"""For tests of capture from several interfaces: veth pairs between two namespaces, senders at the far ends, sensors at the near."""
import contextlib
import itertools
import json
import os
import signal
import socket
import struct
import threading
import time
import unittest
from pathlib import Path

import frames
from harness import Case, of_threads, wait_until
from layout_devices import batch
from namespaces import inside, ip
from test_live import ABLE, POLL

COUNT = itertools.count()
PACE_S = 0.01
PAYLOAD = b"x" * 18
VLAN = 100
CALM_S, CALM_SHARE = 0.2, 0.01
SMALL = ("--set", "capture.socket_buffer_size=1MiB", "--set", "meter.flow_table_size=4096", "--set", "meter.n_dissections=0")


def datagram(port):
    return frames.udp(5000, port, PAYLOAD)


def tagged(frame, vlan=VLAN):
    return frame[:12] + struct.pack("!HH", 0x8100, vlan) + frame[12:]


class Sender:
    """Sends what `frame` is, all the time, on a device of a namespace; without the device it waits for it."""

    def __init__(self, namespace, device, pace=PACE_S):
        self.frame, self.pace, self.stopping = None, pace, threading.Event()
        self.thread = threading.Thread(target=inside, args=(namespace, self.send, device), daemon=True)
        self.thread.start()

    def send(self, device):
        while not self.stopping.is_set():
            with contextlib.suppress(OSError), packet_socket(device) as sending:
                while not self.stopping.wait(self.pace):
                    if frame := self.frame:
                        sending.send(frame)
            time.sleep(PACE_S)  # there is no such device, or it is down

    def close(self):
        self.stopping.set()
        self.thread.join()


def packet_socket(device):
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    try:
        made.bind((device, 0))
    except OSError:
        made.close()
        raise
    return made


def send_once(device, *sent):
    with packet_socket(device) as sending:
        for frame in sent:
            sending.send(frame)


class Sensor:
    """One that runs in a namespace; its records are files of one record each, so they can be read soon."""

    def __init__(self, case, words, *options, meters=1):
        self.case, self.meters, self.folder = case, meters, case.folder / f"sensor{next(COUNT)}"
        self.folder.mkdir()
        self.found = []
        self.running = case.start("-i", words, "-w", self.folder / "flows.jsonl", "--schema", "flow/v2", "--set", f"meter.n_meters={meters}",
                                  "--set", "outputs.0.rotate_flows=1", *SMALL, *options, prefix=("ip", "netns", "exec", case.near))
        wait_until(lambda: self.process.poll() is not None or (self.running.said("capturing on") and self.waits()), what="the start of the capture", limit=30)
        case.assertIsNone(self.process.poll(), words)

    @property
    def process(self):
        return self.running.process

    def waits(self):
        """Whether each meter waits for packets."""
        tasks = list(Path(f"/proc/{self.process.pid}/task").iterdir())
        with contextlib.suppress(OSError):
            meters = [task for task in tasks if (task / "comm").read_text() == "meter\n"] if self.meters > 1 else tasks[:1]
            return len(meters) == self.meters and all((task / "syscall").read_text().split(" ")[0] == POLL for task in meters)
        return False

    def records(self):
        while text := self.written():
            self.found.append(json.loads(text))
        return self.found

    def written(self):
        """The next file's record, if it is complete."""
        with contextlib.suppress(FileNotFoundError):
            text = (self.folder / f"flows.{len(self.found) + 1}.jsonl").read_text()
            return text if text.endswith("\n") else ""
        return ""

    def packets(self, *fields):
        """{values of the fields: packets}; one field alone is no tuple."""
        found = {}
        for record in self.records():
            values = tuple(record[field] for field in fields)
            values = values[0] if len(fields) == 1 else values
            found[values] = found.get(values, 0) + record["bidirectional_packets"]
        return found

    def has(self, **wanted):
        return any(all(record[field] == value for field, value in wanted.items()) for record in self.records())

    def stop(self):
        self.running.signal(signal.SIGTERM)
        return self.case.ended_well(self.running.finish())

    def processor_seconds(self):
        return sum(int(text.split()[0]) for text in of_threads(self.process, "schedstat")) / 1e9

    def is_calm(self):
        """Whether nothing of before keeps it busy."""
        before = self.processor_seconds()
        time.sleep(CALM_S)
        return self.processor_seconds() - before < CALM_SHARE * CALM_S

    def holds(self):
        """(descriptors but those of records, mappings, KiB resident)."""
        folder, descriptors = Path(f"/proc/{self.process.pid}"), 0
        for one in (folder / "fd").iterdir():
            with contextlib.suppress(OSError):
                descriptors += not os.readlink(one).startswith(str(self.folder))
        resident, = (int(line.split()[1]) for line in (folder / "status").read_text().splitlines() if line.startswith("VmRSS"))
        return descriptors, len((folder / "maps").read_text().splitlines()), resident


@unittest.skipUnless(ABLE, "network namespaces need root and iproute2")
class Interfaces(Case):
    """Veth pairs of the same name in two namespaces, near and far. No end has an address, so no kernel answers."""

    def setUp(self):
        super().setUp()
        stem = f"fsint{os.getpid()}x{next(COUNT)}"
        self.near, self.far = stem + "n", stem + "f"
        for name in (self.near, self.far):
            ip("netns", "add", name)
            self.addCleanup(ip, "netns", "del", name, check=False)
            batch(name, "link set lo up")
            # Without addresses of IPv6 the kernel sends nothing of its own.
            inside(name, Path("/proc/sys/net/ipv6/conf/default/disable_ipv6").write_text, "1")

    def add(self, *names):
        batch(self.far, *(line for name in names for line in (f"link add {name} type veth peer name {name} netns {self.near}", f"link set {name} up")))
        batch(self.near, *(f"link set {name} up" for name in names))

    def delete(self, *names):
        batch(self.near, *(f"link del {name}" for name in names))

    def sensor(self, words, *options, meters=1):
        return Sensor(self, words, *options, meters=meters)

    def sender(self, device, pace=PACE_S):
        made = Sender(self.far, device, pace)
        self.addCleanup(made.close)
        return made

    def send(self, device, *sent):
        inside(self.far, send_once, device, *sent)

    def caught(self, sensors, sender, port, since):
        """Lets traffic to a port run until each sensor has a record of it; how long after `since` each saw its first packet."""
        sender.frame = datagram(port)
        for sensor in sensors:
            wait_until(lambda: sensor.has(dst_port=port), what=f"a record of port {port}", limit=10)
        sender.frame = None
        return [min(record["bidirectional_first_seen"] for record in sensor.records() if record["dst_port"] == port) / 1e6 - since
                for sensor in sensors]
