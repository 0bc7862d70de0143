"""Section 2.2: time series."""
from . import directions
from .directions import BOTH


def fields(part):
    packets, made = part.packets, {}
    for direction in directions.DIRECTIONS:
        gaps = directions.gaps(directions.of(packets, direction))
        made[f"{direction}_skewness_piat"] = directions.skewness(gaps)
        made[f"{direction}_kurtosis_piat"] = directions.kurtosis(gaps)
    begin, n = packets[0].time, len(packets)
    made[f"{BOTH}_mean_offset_us"] = sum(packet.time - begin for packet in packets) / n
    made[f"{BOTH}_dispersion_payload_ps"] = dispersion_of_payloads([packet.p for packet in packets])
    made[f"{BOTH}_dispersion_piat_us"] = dispersion_of_gaps(packets)
    made[f"{BOTH}_size_changes"] = sum(earlier.r != later.r for earlier, later in zip(packets, packets[1:]))
    return made


def dispersion_of_payloads(payloads):
    """From the mean of the payloads before, which is 0 for the first."""
    total = distance = 0
    for k, payload in enumerate(payloads):
        distance += abs(payload - (total / k if k else 0))
        total += payload
    return distance / len(payloads)


def dispersion_of_gaps(packets):
    """Each gap's distance from the time since the first packet, divided by the number of packets."""
    if len(packets) == 1:
        return None
    gaps = [0, *directions.gaps(packets)]
    offsets = [packet.time - packets[0].time for packet in packets]
    return sum(abs(offset / k - gap) for k, (offset, gap) in enumerate(zip(offsets, gaps), 1)) / (len(packets) - 1)
