"""Two nodes of a cluster with some pods each, as network plug-ins lay them out, in network namespaces.

A Cluster has the uplink, the pods' devices and the way between the nodes. Addresses: node N is 192.168.50.N, its pods are
10.244.N.11, 10.244.N.12 ... What runs in one node's devices is the same in the other's.
"""
import contextlib
import itertools
import os
from pathlib import Path
from typing import NamedTuple

from layout_devices import Bond, Datagrams, Ipip, Vlan, batch, kernel_has
from namespaces import inside, ip

COUNT = itertools.count()
NODES = (1, 2)
PODS = (11, 12)
VLAN_ID = 100
BOND_MEMBERS = ("eth0", "eth1")


class Tunnel(NamedTuple):
    """A device between the nodes. `keys` are the identifiers that node 1 and node 2 send with."""
    device: str
    kind: str
    keys: tuple = (0, 0)
    port: int = 0
    mtu: int = 1450


def mac(node):
    """Of a node's tunnel device or bond."""
    return f"02:00:00:00:0{node}:01"


class Cluster:
    """`pods` is bridge (cni0) or routes, `uplink` eth0, vlan or bond, `tunnel` a Tunnel or None. With `offloads` TCP makes
    packets larger than the MTU, as it does on real veth devices. `numbers` are those of each node's pods, 11 to 99."""

    def __init__(self, pods="bridge", uplink="eth0", tunnel=None, offloads=False, numbers=None):
        self.stem = f"fslay{os.getpid()}x{next(COUNT)}"
        self.numbers = numbers or dict.fromkeys(NODES, PODS)
        self.tunnel, self.offloads, self.carriers = tunnel, offloads, []
        self.mtu = tunnel.mtu if tunnel else 1500  # of pods
        self.segments = "" if offloads else " gso_max_segs 1"
        self.uplink = {"eth0": "eth0", "vlan": f"eth0.{VLAN_ID}", "bond": "bond0"}[uplink]
        self.made = []
        try:
            self.make_namespaces()
            self.make_wires("bond" if uplink == "bond" else "eth0")
            for node in NODES:
                getattr(self, f"make_uplink_{uplink}")(node)
                self.address_uplink(node)
                getattr(self, f"make_pods_{pods}")(node)
            for node in NODES:
                self.make_way(node, 3 - node)
        except BaseException:
            self.remove()
            raise

    def remove(self):
        for carrier in self.carriers:
            carrier.close()
        for name in self.made:
            ip("netns", "del", name, check=False)

    def node(self, node):
        return f"{self.stem}n{node}"

    def pod(self, node, pod):
        """The namespace of a pod."""
        return f"{self.stem}n{node}p{pod}"

    @staticmethod
    def node_address(node):
        return f"192.168.50.{node}"

    @staticmethod
    def pod_address(node, pod):
        return f"10.244.{node}.{pod}"

    @staticmethod
    def settings(values):
        """Below /proc/sys/net/ipv4, which shows the namespace of who writes."""
        for name, value in values.items():
            Path("/proc/sys/net/ipv4", name).write_text(value)

    def make_namespaces(self):
        names = [self.node(node) for node in NODES] + [self.pod(node, pod) for node in NODES for pod in self.numbers[node]]
        for name in names:
            ip("netns", "add", name)
            self.made.append(name)
            batch(name, "link set lo up")
        for node in NODES:
            inside(self.node(node), self.settings, {"ip_forward": "1", "conf/all/rp_filter": "0", "conf/default/rp_filter": "0"})

    def make_wires(self, uplink):
        for device in BOND_MEMBERS if uplink == "bond" else ("eth0",):
            batch(self.node(1), f"link add {device} type veth peer name {device} netns {self.node(2)}")
            for node in NODES:
                # Without link-local addresses the kernel sends nothing of its own.
                batch(self.node(node), f"link set {device} addrgenmode none" + self.segments, f"link set {device} up")

    def make_uplink_eth0(self, node):
        pass

    def make_uplink_vlan(self, node):
        if not kernel_has(self.node(node), self.uplink, f"link eth0 type vlan id {VLAN_ID}"):
            self.carriers.append(Vlan(self.node(node), self.uplink, "eth0", VLAN_ID))

    def make_uplink_bond(self, node):
        name = self.node(node)
        if kernel_has(name, "bond0", "type bond mode balance-xor xmit_hash_policy layer3+4"):
            for member in BOND_MEMBERS:
                batch(name, f"link set {member} down", f"link set {member} master bond0")
        else:
            for member in BOND_MEMBERS:
                batch(name, f"link set {member} arp off")  # it would answer for the bond's address
            self.carriers.append(Bond(name, "bond0", BOND_MEMBERS))

    def address_uplink(self, node):
        batch(self.node(node), f"link set {self.uplink} addrgenmode none", f"addr add {self.node_address(node)}/24 dev {self.uplink}",
              f"link set {self.uplink} up")

    def veth(self, node, pod, name):
        """A pod's device eth0 and its other end, `name` in the node."""
        there, mtu = self.pod(node, pod), self.mtu
        batch(self.node(node), f"link add {name} type veth peer name eth0 netns {there}", f"link set {name} addrgenmode none mtu {mtu}",
              f"link set {name} address 02:00:00:00:{node:02d}:{pod}", f"link set {name} up")
        batch(there, f"link set eth0 addrgenmode none mtu {mtu}" + self.segments, "link set eth0 up")

    def make_pods_bridge(self, node):
        batch(self.node(node), "link add cni0 type bridge mcast_snooping 0", "link set cni0 addrgenmode none",
              f"addr add 10.244.{node}.1/24 dev cni0", "link set cni0 up")
        for pod in self.numbers[node]:
            self.veth(node, pod, f"veth{pod}")
            batch(self.node(node), f"link set veth{pod} master cni0")
            batch(self.pod(node, pod), f"addr add {self.pod_address(node, pod)}/24 dev eth0", f"route add default via 10.244.{node}.1")

    def make_pods_routes(self, node):
        """No bridge: a route for each pod, and a next hop in it that is nobody's address."""
        for pod in self.numbers[node]:
            self.veth(node, pod, f"veth{pod}")
            batch(self.node(node), f"route add {self.pod_address(node, pod)}/32 dev veth{pod}")
            batch(self.pod(node, pod), f"addr add {self.pod_address(node, pod)}/32 dev eth0",
                  f"neigh add 169.254.1.1 lladdr 02:00:00:00:{node:02d}:{pod} dev eth0 nud permanent", "route add 169.254.1.1 dev eth0",
                  "route add default via 169.254.1.1")

    def make_way(self, node, other):
        """From a node to the other's pods."""
        name, tunnel = self.node(node), self.tunnel
        if tunnel is None:
            batch(name, f"route add 10.244.{other}.0/24 via {self.node_address(other)}")
            return
        is_kernel = self.make_tunnel(node, other)
        # What came in several packets is not put together either.
        batch(name, f"link set {tunnel.device} addrgenmode none mtu {tunnel.mtu}" + ("" if self.offloads else " gro_max_size 1"))
        if tunnel.kind == "ipip":
            batch(name, f"link set {tunnel.device} up", f"route add 10.244.{other}.0/24 dev {tunnel.device}")
            return
        hop, encapsulated = f"10.244.{other}.0", ""
        if is_kernel and tunnel.kind == "vxlan external":
            encapsulated = f"encap ip id {tunnel.keys[node - 1]} dst {self.node_address(other)}"
        batch(name, f"link set {tunnel.device} address {mac(node)}", f"link set {tunnel.device} up",
              f"neigh add {hop} lladdr {mac(other)} dev {tunnel.device} nud permanent",
              f"route add 10.244.{other}.0/24 {encapsulated} via {hop} dev {tunnel.device} onlink")
        if is_kernel and tunnel.kind == "vxlan":
            batch(name, f"fdb append {mac(other)} dev {tunnel.device} dst {self.node_address(other)}", program="bridge")

    def make_tunnel(self, node, other):
        """Whether it is the kernel's."""
        tunnel, name, ends = self.tunnel, self.node(node), (self.node_address(node), self.node_address(other))
        key = tunnel.keys[node - 1]
        kind = {"vxlan": f"type vxlan id {key} dstport {tunnel.port} local {ends[0]} nolearning",
                "vxlan external": f"type vxlan external dstport {tunnel.port} nolearning",
                "geneve": f"type geneve id {key} remote {ends[1]} dstport {tunnel.port}",
                "ipip": f"type ipip local {ends[0]} remote {ends[1]}"}[tunnel.kind]
        if kernel_has(name, tunnel.device, kind):
            return True
        if tunnel.kind == "ipip":
            carrier = Ipip(name, tunnel.device, ends[1])
        else:
            header = (0x6558 if tunnel.kind == "geneve" else 8 << 24, key << 8)
            carrier = Datagrams(name, tunnel.device, b"".join(word.to_bytes(4, "big") for word in header), *ends, tunnel.port)
        self.carriers.append(carrier)
        return False

    def counters(self, name, device="eth0"):
        """Packets that a device has received and sent, by the kernel."""
        lines = inside(name, Path("/proc/thread-self/net/dev").read_text).splitlines()
        for line in lines:
            with contextlib.suppress(ValueError):
                found, numbers = line.split(":")
                if found.strip() == device:
                    fields = numbers.split()
                    return int(fields[1]) + int(fields[9])
        raise RuntimeError(f"no {device} in {name}")
