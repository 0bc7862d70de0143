"""NFStream's side of the plugin comparison: plugin objects from specifications such as "FlowSlicer limit=3"."""


def packet_with_40_ip_size(base):
    """The plugin of NFStream's tutorial, as a class."""

    class PacketWith40IpSize(base):
        def on_init(self, packet, flow):
            flow.udps.packet_with_40_ip_size = 0
            self.on_update(packet, flow)

        def on_update(self, packet, flow):
            if packet.ip_size == 40:
                flow.udps.packet_with_40_ip_size += 1

    return PacketWith40IpSize


def make(specifications):
    """Plugin objects, in this order. NFStream must be installed: its own plugins are used where it ships them."""
    from nfstream import NFPlugin
    from nfstream.plugins import DHCP, MDNS, SPLT, FlowSlicer
    classes = {"DHCP": DHCP, "MDNS": MDNS, "SPLT": SPLT, "FlowSlicer": FlowSlicer,
               "packet_with_40_ip_size": packet_with_40_ip_size(NFPlugin)}
    made = []
    for specification in specifications:
        name, *parameters = specification.split()
        pairs = (parameter.split("=") for parameter in parameters)
        made.append(classes[name](**{key: int(value) for key, value in pairs}))
    return made
