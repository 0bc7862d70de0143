#!/usr/bin/env python3
"""A user-space link between two network namespaces, with a mirror port in its middle.

    wire.py A_NETNS:DEVICE B_NETNS:DEVICE MIRROR_NETNS:DEVICE [--carry KIND] [--loss %] [--dup %]
            [--delay MS] [--jitter MS] [--seed N]

The two end devices are made as TAP (or TUN, where the carrier is IP) and forwarded to each other; the third gets
a copy of each frame as it is on the link, between the carrier header being put on at one end and being taken off
at the other. It exists since many kernels come without 802.1Q, netem, ipip, sit and gre. Half of the loss happens
before the mirror and half after it, so that a recording has both gaps and retransmissions. Prints "ready" when the
devices exist, runs until SIGTERM. Must be root.
"""
import argparse
import ctypes
import fcntl
import heapq
import os
import random
import select
import socket
import struct
import time

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_TAP, IFF_NO_PI = 0x0001, 0x0002, 0x1000
CLONE_NEWNET = 0x40000000
ETH_IP, ETH_IPV6 = 0x0800, 0x86DD
MAC = {"a": bytes.fromhex("02000a000001"), "b": bytes.fromhex("02000a000002")}
OUTER4 = {"a": "192.0.2.1", "b": "192.0.2.2"}
OUTER6 = {"a": "2001:db8:2::1", "b": "2001:db8:2::2"}


def other(side):
    return "b" if side == "a" else "a"


def ethernet(side, ethertype, payload):
    return MAC[other(side)] + MAC[side] + struct.pack("!H", ethertype) + payload


def ones_complement(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ipv4(side, protocol, payload):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0x4000, 64, protocol, 0,
                       socket.inet_aton(OUTER4[side]), socket.inet_aton(OUTER4[other(side)]))
    return head[:10] + struct.pack("!H", ones_complement(head)) + head[12:] + payload


def ipv6(side, next_header, payload):
    return struct.pack("!IHBB", 0x60000000, len(payload), next_header, 64) + socket.inet_pton(
        socket.AF_INET6, OUTER6[side]) + socket.inet_pton(socket.AF_INET6, OUTER6[other(side)]) + payload


def udp4(side, port, payload):
    return ipv4(side, 17, struct.pack("!HHHH", port, port, 8 + len(payload), 0) + payload)


def ethertype_of(packet):
    return ETH_IPV6 if packet[0] >> 4 == 6 else ETH_IP


# Each carrier is (device kind, put on, take off). "put on" gets the end that sends and what its device gave.

def tags(*pairs):
    header = b"".join(struct.pack("!HH", tpid, tci) for tpid, tci in pairs)
    return (IFF_TAP, lambda side, f: f[:12] + header + f[12:], lambda f: f[:12] + f[12 + len(header):])


def labels_on(_side, frame):
    ethertype = struct.unpack("!H", frame[12:14])[0]
    if ethertype not in (ETH_IP, ETH_IPV6):
        return frame
    return frame[:12] + struct.pack("!HII", 0x8847, 16001 << 12 | 63, 24005 << 12 | 0x100 | 63) + frame[14:]


def labels_off(frame):
    if frame[12:14] != b"\x88\x47":
        return frame
    return frame[:12] + struct.pack("!H", ethertype_of(frame[22:])) + frame[22:]


PPP_PROTOCOL = {ETH_IP: 0x0021, ETH_IPV6: 0x0057}


def pppoe_on(side, packet):
    session = struct.pack("!BBHHH", 0x11, 0, 7, len(packet) + 2, PPP_PROTOCOL[ethertype_of(packet)])
    return ethernet(side, 0x8864, session + packet)


def gtpu_on(side, packet):
    return ethernet(side, ETH_IP, udp4(side, 2152, struct.pack("!BBHI", 0x30, 0xFF, len(packet), 0x1234) + packet))


def ip_carrier(wrap, outer):
    """An IP tunnel: `wrap` makes the outer packet, `outer` is how many bytes it puts before the inner one."""
    return (IFF_TUN, lambda side, p: ethernet(side, ethertype_of(w := wrap(side, p)), w), lambda f: f[14 + outer:])


