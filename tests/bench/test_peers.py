"""What other meters print is read right, and their commands have no hole left. Run: python3 tests/common/unittests.py tests/bench"""
import tempfile
import unittest
from pathlib import Path

import peers

# The lines that count of what each printed (and its counter after it): 200,000 packets of the mix.
PRINTED = {
    "ndpireader": ("\tIP packets:            199990        of 200000 packets total\n\tUnique flows:          12500        \n", 12500),
    "suricata": ("i: pcap: read 1 file, 200000 packets, 120028606 bytes\n12500 /out/flows.json\n", 12500),
    "argus": ("racount   records     total_pkts     src_pkts\n    sum   13357       200000         98157          101843\n", 13357),
    "softflowd": ("Packets processed: 200000\nFlows expired: 12634 (0 forced)\nFlows exported: 12634 (12634 records)\n", 12634),
    "nfpcapd": ("Ident: 'none' Flows: 9000, Packets: 100000\nIdent: 'none' Flows: 15235, Packets: 100000\n"
                "Total: Processed: 200000, skipped: 0\nIdent: none\nFlows: 24235\n", 24235),
    "pmacctd": ("INFO ( default/core ): OK, Exiting ...\ncounted 24235 200000\n", 24235),
}


class Counts(unittest.TestCase):
    def test_of_every_peer(self):
        self.assertEqual(set(PRINTED), {peer.name for peer in peers.PEERS})
        for peer in peers.PEERS:
            text, flows = PRINTED[peer.name]
            with self.subTest(peer.name):
                self.assertEqual(peers.read_counts(peer, text), {"packets": 200000, "flows": flows})

    def test_dropped_packets_are_no_packets(self):
        suricata = next(peer for peer in peers.PEERS if peer.name == "suricata")
        text = "i: device: near0: packets: 50000, drops: 1200 (2.40%), invalid chksum: 0\n9 /out/flows.json\n"
        self.assertEqual(peers.read_counts(suricata, text)["packets"], 48800)

    def test_a_number_that_is_missing_is_said(self):
        for peer in peers.PEERS:
            with self.subTest(peer.name), self.assertRaisesRegex(LookupError, f"{peer.name} printed no number of"):
                peers.read_counts(peer, "Segmentation fault")


class Commands(unittest.TestCase):
    def test_have_no_hole_left(self):
        root = peers.Root("/r")
        for peer in peers.PEERS:
            commands = [root.file_command(peer, "/elsewhere/mix.pcap"), root.file_command(peer, "mix.pcap", peers.LONG_TIMEOUTS)]
            commands += [root.live_command(peer, "near0")] if peer.live else []
            for command in commands:
                self.assertEqual(command[:2], ["chroot", "/r"])
                self.assertFalse([word for word in command if "{" in word], command)
            self.assertIn("/captures/mix.pcap", commands[0])

    def test_timeouts_are_those_asked_for(self):
        softflowd = next(peer for peer in peers.PEERS if peer.name == "softflowd")
        root = peers.Root("/r")
        self.assertIn("tcp=120", root.file_command(softflowd, "mix.pcap"))
        self.assertIn("tcp=1800", root.file_command(softflowd, "mix.pcap", peers.LONG_TIMEOUTS))


class Roots(unittest.TestCase):
    def test_versions_are_the_authors(self):
        for version, upstream in (("1:7.0.10-1+deb13u4", "7.0.10"), ("4.2-2.1+b3", "4.2"), ("1:5.0.2+git20250321.41f65e2-2", "5.0.2"),
                                  ("1.7.5-2+deb13u1", "1.7.5")):
            self.assertEqual(peers.upstream_version(version), upstream)

    def test_out_is_emptied(self):
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "out"
            (out / "deep").mkdir(parents=True)
            (out / "deep/flows").touch()
            (out / "flows").touch()
            peers.Root(folder).clean()
            self.assertEqual(list(out.iterdir()), [])

    def test_without_a_root_every_peer_is_absent(self):
        present, absent = peers.select(None, None)
        self.assertEqual(present, [])
        self.assertEqual(set(absent), {peer.name for peer in peers.PEERS})


if __name__ == "__main__":
    unittest.main()
