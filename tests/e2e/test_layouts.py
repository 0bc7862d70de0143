"""Layouts of network plug-ins, as deploy/network_plugins.md tells them: what the sensor sees on which device, of pods that
talk with each other. Every conversation must be in exactly one record, its bytes within 1 % of what tcpdump sees in the pod.

Devices that the kernel lacks are made by hand; each is named as it is made. Needs root, iproute2, iptables and tcpdump.
Run: python3 tests/e2e/run.py test_layouts
"""
import collections
import json
import signal
import subprocess
from pathlib import Path

from harness import Case
from layout_traffic import Conversation, Reference, Server, talk, wait_for_silence
from layouts import BOND_MEMBERS, NODES, VLAN_ID, Cluster, Tunnel
from namespaces import inside
from test_live import wait_for_capture

ACROSS = (((1, 11), (2, 11)), ((1, 12), (2, 12)), ((2, 12), (1, 11)))  # client, server
WITHIN = (((1, 11), (1, 12)),)
TOLERANCE = 0.01
NO_TUNNEL, VXLAN, GENEVE = 0, 5, 7
OPTIONS = ("--set", "meter.n_dissections=0", "--set", "meter.accounting_mode=1", "--set", "meter.flow_table_size=4096",
           "--set", "capture.socket_buffer_size=8MiB")
SERVICE = "10.96.0.10"
FLANNEL = Tunnel("flannel.1", "vxlan", (1, 1), 8472)


def key_of(record):
    return (record["protocol"], *sorted((record[f"{end}_ip"], record[f"{end}_port"]) for end in ("src", "dst")))


class Measured:
    """What was said, what the pods' own devices saw of it, and the records of each sensor by its name."""

    def __init__(self, across, within, reference, records):
        self.across, self.within, self.reference, self.records = across, within, reference, records


class Layout(Case):
    """Sensors run on devices of node 1. What is seen where is in the classes that derive from this one."""

    def cluster(self, **layout):
        cluster = Cluster(**layout)
        self.addCleanup(cluster.remove)
        return cluster

    def sensor(self, name, namespace, interface, *options):
        path = self.folder / f"{name}.jsonl"
        running = self.start("-i", interface, "-w", path, *OPTIONS, *options, prefix=("ip", "netns", "exec", namespace))
        wait_for_capture(running)
        return running, path

    def stopped(self, running, path):
        running.signal(signal.SIGTERM)
        result = self.ended_well(running.finish())
        self.assertNotIn("loss_window", path.read_text(), result)
        return [json.loads(line) for line in path.read_text().splitlines()]

    def server(self, cluster, pod):
        made = Server(cluster.pod(*pod), cluster.pod_address(*pod))
        self.addCleanup(made.close)
        return made

    def measure(self, cluster, sensors, across=ACROSS, within=WITHIN, more=None):
        """Lets the pods talk while the sensors run: {name: (interface, option ...)}, "pod" is that of pod (1, 11)'s own."""
        servers = {pod: self.server(cluster, pod) for pod in {pair[1] for pair in (*across, *within)}}
        references = []
        for pod in sorted({pair[0] for pair in (*across, *within)}):
            references.append(Reference(cluster, cluster.pod(*pod)))
            self.addCleanup(references[-1].close)
        running = {name: self.sensor(name, cluster.node(1), *arguments) for name, arguments in sensors.items()}
        said = [[conversation for client, server in pairs
                 for conversation in talk(cluster.pod(*client), servers[server].tcp.getsockname(), servers[server].udp.getsockname())]
                for pairs in (across, within)]
        extra = more(cluster, servers) if more else []
        wait_for_silence(cluster.made)
        reference = {}
        for one in references:
            reference.update(one.totals())
        records = {name: self.stopped(*pair) for name, pair in running.items()}
        return Measured(said[0], said[1] + extra, reference, records)

    def pods_records(self, measured, name):
        return [record for record in measured.records[name] if record["protocol"] in (6, 17)]

    def assert_once(self, measured, name, conversations, tunnel=(NO_TUNNEL, None), offload=False, vlan=0,
                    tolerance=TOLERANCE):
        """The sensor has a record for each of the conversations, and no other of TCP or UDP."""
        records = self.pods_records(measured, name)
        got, wanted = (collections.Counter(keys) for keys in (map(key_of, records), (one.key for one in conversations)))
        self.assertEqual((got - wanted, wanted - got), (collections.Counter(), collections.Counter()), name)
        by_key, worst = {key_of(record): record for record in records}, 0
        for one in conversations:
            record, (packets, size) = by_key[one.key], measured.reference[one.key]
            self.assertEqual(((record["src_ip"], record["src_port"]), (record["dst_ip"], record["dst_port"])), (one.client, one.server), name)
            self.assertEqual((record["tunnel_id"], record["tunnel_key"], record["vlan_id"]), (*tunnel, vlan), name)
            off = abs(record["bidirectional_bytes"] - size) / size
            self.assertLessEqual(off, tolerance, (name, record, size))
            worst = max(worst, off)
            if not offload:
                self.assertEqual(record["bidirectional_packets"], packets, (name, record))
                self.assertNotIn("offload", record["quality_flags"], name)
        self.say(name, len(records), sum(measured.reference[one.key][1] for one in conversations),
                 sum(record["bidirectional_bytes"] for record in records), worst)

    def say(self, name, records, wanted, got, worst):
        """The figures, in the suite's log."""
        print(f"layouts: {self.id().rsplit('.', 1)[1]}: {name}: {records} conversations, each in one record; {got} bytes, reference "
              f"{wanted}; at most {100 * worst:.3f} % off", flush=True)