def inner_protocol(packet):
    return 41 if packet[0] >> 4 == 6 else 4


CARRIERS = {
    "plain": (IFF_TAP, lambda side, f: f, lambda f: f),
    "vlan": tags((0x8100, 3 << 13 | 42)),
    "qinq": tags((0x88A8, 100), (0x8100, 42)),
    "mpls": (IFF_TAP, labels_on, labels_off),
    "pppoe": (IFF_TUN, pppoe_on, lambda f: f[22:]),
    "gtpu": (IFF_TUN, gtpu_on, lambda f: f[14 + 36:]),
    "tzsp": (IFF_TAP, lambda s, f: ethernet(s, ETH_IP, udp4(s, 37008, b"\x01\x00\x00\x01\x01" + f)), lambda f: f[47:]),
    "ipip": ip_carrier(lambda side, p: ipv4(side, inner_protocol(p), p), 20),
    "gre": ip_carrier(lambda side, p: ipv4(side, 47, struct.pack("!HH", 0, ethertype_of(p)) + p), 24),
    "ip6": ip_carrier(lambda side, p: ipv6(side, inner_protocol(p), p), 40),
}


def open_device(where, kind):
    """Makes DEVICE in NETNS; its descriptor stays usable from this process whatever namespace it is in."""
    netns, device = where.split(":")
    libc = ctypes.CDLL(None, use_errno=True)
    with open(f"/run/netns/{netns}", "rb") as target:
        if libc.setns(target.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"cannot enter namespace {netns}")
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(descriptor, TUNSETIFF, struct.pack("16sH22x", device.encode(), kind | IFF_NO_PI))
    return descriptor


class Link:
    """What is under way on the link: a heap of (due time, serial number, receiving end, frame)."""

    def __init__(self, options):
        self.options = options
        self.kind, self.put_on, self.take_off = CARRIERS[options.carry]
        self.ends = {"a": open_device(options.a, self.kind), "b": open_device(options.b, self.kind)}
        self.mirror = open_device(options.mirror, IFF_TAP)
        self.chance = random.Random(options.seed)
        self.queue = []
        self.serial = 0

    def lost(self):
        return self.chance.random() * 100 < self.options.loss / 2

    def send(self, side, data):
        if self.lost():
            return
        frame = self.put_on(side, data)
        for _ in range(2 if self.chance.random() * 100 < self.options.dup else 1):
            wait = (self.options.delay + self.chance.random() * self.options.jitter) / 1000
            self.serial += 1
            heapq.heappush(self.queue, (time.monotonic() + wait, self.serial, other(side), frame))

    def deliver(self):
        while self.queue and self.queue[0][0] <= time.monotonic():
            _, _, side, frame = heapq.heappop(self.queue)
            write(self.mirror, frame)
            if not self.lost():
                write(self.ends[side], self.take_off(frame))

    def run(self):
        sides = {descriptor: side for side, descriptor in self.ends.items()}
        while True:
            wait = max(0.0, self.queue[0][0] - time.monotonic()) if self.queue else None
            ready, _, _ = select.select(list(sides), [], [], wait)
            for descriptor in ready:
                data = read(descriptor)
                if data:
                    self.send(sides[descriptor], data)
            self.deliver()


def read(descriptor):
    try:
        return os.read(descriptor, 65536)
    except OSError:  # The device is down for the moment, or another reader was quicker: try again soon.
        time.sleep(0.001)
        return b""


def write(descriptor, data):
    try:
        os.write(descriptor, data)
    except OSError:  # A device that is not up yet loses the frame, as a cable would.
        pass


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("a", "b", "mirror"):
        parser.add_argument(name)
    parser.add_argument("--carry", choices=sorted(CARRIERS), default="plain")
    for name in ("loss", "dup", "delay", "jitter"):
        parser.add_argument(f"--{name}", type=float, default=0)
    parser.add_argument("--seed", type=int, default=1)
    link = Link(parser.parse_args())
    print("ready", flush=True)
    link.run()


if __name__ == "__main__":
    main()
