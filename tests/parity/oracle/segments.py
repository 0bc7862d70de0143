"""Rule T of section 2.5: what of a direction's sequence space was sent again, and what came late."""
from .packets import FIN, RST, SYN

SEQUENCES, HALF, JUMP, HOLES = 2**32, 2**31, 2**30, 4


class Sequence:
    """One direction's: the highest number seen, without wrapping around, and the holes below it, the lowest one first."""

    def __init__(self):
        self.high, self.holes = None, []

    def take(self, packet):
        """None, or the numbers of a segment below the highest one that were seen before, as a list of (first, end)."""
        length = packet.p + bool(packet.flags & SYN) + bool(packet.flags & FIN)
        if packet.flags & RST or length == 0:
            return None
        if self.high is None:
            self.high = packet.seq + length
            return None
        start = self.high + (packet.seq - self.high + HALF) % SEQUENCES - HALF
        end = start + length
        if start == self.high - 1 and packet.p <= 1 and not packet.flags & (SYN | FIN):
            return None  # keep-alive
        if abs(start - self.high) >= JUMP:
            self.high, self.holes = end, []
            return None
        if start >= self.high:
            if start > self.high:
                self.holes.append((self.high, start))
            self.high, self.holes = end, self.holes[-HOLES:]
            return None
        seen = self.fill(start, min(end, self.high))
        self.high = max(self.high, end)
        return seen

    def fill(self, start, end):
        """Takes what lies in holes out of them, and gives the rest."""
        seen, left, at = [], [], start
        for first, behind in self.holes:
            low, top = max(first, start), min(behind, end)
            if low >= top:
                left.append((first, behind))
                continue
            if at < low:
                seen.append((at, low))
            at = top
            left += [(one, other) for one, other in ((first, low), (top, behind)) if one < other]
        if at < end:
            seen.append((at, end))
        self.holes = left[-HOLES:]
        return seen


def numbers(seen, packet):
    """How many of the numbers are bytes: a SYN stands before them, a FIN behind."""
    start = packet.seq
    end = start + packet.p + bool(packet.flags & SYN) + bool(packet.flags & FIN)
    offset = (seen[0][0] - start) % SEQUENCES
    shift = start + offset - seen[0][0]
    total = sum(behind - first for first, behind in seen)
    for flag, number in ((SYN, start), (FIN, end - 1)):
        if packet.flags & flag and any(first + shift <= number < behind + shift for first, behind in seen):
            total -= 1
    return total


def sent_again(before, packets):
    made = {"retransmitted_packets": 0, "retransmitted_bytes": 0, "out_of_order_packets": 0}
    sequence = Sequence()
    for packet in before:
        sequence.take(packet)
    for packet in packets:
        seen = sequence.take(packet)
        if seen is None:
            continue
        if seen:
            made["retransmitted_packets"] += 1
            made["retransmitted_bytes"] += numbers(seen, packet)
        else:
            made["out_of_order_packets"] += 1
    return made
