"""Section 2.7: payload sizes, TCP flags and duplicates (rule P) of a flow's first packets, and which packets these are."""
from .packets import TCP

DISTANCE = 4252017623
CHOICES = ("all", "payload", "payload_new")


def fields(part, length, choice="all"):
    """Of the first `length` packets that the option meter.splt_packets chooses."""
    marks = duplicates([*(part.before or []), *part.packets])[len(part.before or []):]
    chosen = [(packet, mark) for packet, mark in zip(part.packets, marks)
              if choice == "all" or packet.p > 0 and not (mark and choice == "payload_new")][:length]
    times = [part.packets[0].time, *(packet.time for packet, _ in chosen)]
    made = {"splt_payload_ps": [packet.p for packet, _ in chosen], "splt_tcp_flags": [packet.flags for packet, _ in chosen],
            "splt_duplicate": [mark for _, mark in chosen], "splt_direction": [int(not packet.forward) for packet, _ in chosen],
            "splt_ps": [packet.r for packet, _ in chosen], "splt_piat_us": [later - earlier for earlier, later in zip(times, times[1:])]}
    if part.before is None:
        del made["splt_duplicate"]
        if choice == "payload_new":
            return {}
    return made


def duplicates(packets):
    """1 for each TCP packet that says again what the direction's last new packet has said; none before the first data."""
    previous, had_data, marks = {}, False, []
    for packet in packets:
        last = previous.get(packet.forward)
        mark = bool(packet.protocol == TCP and packet.has_tcp and had_data and last and repeats(packet, last))
        marks.append(int(mark))
        if packet.has_tcp and not mark:
            previous[packet.forward] = packet
        had_data = had_data or packet.p > 0
    return marks


def repeats(packet, last):
    return (packet.p == last.p and packet.flags == last.flags and -DISTANCE <= packet.seq - last.seq <= 0 and
            -DISTANCE <= packet.ack - last.ack <= 0)
