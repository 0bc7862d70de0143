"""Other flow meters that Debian packages: how each is run on a capture and on an interface, and how its counts are read.

They are in a root file system of their own, which run.sh makes (Root). A command's placeholders: {capture}, a file;
{interface}; {idle} and {active}, the timeouts in seconds. What they write goes to OUT, a file system in memory.
"""
import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

CAPTURES, OUT = "/captures", "/out"
TIMEOUTS = {"idle": 120, "active": 1800}
LONG_TIMEOUTS = {"idle": 1800, "active": 3600}
BOTH, EACH = "both directions", "each direction"


class Peer(NamedTuple):
    name: str
    package: str
    labels: bool  # whether it says which application a flow is of
    does: str
    counts: str  # what one of its flows is
    packets: str  # pattern of a number in what it and its counter print; a second number is what it counts but dropped
    flows: str
    file: str  # the command for a capture
    live: str = ""  # the command for an interface, if what it lost can be told
    counter: str = "true"  # a line of shell that is run after it
    ends_by: str = "SIGTERM"
    has_fixed_table: bool = False  # its memory doesn't grow with the flows


SURICATA = "suricata -c /peers/suricata.yaml -S /dev/null -k none -l /out" + "".join(
    f" --set flow-timeouts.{timeout}={{idle}}" for timeout in (
        "tcp.new", "tcp.established", "tcp.closed", "udp.new", "udp.established", "icmp.new", "icmp.established"))
PMACCTD_COUNTER = "awk -F, 'NR > 1 {flows++; packets += $6} END {print \"counted\", flows + 0, packets + 0}' /out/flows"

PEERS = (
    Peer("ndpireader", "libndpi-bin", True, "nDPI's label and a few statistics of each flow; prints totals only", BOTH,
         packets=r"IP packets:\s+\d+\s+of (\d+)", flows=r"Unique flows:\s+(\d+)",
         file="ndpiReader -i {capture} -T 20 -U 20",
         live="ndpiReader -i {interface} -T 20 -U 20", ends_by="SIGINT"),
    Peer("suricata", "suricata", True, "the application protocol by its own parsers, reassembly of TCP, counters; no rules; JSON to a file",
         BOTH, packets=r"(?:read 1 file, |packets: )(\d+)(?:, drops: (\d+))?", flows=r"(\d+) /out/flows.json",
         file=SURICATA + " --runmode single -r {capture}",
         live=SURICATA + " --runmode workers --af-packet={interface}", counter="wc -l /out/flows.json"),
    # Live, the next two end only when another packet comes.
    Peer("argus", "argus-server", False, "counters, sizes, jitter, and TCP's performance; binary records to a file", BOTH,
         packets=r"sum +\d+ +(\d+)", flows=r"sum +(\d+)",
         file="argus -X -J -Z -S {active} -r {capture} -w /out/flows", counter="racount -r /out/flows"),
    Peer("softflowd", "softflowd", False, "counters; IPFIX in datagrams that nobody reads", BOTH,
         packets=r"Packets processed: (\d+)", flows=r"Flows expired: (\d+)",
         file="softflowd -a -d -6 -v 10 -b -n 127.0.0.1:4739 -m 4000000 -p /out/pid -c none -r {capture} -t tcp={idle} -t udp={idle}"
              " -t icmp={idle} -t general={idle} -t maxlife={active}"),
    Peer("nfpcapd", "nfdump", False, "counters; binary records to a file", EACH,
         packets=r"Total: Processed: (\d+)", flows=r"Flows: (\d+)",
         file="nfpcapd -e {active},{idle} -r {capture} -w /out",
         live="nfpcapd -e {active},{idle} -b 64 -i {interface} -w /out", counter="nfdump -R /out -I | head -n 2",
         has_fixed_table=True),
    Peer("pmacctd", "pmacct", False, "counters; CSV to a file", EACH,
         packets=r"counted \d+ (\d+)", flows=r"counted (\d+)",
         file="pmacctd -f /peers/pmacctd.conf -I {capture}",
         live="pmacctd -f /peers/pmacctd.conf -i {interface}", ends_by="SIGINT", counter=PMACCTD_COUNTER,
         has_fixed_table=True),
)
# Asked for often, and why they are not here.
ABSENT = {
    "yaf": "neither Debian 12 nor 13 has a package",
    "ipfixprobe": "neither Debian 12 nor 13 has a package",
    "mercury": "neither Debian 12 nor 13 has a package of Cisco's program",
    "zeek": "neither Debian 12 nor 13 has a package",
}


class Root:
    """The peers' root file system; its captures folder is where bench-generate writes."""

    def __init__(self, path):
        self.path = Path(path)

    def command(self, line, **values):
        """The words that run a peer's command line in here."""
        words = [word.format(**values) for word in line.split()]
        return ["chroot", str(self.path), *words]

    def file_command(self, peer, capture, timeouts=None):
        return self.command(peer.file, capture=f"{CAPTURES}/{Path(capture).name}", **(timeouts or TIMEOUTS))

    def live_command(self, peer, interface):
        return self.command(peer.live, interface=interface, **TIMEOUTS)

    def version(self, package):
        """The package's version as its authors count it, None if it isn't installed."""
        done = subprocess.run(["chroot", str(self.path), "dpkg-query", "-W", "-f", "${Version}", package], check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        return upstream_version(done.stdout) if done.returncode == 0 and done.stdout else None

    def clean(self):
        """Empties OUT."""
        for entry in (self.path / OUT.lstrip("/")).iterdir():
            if entry.is_dir():
                shutil.rmtree(entry)
            else:
                entry.unlink()

    def counted(self, peer, text):
        """The packets and flows that a peer counted in a run that printed the text."""
        done = subprocess.run(["chroot", str(self.path), "sh", "-c", peer.counter], check=False, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        return read_counts(peer, text + "\n" + done.stdout)


def upstream_version(version):
    """1:5.0.2+git20250321.41f65e2-2 is 5.0.2."""
    return re.match(r"(?:\d+:)?([\d.]*\d)", version)[1]


def read_counts(peer, text):
    """{"packets", "flows"} of what a peer and its counter printed. A LookupError if either isn't there."""
    counts = {}
    for what, pattern in (("packets", peer.packets), ("flows", peer.flows)):
        found = list(re.finditer(pattern, text))
        if not found:
            raise LookupError(f"{peer.name} printed no number of {what}: {text.strip()[-200:]}")
        counted, *dropped = found[-1].groups(default="0")
        counts[what] = int(counted) - sum(map(int, dropped))
    return counts


def select(names, root):
    """The peers by these names (all), as (present, {name: why absent})."""
    chosen = [peer for peer in PEERS if not names or peer.name in names]
    present = [peer for peer in chosen if root is not None and root.version(peer.package)]
    why = "not looked for: no --peers-root" if root is None else "its package is not in the peers' root"
    return present, {peer.name: why for peer in chosen if peer not in present}
