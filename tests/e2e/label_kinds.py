"""How the L7 columns of a flow may differ between numbers of meters, and why: the accepted kinds.

Each meter has its own nDPI. nDPI's caches carry what one flow showed to the labels of later flows. With several meters the later flow
may be at another meter than the earlier one: the entry is missing there (a miss), and the label is what the flow's own packets give.
The kinds are those of nDPI 4.2, by its source; a difference that belongs to none of them is an error, or a kind that must be
explained here first.
"""
import collections
import itertools
from typing import Callable, NamedTuple

L7 = ("application_name", "application_category_name", "application_is_guessed", "application_confidence",
      "requested_server_name", "client_fingerprint", "server_fingerprint", "user_agent", "content_type", "ja3", "ja3s", "ja4",
      "hassh", "hassh_server", "dhcp_fingerprint")
LABEL = L7[:4]
# Values of application_confidence.
UNKNOWN, CACHE, DISSECTED = 0, 5, 6
# Orders of several records that are tried: all orders of up to seven.
ORDERS = 5040


class Flow(NamedTuple):
    """What the kinds ask of a flow's L7 columns."""
    name: str
    guessed: bool
    confidence: int
    server: str

    @property
    def parts(self):
        """("STUN", "Teams") of STUN.Teams, ("STUN", "") of STUN."""
        protocol, _, application = self.name.partition(".")
        return protocol, application

    @property
    def undetected(self):
        """No dissector knew it: unknown, or guessed when dissection was given up."""
        return self.guessed or self.name == "Unknown"


class Kind(NamedTuple):
    cache: str
    columns: tuple  # that may differ
    belongs: Callable  # of the flow where the cache had the entry (hit), and where it had not (miss)
    cause: str


def only_by_cache(application):
    """A label that the cache alone gave, to a flow that no dissector knows."""
    return lambda hit, miss: hit.name == application and hit.confidence == CACHE and miss.undetected


def stun(hit, miss):
    """Another application behind STUN, or none. With a hit the attributes are not read, so neither is a realm (the server's name)."""
    both = hit.parts[0] == miss.parts[0] == "STUN"
    return both and hit.parts[1] not in ("", miss.parts[1]) and hit.server in ("", miss.server)


def teams(hit, miss):
    """Also as STUN.Teams and STUN.SkypeCall."""
    (before, _, name), (before_miss, _, name_miss) = hit.name.rpartition("."), miss.name.rpartition(".")
    return before == before_miss and name == "Teams" and name_miss in ("SkypeCall", "Skype_Teams")


def zoom(hit, miss):
    return (hit.name, hit.confidence, miss.name, miss.confidence) == ("Zoom", CACHE, "Unknown", UNKNOWN)


def certificate(hit, miss):
    """Without an entry the flow's own certificate gives the same label, or there is none to be seen (resumed, TLS 1.3)."""
    application = hit.parts[0] == "TLS" and hit.parts[1] != ""
    return application and (hit.confidence, miss.confidence) == (CACHE, DISSECTED) and miss.name in ("TLS", hit.name)


KINDS = (
    # Before stun_cache: nDPI says STUN.Teams too.
    Kind("msteams_cache", LABEL[:1], teams,
         "a Skype call over UDP is one of Teams if its host spoke TCP with Teams in the minute before"),
    Kind("stun_cache", (*LABEL, "requested_server_name"), stun,
         "an address and port that showed its application over STUN gives it to its other STUN flows"),
    Kind("zoom_cache", LABEL, zoom,
         "an unknown UDP flow of port 8801 is Zoom if a TCP flow of Zoom was with that server"),
    Kind("tls_cert_cache", ("application_name", "application_category_name", "application_confidence"), certificate,
         "a certificate whose subject names the application gives it to later flows of that server's address and port"),
    Kind("bittorrent_cache", LABEL, only_by_cache("BitTorrent"),
         "a flow that nothing else explains is BitTorrent if its hosts, or an end of it, did BitTorrent before"),
    Kind("mining_cache", LABEL, only_by_cache("Mining"),
         "a flow that no dissector knows is Mining if its two hosts did mining before"),
    Kind("ookla_cache", LABEL, only_by_cache("Ookla"),
         "a flow to port 8080 of a server that did a speed test before is Ookla"),
    Kind("tinc_cache", LABEL, only_by_cache("TINC"),
         "a UDP flow is TINC if a TCP connection of TINC between the same hosts went to that port"),
)


def flow_of(labels):
    name, _, guessed, confidence, server = labels[:5]
    return Flow(name or "", bool(guessed), confidence or 0, server or "")


def differing(one, two):
    """The columns that differ: {name: (value, value)}."""
    return {name: (a, b) for name, a, b in zip(L7, one, two) if a != b}


def kind_of(one, two):
    """The kind to which a difference of two records' L7 columns, all together, belongs; None: to none."""
    columns, flows = differing(one, two).keys(), (flow_of(one), flow_of(two))
    return next((kind for kind in KINDS if columns <= set(kind.columns) and (kind.belongs(*flows) or kind.belongs(*flows[::-1]))), None)


def cost(pairs):
    """Best are few differences of no kind, then few columns."""
    pairs = list(pairs)
    return sum(kind_of(*pair) is None for pair in pairs), sum(len(differing(*pair)) for pair in pairs)


def pair_up(ours, theirs):
    """Pairs of L7 columns that differ, of the records that are equal but for them: each a Counter of tuples."""
    left, right = sorted((ours - theirs).elements(), key=str), sorted((theirs - ours).elements(), key=str)
    orders = (list(zip(left, order)) for order in itertools.islice(itertools.permutations(right), ORDERS))
    return min(orders, key=cost)


class Differences:
    """What differs, of all pairs that were added: how often each kind, how many columns, and what belongs to no kind."""

    def __init__(self):
        self.columns, self.kinds, self.unexplained = 0, collections.Counter(), []

    def add(self, pairs, where):
        for one, two in pairs:
            kind, columns = kind_of(one, two), differing(one, two)
            self.columns += len(columns)
            if kind:
                self.kinds[kind.cache] += 1
            else:
                label = f"{' '.join(map(str, one[:4]))} / {' '.join(map(str, two[:4]))}"
                self.unexplained.append(f"{where}: {label}: " + ", ".join(f"{name}: {a} / {b}" for name, (a, b) in columns.items()))

    def __str__(self):
        causes = {kind.cache: kind.cause for kind in KINDS}
        return "".join(f"\n  {count:4} flows by {cache}: {causes[cache]}" for cache, count in self.kinds.most_common())
