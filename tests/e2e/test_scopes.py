"""Each conversation once: a node's pods talk with each other and with those of another node, through veths, a bridge, vxlan and
an uplink, and every scope of capture tells exactly what it should. 10 pods and 500 connections; LONG=yes takes 50 and 5,000.
Needs root, iproute2, iptables and tcpdump. Run: python3 tests/e2e/run.py test_scopes
"""
import collections
import concurrent.futures
import json
import os
import signal
import subprocess
import unittest
from pathlib import Path

from harness import Case, wait_until
from layout_traffic import Reference, Server, talk, tcp_conversation, wait_for_silence
from layouts import Cluster, Tunnel
from namespaces import inside
from test_live import ABLE

LONG = os.environ.get("LONG") == "yes"
PODS, CONNECTIONS, OTHERS = (50, 5000, 5) if LONG else (10, 500, 3)
REQUEST = 100
CLIENTS = 8
PARTNERS = 4  # of a pod; the kernel has one table of neighbours for all namespaces, of about 1,000
WORKERS = 8
SERVICE = ("10.96.0.10", 80)
FLANNEL = Tunnel("flannel.1", "vxlan", (1, 1), 8472)
VXLAN, NO_TUNNEL = 5, 0
# On a node the uplink is a network card; here it is one end of a veth, as a pod's interface is.
OPTIONS = ("--schema", "flow/v2", "--set", "capture.roles=uplink:eth0", "--set", "capture.socket_buffer_size=8MiB", "--set", "meter.n_dissections=0",
           "--set", "meter.accounting_mode=1", "--set", "meter.flow_table_size=65536", "-f", "tcp or (udp port 8472)")


def key_of(record):
    return (record["protocol"], *sorted((record[f"{end}_ip"], record[f"{end}_port"]) for end in ("src", "dst")))


def point_of(record):
    """The interface that the observation point names."""
    return record["observation_point"].rsplit("/", 1)[1]


@unittest.skipUnless(ABLE, "network namespaces need root and iproute2")
class Node(Case):
    """Sensors run on node 1."""

    def cluster(self, pods, others):
        cluster = Cluster(tunnel=FLANNEL, numbers={1: range(11, 11 + pods), 2: range(11, 11 + others)})
        self.addCleanup(cluster.remove)
        return cluster

    def server(self, cluster, node, pod):
        made = Server(cluster.pod(node, pod), cluster.pod_address(node, pod))
        self.addCleanup(made.close)
        return made.tcp.getsockname()

    def sensor(self, cluster, words, scope, meters):
        path = self.folder / f"{scope}{meters}.jsonl"
        running = self.start("-i", words, "-w", path, "--set", f"capture.scope={scope}", "--set", f"meter.n_meters={meters}", *OPTIONS,
                             prefix=("ip", "netns", "exec", cluster.node(1)))
        wait_until(lambda: running.process.poll() is not None or running.said("capturing on"), what="the start of the capture", limit=30)
        return running, path

    def stopped(self, running, path):
        """(records, ledger)"""
        running.signal(signal.SIGTERM)
        result = self.ended_well(running.finish())
        self.assertNotIn("loss_window", path.read_text(), result)
        return [json.loads(line) for line in path.read_text().splitlines()], self.ledger(result)

    def assert_keys(self, records, conversations, what):
        """A record for each, and no other."""
        got, wanted = collections.Counter(map(key_of, records)), collections.Counter(one.key for one in conversations)
        self.assertEqual((got - wanted, wanted - got), (collections.Counter(), collections.Counter()), what)

    def assert_whole(self, record, reference, what):
        """The record has every packet of its conversation."""
        packets, size = reference[key_of(record)]
        self.assertEqual((record["bidirectional_packets"], record["bidirectional_bytes"]), (packets, size), (what, record))
        self.assertTrue(record["src2dst_bytes"] and record["dst2src_bytes"], (what, record))


