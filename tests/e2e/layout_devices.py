"""Network devices for layouts of clusters: the kernel's where it has the kind, else made by hand.

By hand is a tun or tap device of the same name, and a thread that carries its packets in frames that it makes itself. The
conversations in it are those of the kernel's TCP and UDP all the same.
"""
import fcntl
import os
import select
import socket
import struct
import subprocess
import threading

from namespaces import inside

TUNSETIFF, IFF_TUN, IFF_TAP, IFF_NO_PI = 0x400454CA, 1, 2, 0x1000
ETH_P_ALL, PACKET_AUXDATA, VLAN_VALID, VLAN_TAG = 3, 8, 0x10, 0x8100
SOL_PACKET = 263
LARGEST = 65535
LACKING = "Unknown device type"
said = set()


def batch(namespace, *lines, program="ip"):
    """Commands of ip(8) or bridge(8) in a namespace, by one process."""
    done = subprocess.run([program, "-n", namespace, "-batch", "-"], input="\n".join(lines), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{program} in {namespace}: {done.stdout.strip()} of: {lines}")


def kernel_has(namespace, name, kind):
    """Makes a device `name` of a kind, given as in `ip link add`. False if the kernel has none; which it was is said once."""
    parent, options = (part.split() for part in kind.split("type "))
    done = subprocess.run(["ip", "-n", namespace, "link", "add", *parent, "name", name, "type", *options], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    has = done.returncode == 0
    if not has and LACKING not in done.stdout:
        raise RuntimeError(f"{name}, {kind}: {done.stdout.strip()}")
    if options[0] not in said:
        said.add(options[0])
        print(f"layouts: {options[0]}: {'the device of the kernel' if has else 'made by hand: the kernel has no such device'}", flush=True)
    return has


def open_device(name, flag):
    device = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", name.encode(), flag | IFF_NO_PI))
    return device


def packet_socket(device):
    """Every frame of a device, and a way to send more."""
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    made.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    made.bind((device, ETH_P_ALL))
    return made


def frame_of(received):
    """(frame, VLAN id or None) of a packet socket, as they came in; None for what this host sent."""
    frame, auxiliary, _, address = received.recvmsg(LARGEST, 64)
    if address[2] == socket.PACKET_OUTGOING:
        return None
    vlan = None
    for _, _, data in auxiliary:
        # The kernel takes the tag out of the frame.
        status, tag = struct.unpack("=I12xH", data[:18])
        vlan = tag & 0xFFF if status & VLAN_VALID else None
    return frame, vlan


class Carrier:
    """A device made by hand. Those that derive say how a packet travels: opened(), send(), received()."""

    flag = IFF_TAP

    def __init__(self, namespace, name):
        self.device = inside(namespace, open_device, name, self.flag)
        self.sockets = inside(namespace, self.opened)
        self.stopping = os.pipe()
        self.thread = threading.Thread(target=self.carry, daemon=True)
        self.thread.start()

    def carry(self):
        while True:
            ready = select.select([self.device, self.stopping[0], *self.sockets], [], [])[0]
            if self.stopping[0] in ready:
                return
            for source in ready:
                if source == self.device:
                    self.send(os.read(self.device, LARGEST))
                elif (packet := self.received(source)) is not None:
                    os.write(self.device, packet)

    def close(self):
        os.write(self.stopping[1], b"x")
        self.thread.join()
        for descriptor in (self.device, *self.stopping):
            os.close(descriptor)
        for one in self.sockets:
            one.close()


class Datagrams(Carrier):
    """VXLAN or Geneve: each frame behind a header in a datagram."""

    def __init__(self, namespace, name, header, local, remote, port):
        self.header, self.local, self.remote = header, (local, port), (remote, port)
        super().__init__(namespace, name)

    def opened(self):
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind(self.local)
        return [made]

    def send(self, packet):
        self.sockets[0].sendto(self.header + packet, self.remote)

    def received(self, source):
        return source.recv(LARGEST)[len(self.header):]


class Ipip(Carrier):
    flag = IFF_TUN

    def __init__(self, namespace, name, remote):
        self.remote = (remote, 0)
        super().__init__(namespace, name)

    def opened(self):
        return [socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_IPIP)]

    def send(self, packet):
        if packet[0] >> 4 == 4:
            self.sockets[0].sendto(packet, self.remote)

    def received(self, source):
        packet = source.recv(LARGEST)
        return packet[4 * (packet[0] & 15):]


class Vlan(Carrier):
    def __init__(self, namespace, name, parent, vlan):
        self.parent, self.vlan = parent, vlan
        super().__init__(namespace, name)

    def opened(self):
        return [packet_socket(self.parent)]

    def send(self, packet):
        self.sockets[0].send(packet[:12] + struct.pack("!HH", VLAN_TAG, self.vlan) + packet[12:])

    def received(self, source):
        frame = frame_of(source)
        return frame[0] if frame and frame[1] == self.vlan else None


class Bond(Carrier):
    """Of two devices: what a conversation sends goes over one of them, by its addresses and ports."""

    def __init__(self, namespace, name, members):
        self.members = members
        super().__init__(namespace, name)

    def opened(self):
        return [packet_socket(member) for member in self.members]

    def send(self, packet):
        self.sockets[sum(packet[26:38]) % 2].send(packet)

    def received(self, source):
        frame = frame_of(source)
        return frame[0] if frame else None