class Overlays(Layout):
    """Pods' packets in packets of the nodes."""

    def test_flannel(self):
        cluster = self.cluster(tunnel=FLANNEL)
        measured = self.measure(cluster, {
            "uplink": ("eth0",), "uplink, outer": ("eth0", "--set", "meter.decode_tunnels=false"),
            "uplink, overlay only": ("eth0", "-f", "udp port 8472"), "uplink, filter of a pod": ("eth0", "-f", "host 10.244.2.11"),
            "bridge": ("cni0",), "overlay": ("flannel.1",), "pod": ("veth11",)})
        self.assert_once(measured, "uplink", measured.across, (VXLAN, 1))
        self.assert_once(measured, "uplink, overlay only", measured.across, (VXLAN, 1))
        self.assertEqual(measured.records["uplink, filter of a pod"], [])
        self.assertEqual({(*sorted((record["src_ip"], record["dst_ip"])), record["dst_port"]) for record in self.pods_records(measured, "uplink, outer")},
                         {(*map(cluster.node_address, NODES), 8472)})
        self.assert_once(measured, "overlay", measured.across)
        self.assert_once(measured, "bridge", measured.across + measured.within)
        own = [one for one in measured.across + measured.within if cluster.pod_address(1, 11) in (one.client[0], one.server[0])]
        self.assert_once(measured, "pod", own)

    def test_flannel_without_promiscuous_mode(self):
        """The bridge then shows what the node itself forwards; and "any" sees packets again at each device."""
        cluster, quiet = self.cluster(tunnel=FLANNEL), ("--set", "capture.promiscuous_mode=false")
        measured = self.measure(cluster, {"bridge": ("cni0", *quiet), "any": ("any", *quiet)})
        self.assert_once(measured, "bridge", measured.across)
        packets = collections.Counter()
        for record in self.pods_records(measured, "any"):
            packets[key_of(record)] += record["bidirectional_packets"]
        times = [packets[one.key] / measured.reference[one.key][0] for one in measured.across]
        self.assertEqual({round(number, 2) for number in times}, {4.0})  # veth, bridge, overlay, uplink

    def test_flannel_with_offloads(self):
        """Sizes are those of the segments that are sent, though each device has larger packets."""
        cluster = self.cluster(tunnel=FLANNEL, offloads=True)
        measured = self.measure(cluster, {"uplink": ("eth0",), "bridge": ("cni0",)})
        # A device made by hand cuts to the MTU, and what it cut is put together again before the pod: headers differ.
        by_hand = bool(cluster.carriers)
        tolerance = 0.1 if by_hand else TOLERANCE
        self.assert_once(measured, "uplink", measured.across, (VXLAN, 1), offload=by_hand, tolerance=tolerance)
        self.assert_once(measured, "bridge", measured.across + measured.within, offload=by_hand, tolerance=tolerance)

    def test_calico_vxlan(self):
        cluster = self.cluster(pods="routes", tunnel=Tunnel("vxlan.calico", "vxlan", (4096, 4096), 4789))
        measured = self.measure(cluster, {"uplink": ("eth0",), "overlay": ("vxlan.calico",)})
        self.assert_once(measured, "uplink", measured.across, (VXLAN, 4096))
        self.assert_once(measured, "overlay", measured.across)

    def test_port_of_its_own(self):
        cluster = self.cluster(pods="routes", tunnel=Tunnel("vxlan.calico", "vxlan", (4096, 4096), 8473))
        measured = self.measure(cluster, {"uplink": ("eth0", "--set", "meter.tunnel_ports=vxlan=8473"), "default ports": ("eth0",)})
        self.assert_once(measured, "uplink", measured.across, (VXLAN, 4096))
        self.assertEqual({record["dst_port"] for record in self.pods_records(measured, "default ports")}, {8473})

    def test_cilium_vxlan(self):
        """The identifier is the sender's identity, another one each way: the uplink shows each direction as a flow."""
        cluster = self.cluster(pods="routes", tunnel=Tunnel("cilium_vxlan", "vxlan external", (11111, 22222), 8472))
        measured = self.measure(cluster, {"uplink": ("eth0",), "overlay": ("cilium_vxlan",), "no identifier": ("eth0", "--set", "meter.tunnel_key=none")})
        self.assert_once(measured, "overlay", measured.across)
        one_each = self.pods_records(measured, "no identifier")
        self.assertEqual(sorted(map(key_of, one_each)), sorted(one.key for one in measured.across))
        self.assertEqual({(record["tunnel_id"], record["tunnel_key"] in (11111, 22222)) for record in one_each}, {(VXLAN, True)})
        halves = collections.defaultdict(list)
        for record in self.pods_records(measured, "uplink"):
            halves[key_of(record)].append(record)
        self.assertEqual(set(halves), {one.key for one in measured.across})
        for one in measured.across:
            self.assertEqual({record["tunnel_key"] for record in halves[one.key]}, {11111, 22222})
            self.assertEqual(len(halves[one.key]), 2)
            self.assertEqual([min(record["src2dst_packets"], record["dst2src_packets"]) for record in halves[one.key]], [0, 0])
            self.assertEqual(sum(record["bidirectional_bytes"] for record in halves[one.key]), measured.reference[one.key][1])

    def test_ovn_geneve(self):
        cluster = self.cluster(tunnel=Tunnel("genev_sys_6081", "geneve", (42, 42), 6081, 1400))
        measured = self.measure(cluster, {"uplink": ("eth0",), "overlay": ("genev_sys_6081",)})
        self.assert_once(measured, "uplink", measured.across, (GENEVE, 42))
        self.assert_once(measured, "overlay", measured.across)

    def test_calico_ipip(self):
        """IP in IP is decoded, but is no tunnel in records."""
        cluster = self.cluster(pods="routes", tunnel=Tunnel("tunl1", "ipip", mtu=1480))
        measured = self.measure(cluster, {"uplink": ("eth0",), "overlay": ("tunl1",), "pod": ("veth12",)})
        self.assert_once(measured, "uplink", measured.across)
        self.assert_once(measured, "overlay", measured.across)
        address = cluster.pod_address(1, 12)
        self.assert_once(measured, "pod", [one for one in measured.across + measured.within if address in (one.client[0], one.server[0])])


