"""The compose file by the reference implementation of its specification, and what it mounts by who reads it."""
import json
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "monitoring"))

import support  # noqa: E402
from place import BINARY, DEPLOY, REPOSITORY, output  # noqa: E402

COMPOSE = DEPLOY / "compose"


class Compose(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        answer = subprocess.run([REPOSITORY / "tests/go_tools.sh", "compose-spec"], stdout=subprocess.PIPE, text=True, check=True)
        cls.loader = Path(answer.stdout.strip()) / "compose-spec"
        cls.project = yaml.safe_load(output(cls.loader, COMPOSE / "compose.yaml", cwd=COMPOSE))
        cls.services = cls.project["services"]

    def test_services(self):
        self.assertEqual(set(self.services), {"kafka", "registry", "topics", "schema", "sensor", "prometheus", "grafana"})

    def test_loader_refuses_what_the_specification_does(self):
        """The check above can fail."""
        text = (COMPOSE / "compose.yaml").read_text().replace("stop_grace_period:", "stop_grace_periode:")
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "compose.yaml").write_text(text)
            with self.assertRaises(AssertionError):
                output(self.loader, Path(folder) / "compose.yaml")

    def test_images_are_pinned(self):
        for name, service in self.services.items():
            self.assertRegex(service["image"], r":v?\d+\.\d+\.\d+$", name)

    def test_ports_are_on_loopback(self):
        for name, service in self.services.items():
            for port in service.get("ports", []):
                self.assertEqual(port["host_ip"], "127.0.0.1", name)
            if service.get("network_mode") == "host" and service["image"].split(":")[0] not in ("flowsensor",):
                self.assertIn("127.0.0.1", json.dumps([service.get("command"), service.get("environment")]), name)
        self.assertIn('listen = "127.0.0.1:', (COMPOSE / "flowsensor.conf").read_text())

    def test_sensor_has_the_pods_sandbox(self):
        for name in ("sensor", "topics", "schema"):
            service = self.services[name]
            self.assertEqual((service["user"], service["cap_drop"], service["security_opt"], service["read_only"]),
                             ("65532:65532", ["ALL"], ["no-new-privileges:true"], True))
            self.assertEqual(service.get("cap_add"), ["NET_RAW"] if name == "sensor" else None)

    def test_mounts_exist(self):
        for service in self.services.values():
            for mount in service.get("volumes", []):
                if mount["type"] == "bind":
                    self.assertTrue(Path(mount["source"]).is_file(), mount["source"])
                else:
                    self.assertIn(mount["source"], self.project["volumes"])
        self.assertTrue((REPOSITORY / self.services["sensor"]["build"]["dockerfile"]).is_file())

    def test_sensors_commands_are_the_binarys(self):
        """The binary takes the configuration and knows the words of each one-shot service."""
        output(BINARY, "-c", COMPOSE / "flowsensor.conf", "--check-config")
        usage = output(BINARY, "--help")
        for name in ("topics", "schema"):
            word, subword, flag, path = self.services[name]["command"]
            self.assertRegex(usage, rf"(?m)^ +flowsensor {word} (?:\w+\|)*{subword}\b")
            self.assertEqual((flag, path), ("-c", "/etc/flowsensor/flowsensor.conf"))

    def test_memory_fits(self):
        total = re.search(r"(?m)^total\t(\d+)\t", output(BINARY, "memory", "-c", COMPOSE / "flowsensor.conf"))
        limit = re.fullmatch(r"(\d+)m", self.services["sensor"]["mem_limit"])
        self.assertLess(int(total[1]), int(limit[1]) << 20)

    def test_prometheus_takes_its_configuration_and_the_rules(self):
        with tempfile.TemporaryDirectory() as folder:
            for mount in self.services["prometheus"]["volumes"]:
                if mount["type"] == "bind":
                    shutil.copy(mount["source"], Path(folder) / Path(mount["target"]).name)
            self.assertIn("SUCCESS", output(support.tool("promtool"), "check", "config", Path(folder) / "prometheus.yml"))
        targets = yaml.safe_load((COMPOSE / "prometheus.yml").read_text())["scrape_configs"][0]["static_configs"][0]["targets"]
        self.assertIn(f'listen = "{targets[0]}"', (COMPOSE / "flowsensor.conf").read_text())

    def test_grafana_finds_the_dashboard(self):
        targets = {mount["target"] for mount in self.services["grafana"]["volumes"]}
        provider = yaml.safe_load((COMPOSE / "grafana/dashboards.yaml").read_text())["providers"][0]
        self.assertIn(provider["options"]["path"] + "/flowsensor.json", targets)
        json.loads((REPOSITORY / "helm/flowsensor/files/dashboard.json").read_text())


if __name__ == "__main__":
    unittest.main()
