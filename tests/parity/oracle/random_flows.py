"""A capture of random flows for each group of fields, from a seed: what goes wrong in a network goes wrong here more often."""
import random
import struct

from .packets import ACK, CWR, ECE, FIN, PSH, RST, SYN, TCP, UDP, URG

BEGIN_US = 1_700_000_000_000_000
WITHIN_US = 60_000_000
SEQUENCES = 2**32
PLAIN_OPTIONS = ((0, b""), (1, b""), (2, b"\x05\xb4"), (2, b"\x02\x18"), (3, b"\x07"), (3, b"\x0e"), (4, b""), (8, b"\0" * 8), (30, b"\0\0"), (62, b"x"), (254, b"abcd"))
ADDRESSES = ("0.0.0.0", "127.0.0.1", "10.1.2.3", "172.16.0.9", "172.32.0.9", "192.168.7.7", "169.254.1.1", "100.64.0.1", "100.128.0.1", "224.0.0.251",
             "239.1.1.1", "255.255.255.255", "8.8.8.8", "203.0.113.5")
ADDRESSES_6 = ("::", "::1", "fe80::1", "febf::1", "fc00::1", "fd12::1", "ff02::fb", "2001:db8::1", "2a00::1", "64:ff9b::1")
GROUPS = ("sizes", "series", "histograms", "ip", "tcp", "activity", "splt")
EDGES = (0, 1, 15, 16, 31, 32, 63, 64, 88, 100, 101, 127, 128, 216, 217, 255, 256, 471, 472, 473, 483, 484, 511, 512, 983, 984, 985, 995, 996, 1023, 1024, 1460)


class End:
    """One end of a TCP connection."""

    def __init__(self, chance):
        self.next = (SEQUENCES - chance.randrange(4000)) % SEQUENCES if chance.random() < 0.3 else chance.randrange(SEQUENCES)
        self.sent = []