class Uplinks(Layout):
    """Pods' packets as they are on the uplink: Cilium's native routing, AWS VPC CNI, flannel's host-gw, Calico without overlay."""

    def test_native_routing(self):
        cluster = self.cluster(pods="routes")
        measured = self.measure(cluster, {"uplink": ("eth0",), "filter": ("eth0", "-f", "net 10.244.0.0/16"), "pod": ("veth11",)})
        self.assert_once(measured, "uplink", measured.across)
        self.assert_once(measured, "filter", measured.across)
        address = cluster.pod_address(1, 11)
        self.assert_once(measured, "pod", [one for one in measured.across + measured.within if address in (one.client[0], one.server[0])])

    def test_vlan(self):
        """The parent shows the tag, the subinterface doesn't. A filter for tagged packets says vlan first: without that it
        depends on device and direction whether it finds them."""
        cluster = self.cluster(pods="routes", uplink="vlan")
        measured = self.measure(cluster, {"parent": ("eth0",), "subinterface": (cluster.uplink,),
                                          "filter": ("eth0", "-f", "vlan and tcp")})
        self.assert_once(measured, "parent", measured.across, vlan=VLAN_ID)
        self.assert_once(measured, "subinterface", measured.across)
        self.assert_once(measured, "filter", [one for one in measured.across if one.protocol == 6], vlan=VLAN_ID)

    def test_bond(self):
        """The bond shows every conversation; a member of it, parts."""
        cluster = self.cluster(pods="routes", uplink="bond")
        measured = self.measure(cluster, {name: (name,) for name in ("bond0", *BOND_MEMBERS)})
        self.assert_once(measured, "bond0", measured.across)
        packets = [sum(record["bidirectional_packets"] for record in self.pods_records(measured, member)) for member in BOND_MEMBERS]
        self.assertEqual(sum(packets), sum(measured.reference[one.key][0] for one in measured.across))
        self.assertTrue(all(packets), packets)


