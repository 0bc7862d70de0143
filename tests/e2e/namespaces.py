"""Network namespaces: what runs inside of one; two with a wire between them, made for one test and removed after it."""
import concurrent.futures
import ctypes
import os
import socket
import subprocess
import sys

CLONE_NEWNET = 0x40000000
NEAR, FAR = "10.77.0.1", "10.77.0.2"
COUNT = iter(range(1_000_000))


def ip(*arguments, check=True):
    done = subprocess.run(["ip", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if check and done.returncode != 0:
        raise RuntimeError(f"ip {' '.join(arguments)}: {done.stdout.strip()}")
    return done.stdout


def inside(namespace, function, *arguments):
    """What the function returns, called in a network namespace: sockets that it makes stay there."""
    def call():
        # Only this thread, which ends, enters the namespace.
        with open(f"/run/netns/{namespace}", "rb") as file:
            if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
        return function(*arguments)

    with concurrent.futures.ThreadPoolExecutor(1) as thread:
        return thread.submit(call).result()


# Frames of a capture (Ethernet, microseconds, little-endian), slowly enough for every reader.
REPLAY = """
import socket, struct, sys, time
data = open(sys.argv[1], "rb").read()
assert data[:4] == bytes.fromhex("d4c3b2a1") and data[20:24] == bytes.fromhex("01000000")
sending = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
sending.bind(("far0", 0))
at = 24
while at < len(data):
    kept, = struct.unpack_from("<I", data, at + 8)
    sending.send(data[at + 16:at + 16 + kept])
    at += 16 + kept
    time.sleep(float(sys.argv[2]))  # the pace of the traffic
"""


class Wire:
    """near0 in the namespace .near (NEAR) and far0 in .far (FAR). The sensor captures on near0."""

    def __init__(self):
        stem = f"fse2e{os.getpid()}x{next(COUNT)}"
        self.near, self.far = stem + "n", stem + "f"
        for name in (self.near, self.far):
            ip("netns", "add", name)
        self.connect()

    def connect(self):
        """Makes the wire, or makes it again."""
        ip("-n", self.near, "link", "add", "near0", "type", "veth", "peer", "name", "far0", "netns", self.far)
        for name, device, address in ((self.near, "near0", NEAR), (self.far, "far0", FAR)):
            # Without link-local addresses the kernel sends nothing of its own: the link is quiet.
            ip("-n", name, "link", "set", device, "addrgenmode", "none")
            ip("-n", name, "addr", "add", f"{address}/24", "dev", device)
            for link in ("lo", device):
                ip("-n", name, "link", "set", link, "up")

    def remove(self):
        for name in (self.near, self.far):
            ip("netns", "del", name, check=False)

    @property
    def prefix(self):
        """What a command begins with that runs in the near namespace."""
        return ("ip", "netns", "exec", self.near)

    def in_far(self, *command):
        return subprocess.run(["ip", "netns", "exec", self.far, *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)

    def ping(self, count=3):
        done = self.in_far("ping", "-n", "-c", str(count), "-i", "0.2", "-W", "2", NEAR)
        if done.returncode != 0:
            raise RuntimeError(f"ping: {done.stdout}")

    def send(self, port, count=3, source=5000):
        """UDP datagrams from FAR:source to NEAR:port."""
        program = ("import socket,sys; s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.bind(('%s',%d)); "
                   "[s.sendto(b'datagram',('%s',%d)) for _ in range(%d)]") % (FAR, source, NEAR, port, count)
        done = self.in_far(sys.executable, "-c", program)
        if done.returncode != 0:
            raise RuntimeError(f"sending: {done.stdout}")

    def listener(self, address):
        """A socket that listens on a free port of `address` in the near namespace."""
        return inside(self.near, socket.create_server, (address, 0))

    def replay(self, capture, pause=0.0002):
        """Sends the frames of a capture as they are from far0."""
        done = self.in_far(sys.executable, "-c", REPLAY, str(capture), str(pause))
        if done.returncode != 0:
            raise RuntimeError(f"replaying {capture}: {done.stdout}")


class SilentWire(Wire):
    """A wire of whose ends neither has an address: no kernel answers what is replayed."""

    def __init__(self):
        super().__init__()
        for name, device in ((self.near, "near0"), (self.far, "far0")):
            ip("-n", name, "addr", "flush", "dev", device)
            ip("-n", name, "link", "set", device, "arp", "off")

    def bridge(self):
        """A bridge br0 before near0: unlike veth it hands frames that are for others to nobody, unless it is promiscuous."""
        ip("-n", self.near, "link", "add", "br0", "type", "bridge", "mcast_snooping", "0")
        ip("-n", self.near, "link", "set", "br0", "addrgenmode", "none", "address", "02:00:00:00:00:aa")
        ip("-n", self.near, "link", "set", "near0", "master", "br0")
        ip("-n", self.near, "link", "set", "br0", "up", "arp", "off")