class Flow:
    """The packets of one flow: (time, captured bytes, bytes on the wire)."""

    def __init__(self, chance, group, number):
        self.chance, self.group = chance, group
        self.version = 6 if chance.random() < 0.3 else 4
        self.time = BEGIN_US + chance.randrange(WITHIN_US)
        self.ports = (1024 + number % 60000, chance.choice((80, 443, 5000 + number // 60000, 9999)))
        self.ends = self.addresses(number)
        self.ttls = [chance.choice((1, 32, 64, 128, 255)) for _ in range(2)]
        self.vlan = chance.choice((None, None, None, 7, 4094))
        self.ends_of_tcp = (End(chance), End(chance))
        self.by_tcp = False  # what random_l7.py plays
        self.frames = []

    def addresses(self, number):
        import ipaddress
        if self.group == "ip" and self.chance.random() < 0.5:
            return [ipaddress.ip_address(self.chance.choice(ADDRESSES if self.version == 4 else ADDRESSES_6)).packed for _ in range(2)]
        if self.version == 4:
            return [struct.pack(">BBH", 10, side, number % 65536) for side in range(2)]
        return [b"\x20\x01\x0d\xb8" + struct.pack(">III", 0, side, number) for side in range(2)]

    def wait(self):
        chance = self.chance
        if self.group in ("activity", "histograms"):
            self.time += chance.choice((0, 1, 999, 1000, 15_999, 16_000, 63_999, 500_000, 999_999, 1_000_000, 1_000_001, 4_999_999, 5_000_000, 5_000_001,
                                        8_191_999, 8_192_000, chance.randrange(12_000_000), chance.randrange(100_000), chance.randrange(100_000)))
        else:
            self.time += chance.choice((0, 1, chance.randrange(1000), int(chance.expovariate(1e-5))))

    def size(self):
        return self.chance.choice((0, self.chance.choice(EDGES), self.chance.randrange(1460), 1460))

    def put(self, side, protocol, segment, missing=0):
        """Writes a segment of that side, whose last `missing` bytes are not captured; now and then the frame has padding behind it."""
        chance = self.chance
        self.wait()
        tos = chance.choice((0, 0, chance.randrange(256))) if self.group == "ip" else chance.choice((0, 0, 0, 0xB8, 3))
        ttl = max(1, self.ttls[side] - (chance.randrange(30) if self.group == "ip" else 0))
        source, destination = self.ends[side], self.ends[1 - side]
        if self.version == 4:
            options = b"\x01" * chance.choice((0, 0, 0, 0, 4, 40))
            packet = struct.pack(">BBHHHBBH", 0x45 + len(options) // 4, tos, 20 + len(options) + len(segment), 1, 0, ttl, protocol, 0)
            packet += source + destination + options + segment
        else:
            extra = bytes((protocol, 0, 1, 4, 0, 0, 0, 0)) if chance.random() < 0.1 else b""
            packet = struct.pack(">IHBB", 6 << 28 | tos << 20, len(extra) + len(segment), 60 if extra else protocol, ttl) + source + destination + extra + segment
        tag = b"" if self.vlan is None else struct.pack(">HH", 0x8100, self.vlan)
        frame = b"\x02\0\0\0\0\1\x02\0\0\0\0\2" + tag + (b"\x08\0" if self.version == 4 else b"\x86\xdd") + packet
        if chance.random() < 0.7 and not missing:
            frame = frame.ljust(60, b"\0")
        self.frames.append((self.time, frame[:len(frame) - missing], len(frame)))

    def udp(self):
        for _ in range(self.count()):
            side, payload = int(self.chance.random() < 0.4), bytes(self.size())
            self.put(side, UDP, struct.pack(">HHHH", self.ports[side], self.ports[1 - side], 8 + len(payload), 0) + payload)
            if len(self.frames) == 1 and side:
                self.ends.reverse()  # whoever was first

    def count(self):
        return self.chance.choice((1, 2, 3, 4, self.chance.randrange(5, 20), self.chance.randrange(5, 40)))

    def options(self):
        made = b""
        for kind, value in self.chance.sample(PLAIN_OPTIONS[1:], self.chance.randrange(4)):
            made += bytes((kind,)) if kind < 2 else bytes((kind, len(value) + 2)) + value
        if self.chance.random() < 0.1:
            made += self.chance.choice((b"\x02", b"\x02\x01\x01", b"\x03\x09\x01", b"\0\x02\x04\x05\xb4", b"\x08\x02"))
        return made.ljust((len(made) + 3) // 4 * 4, b"\0")[:40]

    def segment(self, side, seq, flags, payload, options=b"", ack=None, window=None, missing=0):
        other = self.ends_of_tcp[1 - side].next if ack is None else ack
        if window is None:
            window = self.chance.choice((64240, 64240, 502, 0, 65535))
        head = struct.pack(">HHIIBBHHH", self.ports[side], self.ports[1 - side], seq % SEQUENCES, other % SEQUENCES if flags & ACK else 0,
                           (20 + len(options)) // 4 << 4, flags, window, 0, 0)
        self.put(side, TCP, head + options + payload, missing)

    def send(self, side, flags, size, options=b"", lost=0.07):
        """New bytes of that side, which a sensor may not see."""
        end = self.ends_of_tcp[side]
        if self.chance.random() < lost:
            self.wait()
        else:
            self.segment(side, end.next, flags, bytes(size), options)
        end.sent.append((end.next, flags, size))
        end.next = (end.next + size + bool(flags & SYN) + bool(flags & FIN)) % SEQUENCES

    def open(self):
        chance = self.chance
        first = self.ends_of_tcp[0].next
        self.send(0, SYN | chance.choice((0, ECE | CWR)), chance.choice((0, 0, 0, 100)), self.options())
        if chance.random() < 0.2:
            self.segment(0, first, SYN, b"", self.options())
        if chance.random() < 0.1:
            return
        answer = self.ends_of_tcp[1].next
        self.send(1, SYN | ACK, 0, self.options())
        if chance.random() < 0.2:
            self.segment(1, answer, SYN | ACK, b"", self.options())
        if chance.random() < 0.9:
            self.segment(0, self.ends_of_tcp[0].next, ACK, b"")

    def again(self, side):
        """Something that was sent before, whole, in part or with more."""
        chance, end = self.chance, self.ends_of_tcp[side]
        if not end.sent:
            return
        seq, flags, size = chance.choice(end.sent[-8:])
        if chance.random() < 0.3:
            shift = chance.randrange(-20, 21)
            seq, flags, size = seq + shift, flags & ~(SYN | FIN), max(0, size + chance.randrange(-30, 31))
        elif chance.random() < 0.2:
            size += chance.randrange(1, 2000)
        self.segment(side, seq, flags, bytes(min(size, 1460)))

    def same_ack(self, side):
        end, window = self.ends_of_tcp[side], self.chance.choice((0, 1000))
        for _ in range(self.chance.randrange(1, 5)):
            self.segment(side, end.next, ACK, b"", window=window)

    def odd(self, side):
        """Keep-alives, jumps, resets and numbers at random."""
        chance, end = self.chance, self.ends_of_tcp[side]
        kind = chance.randrange(5)
        if kind == 0:
            self.segment(side, end.next - 1, ACK, bytes(chance.randrange(2)))
        elif kind == 1:
            end.next = (end.next + chance.choice((2**30 - 1, 2**30, 2**30 + 1, 2**31, 3 * 2**30))) % SEQUENCES
        elif kind == 2 and chance.random() < 0.3:
            self.segment(side, end.next, RST | chance.choice((0, ACK)), b"", window=0)
        elif kind == 3:
            self.segment(side, chance.randrange(SEQUENCES), chance.choice((ACK, ACK | PSH, ACK | URG)), bytes(chance.randrange(50)))
        else:
            end.next = (end.next + chance.randrange(3000)) % SEQUENCES

    def tcp(self):
        chance = self.chance
        if chance.random() < 0.8:
            self.open()
        for _ in range(self.count()):
            side, what = int(chance.random() < 0.5), chance.random()
            if what < 0.6:
                self.send(side, ACK | chance.choice((0, PSH)), self.size())
            elif what < 0.8:
                self.again(side)
            elif what < 0.9:
                self.same_ack(side)
            else:
                self.odd(side)
        for side in chance.choice(((), (0,), (1,), (0, 1), (1, 0))):
            self.send(side, FIN | ACK, chance.choice((0, 0, 10)))
            if chance.random() < 0.3:
                self.again(side)
        if chance.random() < 0.2:
            self.segment(int(chance.random() < 0.5), self.ends_of_tcp[0].next, RST, b"", window=0)


def capture(group, seed, flows):
    """The bytes of a pcap file."""
    chance, frames = random.Random(f"{group} {seed}"), []
    for number in range(flows):
        flow = Flow(chance, group, number)
        if group in ("tcp", "splt") or chance.random() < 0.5:
            flow.tcp()
        else:
            flow.udp()
        frames += flow.frames
    return pcap(frames)


def pcap(frames):
    parts = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)]
    for time, frame, wire in sorted(frames, key=lambda one: one[0]):
        parts += [struct.pack("<IIII", time // 10**6, time % 10**6, len(frame), wire), frame]
    return b"".join(parts)