class Addresses(Layout):
    """Which addresses are seen where the node translates them, as kube-proxy has it done by iptables."""

    def set_up(self, bridge_filter):
        """A node whose iptables translate, also what the bridge takes in if `bridge_filter` is "1", as most nodes have it."""
        cluster = self.cluster(tunnel=FLANNEL)
        inside(cluster.node(1), Path("/proc/sys/net/bridge/bridge-nf-call-iptables").write_text, bridge_filter)
        node = Server(cluster.node(2), cluster.node_address(2))
        self.addCleanup(node.close)
        return cluster, node.tcp.getsockname()

    def translate(self, cluster, server):
        for rule in (f"-A PREROUTING -d {SERVICE} -p tcp --dport 80 -j DNAT --to-destination {server[0]}:{server[1]}",
                     "-A POSTROUTING -s 10.244.0.0/16 ! -d 10.244.0.0/16 -o eth0 -j MASQUERADE"):
            done = subprocess.run(["ip", "netns", "exec", cluster.node(1), "iptables", "-w", "20", "-t", "nat", *rule.split()],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stdout)

    def talk_to_both(self, bridge_filter):
        """(what was measured, conversations with the Service as the pod has them and as the other node has them)."""
        cluster, node = self.set_up(bridge_filter)
        service, outside = [], []

        def more(_, servers):
            self.translate(cluster, servers[2, 12].tcp.getsockname())
            service.extend(talk(cluster.pod(1, 11), (SERVICE, 80)))
            outside.extend(talk(cluster.pod(1, 11), node))
            return service + outside

        measured = self.measure(cluster, {"uplink": ("eth0",), "bridge": ("cni0",), "overlay": ("flannel.1",), "pod": ("veth11",)},
                                ACROSS[:2], (), more)
        # No other conversation of this pod is with the one that serves: the kernel would have to change ports that are equal.
        serving = next(one.server for one in measured.across if one.server[0] == cluster.pod_address(2, 12))
        to_pod = [Conversation(6, one.client, serving) for one in service]
        masked = [Conversation(6, (cluster.node_address(1), one.client[1]), one.server) for one in outside]
        for before, after in zip(service + outside, to_pod + masked):
            measured.reference[after.key] = measured.reference[before.key]
        # What the pod uses, on its own device.
        own = [one for one in measured.across if one.client[0] == cluster.pod_address(1, 11)]
        self.assert_once(measured, "pod", own + service + outside)
        # Behind the node: the pod that serves, and the node's address where the server is no pod.
        self.assert_once(measured, "overlay", measured.across + to_pod)
        tunnels = collections.Counter((key_of(record), record["tunnel_id"]) for record in self.pods_records(measured, "uplink"))
        wanted = [(one.key, VXLAN) for one in measured.across + to_pod] + [(one.key, NO_TUNNEL) for one in masked]
        self.assertEqual(tunnels, collections.Counter(wanted))
        return measured, outside, service, to_pod

    def test_service_and_masquerade(self):
        measured, outside, service, _ = self.talk_to_both("0")
        self.assert_once(measured, "bridge", measured.across + outside + service)

    def test_service_where_iptables_see_the_bridge(self):
        """Requests are translated before the bridge's device shows them, answers are translated back before it does."""
        measured, outside, service, to_pod = self.talk_to_both("1")
        records = {key_of(record): record for record in self.pods_records(measured, "bridge")}
        self.assertEqual(set(records), {one.key for one in measured.across + outside + service + to_pod})
        self.assertEqual(len(records), len(self.pods_records(measured, "bridge")))
        for whole, half in zip(service, to_pod):
            packets = [records[half.key]["src2dst_packets"], records[half.key]["dst2src_packets"], records[whole.key]["dst2src_packets"]]
            self.assertEqual((packets[0] + packets[2], packets[1], records[whole.key]["src2dst_packets"]), (measured.reference[whole.key][0], 0, 0))
