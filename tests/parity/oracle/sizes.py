"""Section 2.1: sizes at four layers."""
from . import directions
from .packets import TCP, UDP


def fields(part):
    made = {"first_payload_ps": part.packets[0].p}
    for direction in directions.DIRECTIONS:
        for name, value in of_direction(directions.of(part.packets, direction), part.packets[0].protocol).items():
            made[f"{direction}_{name}"] = value
    return made


def of_direction(packets, protocol):
    payloads, ip = [packet.p for packet in packets], [packet.i for packet in packets]
    headers = [packet.s - packet.p for packet in packets if packet.s > packet.p]  # the others have none: later fragments, offset 0
    return {
        "raw_bytes": sum(packet.r for packet in packets), "ip_bytes": sum(ip), "transport_bytes": sum(packet.s for packet in packets),
        "payload_bytes": sum(payloads), "payload_packets": sum(payload > 0 for payload in payloads),
        "min_ip_ps": min(ip, default=0), "max_ip_ps": max(ip, default=0), **directions.summary(payloads, "payload_ps"),
        "skewness_payload_ps": directions.skewness(payloads), "kurtosis_payload_ps": directions.kurtosis(payloads),
        "min_header_bytes": min(headers, default=0) if protocol in (TCP, UDP) else None}
