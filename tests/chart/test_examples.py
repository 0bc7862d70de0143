"""The configurations that the chart renders are ones that the real program takes, and its memory limit is enough."""
import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

import chart

SECRETS, STATE = "/etc/flowsensor/secrets", "/var/lib/flowsensor"
SCENES = {path.stem: path for path in chart.EXAMPLES} | {"everything": chart.HERE / "values/everything.yaml", "least": chart.LEAST}
# What a Secret's file holds, by the end of its name.
CONTENTS = {"identity/key": "00112233445566778899aabbccddeeff\n", "identity/conn-key": "ffeeddccbbaa99887766554433221100\n", "anonymization/key": "0123456789abcdef" * 4 + "\n",
            "username": "flowsensor\n", "password": "secret\n"}
ENVIRONMENT = {"NODE_NAME": "node-1", "PATH": os.environ["PATH"]}


def configurations(text):
    """{NAME OF THE CONFIG MAP: TEXT} of what was rendered."""
    return {item["metadata"]["name"]: item["data"]["flowsensor.conf"] for item in chart.objects(text)
            if item["kind"] == "ConfigMap" and "flowsensor.conf" in item.get("data", {})}


def mounted(text, name):
    """The files that a pod with this config map finds below SECRETS."""
    for item in chart.objects(text):
        spec = item["spec"].get("template", {"spec": item["spec"]})["spec"] if "spec" in item else {}
        for volume in spec.get("volumes", []) or []:
            sources = volume.get("projected", {}).get("sources", [])
            if {"configMap": {"name": name}} in sources:
                return {entry["path"] for source in sources if "secret" in source for entry in source["secret"]["items"]}
    raise AssertionError(f"no pod mounts the config map {name}")


def certificate(folder):
    """A certificate and its key, which a TLS library can load."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
                    "-subj", "/CN=flowsensor", "-keyout", f"{folder}/tls.key", "-out", f"{folder}/tls.crt"],
                   check=True, capture_output=True)
    return {"tls.key": Path(folder, "tls.key").read_text(), "tls.crt": Path(folder, "tls.crt").read_text()}


class Pod:
    """A folder that stands for /etc/flowsensor of a pod, with its state in another."""

    def __init__(self, text, name):
        self.folder = tempfile.TemporaryDirectory()
        root = Path(self.folder.name)
        pair = certificate(root)
        contents = CONTENTS | pair | {"ca.crt": pair["tls.crt"]}
        for path in mounted(text, name):
            file = root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(next(content for end, content in contents.items() if path.endswith(end)))
            file.chmod(0o400)
        (root / "state").mkdir()
        self.path = root / "flowsensor.conf"
        self.path.write_text(configurations(text)[name].replace(SECRETS, f"{root}/secrets").replace(STATE, f"{root}/state"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.folder.cleanup()

    def run(self, *arguments):
        brackets = "[${HOST_IP}]" in self.path.read_text()
        return chart.run(chart.BINARY, *arguments, "-c", self.path,
                         env=ENVIRONMENT | {"HOST_IP": "2001:db8::1" if brackets else "192.0.2.1"})


class Configurations(unittest.TestCase):
    def test_the_program_takes_them(self):
        count = 0
        for scene, values in SCENES.items():
            text = chart.render(values)
            for name in configurations(text):
                with self.subTest(scene=scene, configuration=name), Pod(text, name) as pod:
                    answer = pod.run("--check-config")
                    self.assertEqual(answer.returncode, 0, answer.stderr)
                count += 1
        # Each scene has one for the run and one for the test, and all but two have hooks.
        self.assertGreaterEqual(count, 3 * len(SCENES))

    def test_a_secret_that_is_named_is_mounted(self):
        for scene, values in SCENES.items():
            text = chart.render(values)
            for name, configuration in configurations(text).items():
                with self.subTest(scene=scene, configuration=name):
                    named = set(re.findall(rf"{SECRETS}/([\w./-]+)", configuration))
                    self.assertEqual({f"secrets/{path}" for path in named}, mounted(text, name))


class Memory(unittest.TestCase):
    """The limit is the program's own budget for the rendered configuration, and somewhat more."""

    VALUES = {
        "least": {},
        "small": {"meter": {"flowTableSize": 1024}, "capture": {"socketBufferSize": "4MiB"},
                  "kafka": {"config": {"queue.buffering.max.kbytes": 2048}}},
        "large": {"meter": {"flowTableSize": 1048576, "meters": 8}, "capture": {"socketBufferSize": "256MiB"}},
        "updates": {"meter": {"flowTableSize": 524288, "updateInterval": "10s"}},
        "two meters": {"meter": {"meters": 2}},
        "many undecided": {"meter": {"dissectionFlows": 65536}},
        "messages": {"kafka": {"config": {"queue.buffering.max.messages": 10000}}},
        "many messages": {"kafka": {"config": {"queue.buffering.max.messages": 1000000}}},
        "long splt": {"meter": {"spltAnalysis": 255}},
        "plain": {"meter": {"dissections": 0, "statisticalAnalysis": False, "spltAnalysis": 0}},
        "more outputs": {"kafka": {"statsTopic": "stats"}, "extraOutputs": [{"topic": "a"}, {"topic": "b"}]},
        "spool in memory": {"spool": {"enabled": False}},
        "small spool in memory": {"spool": {"enabled": False}, "extraConfig": {"spool": {"memory_size": "8MiB"}}},
        "large spool": {"spool": {"size": "64GiB"}},
        "no ring": {"capture": {"socketBufferSize": "0"}},
        "nfstream": {"profile": "nfstream"},
        "flow/v3": {"kafka": {"schema": "flow/v3"}},
        "every feature": {"extraOutputs": [{"topic": "a", "schema": "flow_full/v1"}], "meter": {"flowTableSize": 262144}},
    }

    def test_limit_is_the_budget(self):
        for name, values in self.VALUES.items():
            with self.subTest(name):
                text = chart.render(chart.LEAST, values)
                with Pod(text, "flowsensor") as pod:
                    answer = pod.run("memory")
                self.assertEqual(answer.returncode, 0, answer.stderr)
                budget = int(dict(line.split("\t")[:2] for line in answer.stdout.splitlines())["total"])
                template = chart.find(chart.objects(text), "DaemonSet")["spec"]["template"]
                limit = template["spec"]["containers"][0]["resources"]["limits"]["memory"]
                limit = int(limit.removesuffix("Mi")) << 20
                self.assertGreaterEqual(limit, budget * 1.1)
                if name != "plain":  # whose table the chart takes to be full of features
                    self.assertLess(limit, budget * 1.3)


if __name__ == "__main__":
    unittest.main()
