"""Section 2.8: Shannon's entropy of the first captured bytes of each direction's first payload."""
import math
import struct
from collections import Counter

from . import directions

MOST, LEAST = 512, 16


def fields(part):
    if part.before is None:
        return {}
    made = {}
    for name in directions.ONE_WAY:
        first = next((packet for packet in directions.of([*part.before, *part.packets], name) if packet.p and not packet.later), None)
        taken = first.payload[:MOST] if first else b""
        made[f"{name}_payload_entropy"] = bits_per_byte(taken) if len(taken) >= LEAST else None
        made[f"{name}_payload_entropy_bytes"] = len(taken) if first else None
    return made


def bits_per_byte(data):
    """In 32 bits, as records have it; -0 and what rounding leaves below 0 is 0."""
    whole = math.log2(len(data)) - math.fsum(count * math.log2(count) for count in Counter(data).values()) / len(data)
    return max(0.0, struct.unpack("f", struct.pack("f", whole))[0])
