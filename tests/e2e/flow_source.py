"""Flows of one packet at a steady rate on a wire whose near end is on this host: what the sensor should have made is known here."""
import os
import subprocess
import sys
from itertools import count

from namespaces import SilentWire

COUNT = count()

# Reads "rate N" and answers nothing, or "sent" and answers how many.
SENDER = r"""
import os, select, socket, struct, sys, time
sending = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
sending.bind((sys.argv[1], 0))
payload = b"fault matrix"
frame = bytearray(bytes.fromhex("020000000002" "020000000001" "0800") +
                  struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28 + len(payload), 1, 0, 64, 17, 0, bytes(4), bytes([10, 0, 0, 1])) +
                  struct.pack("!HHHH", 5000, 6000, 8 + len(payload), 0) + payload)
rate, sent, begun, before = 0, 0, time.monotonic(), 0
while True:
    ready, _, _ = select.select([0], [], [], 0.004 if rate else None)
    said = os.read(0, 1 << 16).decode() if ready else ""
    if ready and not said:
        break
    for words in map(str.split, said.splitlines()):
        if words[0] == "sent":
            print(sent, flush=True)
        else:
            rate, begun, before = int(words[1]), time.monotonic(), sent
    due = before + int((time.monotonic() - begun) * rate)
    while sent < due:
        struct.pack_into("!I", frame, 26, 0x0B000000 + sent % 0x50000000)
        try:
            sending.send(frame)
        except OSError:
            break  # its queue is full
        sent += 1
"""


class FlowSource:
    """Each packet is a flow of its own. .device is the near end, where the sensor captures."""

    def __init__(self):
        self.wire = SilentWire()
        self.device = f"fsm{os.getpid() % 100000}x{next(COUNT)}"
        subprocess.run(["ip", "-n", self.wire.near, "link", "set", "near0", "down"], check=True)
        subprocess.run(["ip", "-n", self.wire.near, "link", "set", "near0", "name", self.device, "netns", str(os.getpid())], check=True)
        subprocess.run(["sysctl", "-q", "-w", f"net.ipv6.conf.{self.device}.disable_ipv6=1"], check=False)
        subprocess.run(["ip", "link", "set", self.device, "up", "arp", "off"], check=True)
        self.process = subprocess.Popen(["ip", "netns", "exec", self.wire.far, sys.executable, "-c", SENDER, "far0"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def tell(self, words):
        self.process.stdin.write(words + "\n")
        self.process.stdin.flush()

    def rate(self, flows_per_second):
        self.tell(f"rate {flows_per_second}")

    def sent(self):
        self.tell("sent")
        return int(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        self.wire.remove()
