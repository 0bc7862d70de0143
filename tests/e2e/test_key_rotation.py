"""A new key while the sensor runs: keys change at one record, and an old one is wiped.

Run: python3 tests/e2e/run.py test_key_rotation
"""
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import unittest
from pathlib import Path

import fastavro

import frames
from anonymized import Anonymization, Pseudonyms
from harness import REPOSITORY, is_idle, wait_until
from namespaces import FAR, NEAR, Wire
from servers import LocalServers
from test_live import ABLE, wait_for_capture
from test_signals import pending


class Rotation(Anonymization):
    """A new key while the sensor runs: one record has the old one, the next the new one, none is mixed."""

    KEYS = [hashlib.blake2b(bytes([number]), digest_size=32).digest() for number in (1, 2, 3)]
    USES = (b"hash", b"short_hash", b"prefix_preserving", b"keep_oui", b"keep_registered_domain")

    def logged(self, running, text):
        running.errors.seek(0)
        return text in running.errors.read().decode()

    def replace(self, path, content, mode=0o600):
        """As the mount of a secret does it: the old file or the new one is there, and nothing between."""
        new = self.write("new", content)
        new.chmod(mode)
        new.rename(path)

    def rotate(self, running, path, key):
        self.replace(path, key.hex())
        running.signal(signal.SIGHUP)
        wait_until(lambda: self.logged(running, f"anon_key_id is {Pseudonyms(key).anon_key_id()} from here on"), what="the new key")

    def check(self, records, keys, ends):
        """One change for each new key; each record's ends are the pseudonyms of `ends` by the key that it names."""
        records = sorted(records, key=lambda record: record["seq"])  # of several meters they come as they were made
        self.assertEqual([record["seq"] for record in records], list(range(len(records))))
        ids = [record["anon_key_id"] for record in records]
        wanted = [Pseudonyms(key).anon_key_id() for key in keys]
        self.assertEqual(list(dict.fromkeys(ids)), wanted)
        self.assertEqual(ids, sorted(ids, key=wanted.index))
        expected = {identity: tuple(map(Pseudonyms(key).hash, ends)) for identity, key in zip(wanted, keys)}
        for record in records:
            self.assertEqual((record["src_ip"], record["dst_ip"]), expected[record["anon_key_id"]])

    @unittest.skipUnless(ABLE, "network namespaces need root and iproute2")
    def test_on_a_live_link(self):
        for meters in (1, 3):
            with self.subTest(meters):
                self.on_a_live_link(meters)

    def on_a_live_link(self, meters):
        flows, wire = 1500, Wire()
        self.addCleanup(wire.remove)
        path, written = self.key_file(self.KEYS[0]), self.folder / f"{meters}.jsonl"
        running = self.start("-i", "near0", "-f", "udp", "-w", written, "--set", "outputs.0.columns_to_anonymize=all=hash",
                             "--set", f"anonymization.key_file={path}", "--set", "meter.idle_timeout=200ms", "--set", "log.level=debug",
                             "--set", f"meter.n_meters={meters}", prefix=wire.prefix)
        wait_for_capture(running, meters)
        program = ("import socket,time\nfor port in range(20000, %d):\n s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
                   " s.bind(('', port))\n s.sendto(b'x', ('%s', 9))\n s.close()\n time.sleep(0.002)  # the pace of the traffic") % (20000 + flows, NEAR)
        sender = subprocess.Popen(["ip", "netns", "exec", wire.far, sys.executable, "-c", program])

        def wait_for_records(more):
            """Each has more than 3 kB."""
            end = (written.stat().st_size if written.exists() else 0) + 3000 * more
            wait_until(lambda: written.exists() and written.stat().st_size > end, limit=30, what="records")

        wait_for_records(100)
        self.rotate(running, path, self.KEYS[1])
        self.replace(path, "not a key\n")
        running.signal(signal.SIGHUP)
        wait_until(lambda: self.logged(running, "the configuration before it stays in force"), what="the refusal")
        wait_for_records(200)
        self.rotate(running, path, self.KEYS[2])
        wait_for_records(200)
        self.assertEqual(sender.wait(60), 0)
        running.signal(signal.SIGTERM)
        # The file that was none is told, once, and nothing else is wrong.
        result = self.failed(running.finish(), 0, [path, "64 hexadecimal digits", "the configuration before it stays in force"])
        self.assertNotRegex(result.raw_error, rf"{FAR}|{NEAR}".replace(".", "[.]").encode())
        records = [json.loads(line) for line in written.read_text().splitlines()]
        # Datagrams that were sent while the last meter's socket was being opened may be missing.
        self.assertGreater(len(records), flows * 9 // 10)
        self.assertEqual(self.ledger(result).outputs["file"]["acknowledged"], len(records))
        self.check(records, self.KEYS, (FAR, NEAR))

    @staticmethod
    def memory(process):
        """All that the process could write to."""
        regions = [line.split() for line in Path(f"/proc/{process.pid}/maps").read_text().splitlines()]
        with open(f"/proc/{process.pid}/mem", "rb", buffering=0) as file:
            for region in (region for region in regions if region[1].startswith("rw")):
                begin, end = (int(place, 16) for place in region[0].split("-"))
                file.seek(begin)
                yield file.read(end - begin)

    def secrets_in(self, process, key):
        """What of a key is in the process's memory: itself, as digits, or a use's subkey."""
        defined = Pseudonyms(key)
        secrets = {"the key": key, "its digits": key.hex().encode(), **{use.decode(): defined.subkey(use)[:16] for use in self.USES}}
        return {name for chunk in self.memory(process) for name, secret in secrets.items() if secret in chunk}

    @unittest.skipUnless(os.geteuid() == 0, "another's memory is read by root alone")
    def test_an_old_key_is_wiped(self):
        """Of the key in use there are the subkeys in memory, which shows that the search works; of an old one nothing."""
        for meters in (1, 3):
            with self.subTest(meters):
                self.old_key_is_wiped(meters)

    def old_key_is_wiped(self, meters):
        path, capture = self.key_file(self.KEYS[0]), frames.conversations(6000)
        half = 24 + (len(capture) - 24) // 2
        running = self.start("-r", "-", "-w", self.folder / "flows.jsonl", "--set", "outputs.0.columns_to_anonymize=all=hash",
                             "--set", f"anonymization.key_file={path}", "--set", "meter.idle_timeout=1ms",
                             "--set", f"meter.n_meters={meters}", stdin=subprocess.PIPE)
        running.process.stdin.write(capture[:half])
        running.process.stdin.flush()
        wait_until(lambda: pending(running.process.stdin) == 0, what="reading of the first half")
        self.assertEqual(self.secrets_in(running.process, self.KEYS[0]), {use.decode() for use in self.USES})
        self.replace(path, self.KEYS[1].hex())
        running.signal(signal.SIGHUP)
        running.process.stdin.write(capture[half:-40])
        running.process.stdin.flush()
        wait_until(lambda: self.logged(running, Pseudonyms(self.KEYS[1]).anon_key_id()), what="the new key")
        self.assertEqual(self.secrets_in(running.process, self.KEYS[0]), set())
        self.assertEqual(self.secrets_in(running.process, self.KEYS[1]), {use.decode() for use in self.USES})
        running.process.stdin.write(capture[-40:])
        running.process.stdin.close()
        self.ended_well(running.finish())

    def test_in_kafka(self):
        """The header says the same as the record."""
        for meters in (1, 3):
            with self.subTest(meters):
                self.in_kafka(meters)

    def in_kafka(self, meters):
        flows, servers = 6000, LocalServers.get()
        topic, path = servers.topic(f"rotation-{meters}"), self.key_file(self.KEYS[0])
        capture = frames.conversations(flows)
        half = 24 + (len(capture) - 24) // 2
        running = self.start("-r", "-", "--set", f"outputs.0.topic={topic}", "--set", f"outputs.0.kafka=bootstrap.servers={servers.bootstrap}",
                             "--set", "outputs.0.columns_to_anonymize=all=hash", "--set", "outputs.0.headers=anon_key_id",
                             "--set", f"anonymization.key_file={path}", "--set", "meter.idle_timeout=1ms", "--set", f"meter.n_meters={meters}", stdin=subprocess.PIPE)
        running.process.stdin.write(capture[:half])
        running.process.stdin.flush()
        wait_until(lambda: pending(running.process.stdin) == 0 and is_idle(running.process), what="reading of the first half")
        self.replace(path, self.KEYS[1].hex())
        running.signal(signal.SIGHUP)
        if meters > 1:  # with one, the key is read at the next packets
            wait_until(lambda: self.logged(running, Pseudonyms(self.KEYS[1]).anon_key_id()), what="the new key")
        running.process.stdin.write(capture[half:])
        running.process.stdin.close()
        self.ended_well(running.finish())
        schema = fastavro.schema.load_schema(REPOSITORY / "schemas" / "flow" / "v1.avsc")
        records = []
        for message in servers.messages(topic):
            records.append(fastavro.schemaless_reader(io.BytesIO(message.value()[10:]), schema))
            self.assertEqual(dict(message.headers())["anon_key_id"].decode(), records[-1]["anon_key_id"])
        self.assertEqual(len(records), flows)
        self.check(records, self.KEYS[:2], (frames.CLIENT, frames.SERVER))


if __name__ == "__main__":
    unittest.main()