class Scopes(Node):
    def talk(self, cluster):
        """(conversations between pods of node 1, those with pods of node 2), the reference of both."""
        mine, others = ([(node, pod) for pod in cluster.numbers[node]] for node in (1, 2))
        servers = {pod: self.server(cluster, *pod) for pod in mine + others}
        within, across = [], []
        for number in range(CONNECTIONS):
            one, two = mine[number % PODS], mine[(number + 1 + number // PODS % PARTNERS) % PODS]
            other = others[number % OTHERS]
            kind, pair = ((within, (one, two)), (across, (one, other)), (within, (two, one)), (across, (other, one)))[number % 4]
            kind.append(pair)
        with concurrent.futures.ThreadPoolExecutor(WORKERS) as workers:
            said = list(workers.map(lambda pair: tcp_conversation(cluster.pod(*pair[0]), servers[pair[1]], REQUEST), within + across))
        wait_for_silence(cluster.made)
        self.points = {one.key: {f"veth{pod}" for node, pod in pair if node == 1} for one, pair in zip(said, within + across)}
        return said[:len(within)], said[len(within):]

    def test_scopes(self):
        cluster = self.cluster(PODS, OTHERS)
        references = [Reference(cluster, cluster.pod(1, pod)) for pod in cluster.numbers[1]]
        for one in references:
            self.addCleanup(one.close)
        sensors = {(scope, meters): self.sensor(cluster, words, scope, meters) for scope, words in (("pods", "any"), ("uplink", "any"), ("all", "veth*,cni0,eth0"))
                   for meters in (1, 2)}
        within, across = self.talk(cluster)
        reference = {}
        for one in references:
            reference.update(one.totals())
        stopped = {name: self.stopped(*sensor) for name, sensor in sensors.items()}
        for (scope, meters), (records, ledger) in stopped.items():
            with self.subTest(scope, meters=meters):
                getattr(self, f"check_{scope}")(records, ledger, within, across, reference)
            print(f"scopes: {scope}, {meters} meters: {len(within)} conversations on the node, {len(across)} with another: {len(records)} records, "
                  f"{ledger.flows['elsewhere']} elsewhere, {ledger.packets['metered']} packets", flush=True)

    def check_pods(self, records, ledger, within, across, reference):
        self.assert_keys(records, within + across, "pods")
        self.assertEqual(ledger.flows["elsewhere"], len(within))
        client = {one.key: one.client for one in within + across}
        for record in records:
            self.assert_whole(record, reference, "pods")
            self.assertEqual(((record["src_ip"], record["src_port"]), record["interface_role"]), (client[key_of(record)], "pod"))

    def check_uplink(self, records, ledger, within, across, reference):
        self.assert_keys(records, across, "uplink")
        self.assertEqual(ledger.flows["elsewhere"], 0)
        for record in records:
            self.assert_whole(record, reference, "uplink")
            self.assertEqual((record["tunnel_id"], record["interface"], record["interface_role"]), (VXLAN, "eth0", "uplink"))

    def check_all(self, records, ledger, within, across, reference):
        self.assertEqual(ledger.flows["elsewhere"], 0)
        points = collections.defaultdict(list)
        for record in records:
            self.assert_whole(record, reference, "all")
            points[key_of(record)].append(point_of(record))
        wanted = {**{one.key: self.points[one.key] | {"cni0"} for one in within}, **{one.key: self.points[one.key] | {"cni0", "eth0"} for one in across}}
        self.assertEqual({key: sorted(found) for key, found in points.items()}, {key: sorted(names) for key, names in wanted.items()})


class Services(Node):
    """A pod asks another one of its node by a service's address, which iptables change, as kube-proxy has it."""

    def test_service_of_the_node(self):
        cluster = self.cluster(CLIENTS + 1, 1)
        inside(cluster.node(1), Path("/proc/sys/net/bridge/bridge-nf-call-iptables").write_text, "1")
        server = self.server(cluster, 1, 11)
        rule = f"-A PREROUTING -d {SERVICE[0]} -p tcp --dport {SERVICE[1]} -j DNAT --to-destination {server[0]}:{server[1]}"
        done = subprocess.run(["ip", "netns", "exec", cluster.node(1), "iptables", "-w", "20", "-t", "nat", *rule.split()],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        sensors = [self.sensor(cluster, "veth*", "pods", meters) for meters in (1, 2)]
        # Of each client the first packet is the one that tells that it is a pod of this node.
        said = [one for pod in cluster.numbers[1][1:] for one in talk(cluster.pod(1, pod), SERVICE, tcp_count=2)]
        wait_for_silence(cluster.made)
        for sensor in sensors:
            records, ledger = self.stopped(*sensor)
            self.assert_keys(records, said, "service")
            self.assertEqual(ledger.flows["elsewhere"], len(said))


if __name__ == "__main__":
    unittest.main()
