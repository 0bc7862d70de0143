"""Section 2.4: time to live, DSCP, ECN, and what kinds of addresses the ends have."""
import ipaddress
from functools import lru_cache

from . import directions

CONGESTION_EXPERIENCED = 3
SCOPES = (
    ("unspecified", ("0.0.0.0/32", "::/128")),
    ("loopback", ("127.0.0.0/8", "::1/128")),
    ("link_local", ("169.254.0.0/16", "fe80::/10")),
    ("private", ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")),
    ("shared", ("100.64.0.0/10",)),
    ("multicast", ("224.0.0.0/4", "ff00::/8")),
    ("broadcast", ("255.255.255.255/32",)))


def fields(part):
    made = {f"{end}_ip_scope": scope(part.record[f"{end}_ip"]) for end in ("src", "dst")}
    for direction in directions.DIRECTIONS:
        packets = directions.of(part.packets, direction)
        made[f"{direction}_min_ttl"] = min((packet.ttl for packet in packets), default=None)
        made[f"{direction}_max_ttl"] = max((packet.ttl for packet in packets), default=None)
        made[f"{direction}_ce_packets"] = sum(packet.tos & 3 == CONGESTION_EXPERIENCED for packet in packets)
    for direction in directions.ONE_WAY:
        first = next(iter(directions.of(part.packets, direction)), None)
        made[f"{direction}_dscp"] = first and first.tos >> 2
        made[f"{direction}_ecn"] = first and first.tos & 3
    return made


@lru_cache(100_000)
def scope(text):
    address = ipaddress.ip_address(text)
    for name, networks in SCOPES:
        if any(address in network for network in map(ipaddress.ip_network, networks)):
            return name
    return "global"
