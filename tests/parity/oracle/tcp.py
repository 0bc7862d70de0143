"""Section 2.5: windows, options, the handshake (rule H), the close (rule S), what was sent again (rule T) and duplicate ACKs (rule A)."""
from . import directions, segments
from .directions import BOTH, ONE_WAY
from .packets import ACK, FIN, RST, SYN, TCP

OPTION_END, OPTION_NOTHING, OPTION_MSS, OPTION_SCALE, LAST_BIT = 0, 1, 2, 3, 62
SEQUENCES, HALF = 2**32, 2**31
# These know the packets of earlier slices.
CARRIED = ("retransmitted_packets", "retransmitted_bytes", "out_of_order_packets", "duplicate_ack_packets")
SUMS = (*CARRIED, "zero_window_packets")
ONE_WAY_FIELDS = ("first_window", "last_window", "min_window", "max_window", "mss", "window_scale", "tcp_options")
OF_FLOW = ("first_tcp_flags", "tcp_syn_rtt_us", "tcp_ack_rtt_us", "tcp_handshake_completed", "tcp_close_style")


def fields(part):
    if part.packets[0].protocol != TCP:
        return dict.fromkeys([f"{direction}_{name}" for direction in directions.DIRECTIONS for name in SUMS] +
                             [f"{direction}_{name}" for direction in ONE_WAY for name in ONE_WAY_FIELDS] + list(OF_FLOW))
    made = {"first_tcp_flags": part.packets[0].flags if part.packets[0].has_tcp else None, "tcp_close_style": close_style(part.packets), **handshake(part)}
    for direction in ONE_WAY:
        packets = [packet for packet in directions.of(part.packets, direction) if packet.has_tcp]
        before = [packet for packet in directions.of(part.before or [], direction) if packet.has_tcp]
        sums = {"zero_window_packets": sum(packet.window == 0 and not packet.flags & (SYN | FIN | RST) for packet in packets),
                **segments.sent_again(before, packets), "duplicate_ack_packets": duplicate_acks(before, packets)}
        made.update((f"{direction}_{name}", value) for name, value in {**windows(packets), **options(packets), **sums}.items())
    for name in SUMS:
        made[f"{BOTH}_{name}"] = sum(made[f"{direction}_{name}"] for direction in ONE_WAY)
    if part.before is None:
        made = {name: value for name, value in made.items() if not name.endswith(CARRIED)}
    return made


def windows(packets):
    if not packets:
        return dict.fromkeys(("first_window", "last_window", "min_window", "max_window"))
    seen = [packet.window for packet in packets]
    return {"first_window": seen[0], "last_window": seen[-1], "max_window": max(seen),
            "min_window": min((packet.window for packet in packets if not packet.flags & RST), default=None)}


def options(packets):
    """Of the direction's first SYN."""
    syn = next((packet for packet in packets if packet.flags & SYN), None)
    made = {"mss": None, "window_scale": None, "tcp_options": None if syn is None else 0}
    if syn is None:
        return made
    for kind, value in listed(syn.options):
        made["tcp_options"] |= 1 << min(kind, LAST_BIT)
        if kind == OPTION_MSS and len(value) == 2:
            made["mss"] = int.from_bytes(value, "big")
        if kind == OPTION_SCALE and len(value) == 1:
            made["window_scale"] = value[0]
    return made


def listed(data):
    """(kind, value) of each option, as far as they are well formed."""
    at = 0
    while at < len(data):
        kind = data[at]
        if kind in (OPTION_END, OPTION_NOTHING):
            yield kind, b""
            if kind == OPTION_END:
                return
            at += 1
            continue
        length = data[at + 1] if at + 1 < len(data) else 0
        if length < 2 or at + length > len(data):
            return
        yield kind, data[at + 2:at + length]
        at += length


def close_style(packets):
    finished = set()
    for packet in packets:
        if packet.flags & RST:
            return "rst"
        if packet.flags & FIN:
            finished.add(packet.forward)
        if len(finished) == 2:
            return "fin"
    return "half_fin" if finished else "none"


class Handshake:
    """SYN, SYN-ACK and ACK as they come, until all three were seen; as flow/v2 has it, a FIN or RST before them leaves it incomplete."""

    def __init__(self):
        self.syn = self.answer = self.syn_rtt = self.ack_rtt = None
        self.sent = []  # (forward, sequence number) of each SYN, and of each SYN-ACK that answers one
        self.done = self.completed = self.broken = False

    def take(self, packet):
        if self.done or not packet.has_tcp:
            return
        flags = packet.flags & (SYN | ACK | RST)
        if packet.forward and flags == SYN:
            self.syn, self.answer, self.syn_rtt = packet, None, None
        elif not packet.forward and flags == SYN | ACK and self.answers(packet):
            if not self.answer or self.answer.seq != packet.seq:
                self.syn_rtt = self.since(self.syn, packet)
            self.answer = packet
        elif packet.forward and flags == ACK and self.answer and 1 <= (packet.ack - self.answer.seq) % SEQUENCES < HALF:
            self.done, self.completed = True, not self.broken
            self.ack_rtt = self.since(self.answer, packet)
        if flags & SYN and (packet.forward or self.answers(packet)):
            self.sent.append((packet.forward, packet.seq))
        self.broken = self.broken or bool(packet.flags & (FIN | RST))

    def answers(self, packet):
        return self.syn and 1 <= (packet.ack - self.syn.seq) % SEQUENCES <= 1 + self.syn.p

    def since(self, earlier, packet):
        """None if it was sent twice: nobody knows which one was answered."""
        return packet.time - earlier.time if self.sent.count((earlier.forward, earlier.seq)) == 1 else None


def handshake(part):
    made = Handshake()
    for packet in part.packets:
        made.take(packet)
    first = part.packets[0]
    begun = part.record["slice"] == 0 and first.forward and first.flags & (SYN | ACK) == SYN
    whole = {"tcp_syn_rtt_us": made.syn_rtt, "tcp_ack_rtt_us": made.ack_rtt, "tcp_handshake_completed": made.completed if begun else None}
    if part.record["slice"]:
        # flow/v2 says whether there was a handshake in the connection, of later slices too.
        del whole["tcp_handshake_completed"]
    return whole


def is_pure_ack(packet):
    return packet.flags == ACK and packet.p == 0


def duplicate_acks(before, packets):
    """An ACK without data that says what the direction's packet before it, another one, has said."""
    previous, count = (before[-1] if before else None), 0
    for packet in packets:
        count += bool(previous and is_pure_ack(packet) and is_pure_ack(previous) and (packet.ack, packet.window) == (previous.ack, previous.window))
        previous = packet
    return count
