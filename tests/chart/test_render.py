"""What the chart renders: as checked in, good by helm's lint and kubeconform with every toggle, and refused where it must be.

Usage: python3 -m unittest test_render            compare
       python3 tests/chart/test_render.py --update   write tests/chart/goldens/ anew
"""
import difflib
import re
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

import yaml

import chart
from test_values import GROUPS, PROPERTIES, TABLE

SCENES = {"least": (chart.LEAST,), "everything": (chart.HERE / "values/everything.yaml",),
          **{path.stem: (path,) for path in chart.EXAMPLES}}
GOLDENS = chart.HERE / "goldens"


def choices(schema):
    """The values of a property that has few."""
    if schema.get("type") == "boolean":
        return [True, False]
    if schema.get("type") == ["boolean", "null"]:
        return [True, False]
    return schema.get("enum", [])


def toggles():
    """(PATH, VALUE, VALUES) with each choice of each property alone."""
    for path, schema in PROPERTIES.items():
        if path in GROUPS or "[]" in path or path not in TABLE:
            continue
        for value in choices(schema):
            needs = chart.merged(TABLE[path].get("with", {}), TABLE[path].get("also", {}) if value else {})
            if (path, value) == ("topics.provision", "strimzi"):
                needs = {"topics": {"strimzi": {"cluster": "kafka"}}}
            if (path, value) == ("kafka.sasl.mechanism", "OAUTHBEARER"):
                needs = {"kafka": {"sasl": {"enabled": True, "oauth": {"audience": "kafka"}}}}
            if (path, value) == ("monitoring.service.enabled", False):
                needs = {"podMonitor": {"enabled": True}}
            yield path, value, (chart.LEAST, needs, chart.at(path, value))


def golden_of(values):
    """The render without the dashboard and the rules, which other tests compare with their files."""
    text = chart.render(*values)
    text = re.sub(r"(  flowsensor\.json: \|\n)(    .*\n|\n)+", r"\1    (files/dashboard.json)\n", text)
    return re.sub(r"(\nspec:\n  groups:\n)(    .*\n|\n)+", r"\1    (files/alerts.yaml)\n", text)


class Goldens(unittest.TestCase):
    def test_renders_are_as_checked_in(self):
        for name, values in SCENES.items():
            with self.subTest(name):
                golden = (GOLDENS / f"{name}.yaml").read_text().splitlines()
                now = golden_of(values).splitlines()
                difference = "\n".join(difflib.unified_diff(golden, now, "checked in", "rendered", lineterm=""))
                self.assertEqual(difference, "", "if this is meant: python3 tests/chart/test_render.py --update")

    def test_no_golden_is_left_over(self):
        self.assertEqual({path.stem for path in GOLDENS.iterdir()}, set(SCENES))

    def test_rendering_twice_gives_the_same(self):
        self.assertEqual(chart.render(*SCENES["everything"]), chart.render(*SCENES["everything"]))


class Judged(unittest.TestCase):
    def test_lint(self):
        for name, values in SCENES.items():
            with self.subTest(name):
                answer = chart.helm("lint", *values, options=("--strict",))
                self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)
                self.assertNotIn("[WARNING]", answer.stdout)

    def test_every_toggle_conforms(self):
        rows = list(toggles())
        self.assertGreater(len(rows), 60)
        renders = chart.in_parallel(lambda row: chart.render(*row[2]), rows)
        texts = {f"{path}={value}": text for (path, value, _), text in zip(rows, renders)}
        texts |= {name: chart.render(*values) for name, values in SCENES.items()}
        for version in (chart.KUBERNETES[0], chart.KUBERNETES[-1]):
            self.assertEqual(chart.conformance(texts, version), "", version)

    def test_conformance_finds_what_is_wrong(self):
        for old, new in (("hostNetwork:", "hostNetwrok:"), ("containerPort: 19995", "containerPort: metrics"),
                         ("targetLabel: node", "target: node"), ("type: scram-sha-512", "type: scram")):
            text = chart.render(*SCENES["everything"])
            self.assertIn(old, text)
            self.assertNotEqual(chart.conformance({"wrong": text.replace(old, new)}, chart.KUBERNETES[-1]), "", new)

    def test_oldest_and_newest_kubernetes(self):
        for version in (chart.KUBERNETES[0], chart.KUBERNETES[-1]):
            chart.render(*SCENES["everything"], kubernetes=version)
        self.assertIn("kubeVersion", chart.refusal(chart.LEAST, kubernetes="1.29.15"))

    def test_helm_4_renders_the_same(self):
        for name in ("least", "everything"):
            texts = [chart.render(*SCENES[name], program=chart.tool(version, "helm")) for version in ("helm", "helm4")]
            same = [sorted(map(yaml.safe_dump, chart.objects(text))) for text in texts]
            self.assertEqual(same[0], same[1], name)

    def test_names_are_short_enough(self):
        """A release's name may have 53 characters, a job's 63, since its pods have it in a label."""
        text = chart.render(*SCENES["everything"], {"topics": {"provision": "job", "strimzi": {"cluster": "", "namespace": ""}}}, release="r" * 53)
        names = [item["metadata"]["name"] for item in chart.objects(text)]
        self.assertLessEqual(max(map(len, names)), 63)
        self.assertEqual(len(set((item["kind"], item["metadata"]["name"]) for item in chart.objects(text))), len(names))

    def test_no_secret_in_any_object(self):
        """Secrets come from files alone: no password, key or certificate is in a value that is rendered."""
        for name, values in SCENES.items():
            for item in chart.objects(chart.render(*values)):
                with self.subTest(name, kind=item["kind"]):
                    self.assertNotEqual(item["kind"], "Secret")
                    self.assertNotIn("secretKeyRef", yaml.safe_dump(item))


class Refused(unittest.TestCase):
    """What a schema can't say is refused by the templates, with what to change."""

    CASES = {
        "image.repository": ({"image": {"repository": ""}}, r"image: \{ repository: registry\.example\.com/flowsensor \}"),
        "servers": ({"kafka": {"bootstrapServers": []}}, r"kafka: \{ bootstrapServers: \[kafka\.example\.com:9092\] \}"),
        "sasl": ({"kafka": {"sasl": {"enabled": True}}}, r"kafka\.sasl\.existingSecret"),
        "no source of tokens": ({"kafka": {"sasl": {"enabled": True, "mechanism": "OAUTHBEARER", "existingSecret": "a"}}}, r"either kafka\.sasl\.oauth\.tokenUrl"),
        "two sources of tokens": ({"kafka": {"sasl": {"enabled": True, "mechanism": "OAUTHBEARER", "existingSecret": "a",
                                                      "oauth": {"tokenUrl": "https://tokens", "audience": "kafka"}}}}, r"either kafka\.sasl\.oauth\.tokenUrl"),
        "a Secret for no Secret": ({"kafka": {"sasl": {"enabled": True, "mechanism": "OAUTHBEARER", "existingSecret": "a", "oauth": {"audience": "kafka"}}}},
                                   r"needs no Secret"),
        "two tokens": ({"schemaRegistry": {"url": "https://registry", "existingSecret": "a", "bearerTokenKey": "b", "oauth": {"tokenUrl": "https://tokens"}}},
                       r"schemaRegistry\.bearerTokenKey and schemaRegistry\.oauth\.tokenUrl"),
        "key without certificate": ({"kafka": {"tls": {"existingSecret": "a", "keyKey": "k"}}}, r"kafka\.tls\.certificateKey and"),
        "certificate without Secret": ({"schemaRegistry": {"tls": {"certificateKey": "c", "keyKey": "k"}}},
                                       r"schemaRegistry\.tls\.existingSecret"),
        "register nowhere": ({"schemaRegistry": {"url": ""}, "schema": {"provision": "register"}}, r"schemaRegistry\.url"),
        "no cluster": ({"topics": {"provision": "strimzi"}}, r"topics\.strimzi\.cluster"),
        "admin without sasl": ({"topics": {"provision": "job", "admin": {"existingSecret": "a"}}}, r"kafka\.sasl\.enabled"),
        "no service": ({"serviceMonitor": {"enabled": True}, "monitoring": {"service": {"enabled": False}}}, r"podMonitor\.enabled"),
        "two monitors": ({"serviceMonitor": {"enabled": True}, "podMonitor": {"enabled": True}}, "one of them"),
        "unknown alert": ({"prometheusRule": {"enabled": True, "disabled": ["NoSuchAlert"]}}, "NoSuchAlert"),
        "grace": ({"terminationGracePeriodSeconds": 44}, r"44 is less than delivery\.shutdownTimeout 30s \+ 15 s = 45 s"),
        "grace, minutes": ({"delivery": {"shutdownTimeout": "1m"}}, r"60 is less than delivery\.shutdownTimeout 1m \+ 15 s = 75 s"),
        "memory": ({"resources": {"limits": {"memory": "304Mi"}}}, r"(?s)flowTableSize 65536 x 864.*dissectionFlows 8192 x 2784.*305 MiB.*lower meter\.flowTableSize"),
        "memory, meters": ({"meter": {"meters": 4}, "resources": {"limits": {"memory": "500M"}}}, "4 meters x capture"),
        "volume": ({"state": {"sizeLimit": "1151Mi"}}, r"state\.sizeLimit 1151Mi is less than .* 1152Mi: spool\.size 1GiB"),
        "volume, outputs": ({"state": {"sizeLimit": "2239Mi"}, "kafka": {"statsTopic": "stats"}}, r"2240Mi"),
        "disk limit": ({"resources": {"limits": {"ephemeral-storage": "1Gi"}}}, r"ephemeral-storage 1Gi is less than the state volume's 1152Mi"),
        "disk request": ({"resources": {"requests": {"ephemeral-storage": "2Gi"}}}, r"ephemeral-storage 2Gi is more than the limit 1664Mi"),
        "spool that is off": ({"spool": {"enabled": False, "size": "2GiB"}}, r"spool\.size is given, and means nothing without spool\.enabled"),
        "request over limit": ({"resources": {"requests": {"memory": "1Gi"}}}, r"1Gi is more than the limit 305Mi"),
        "visibility": ({"extraConfig": {"meter": {"system_visibility_mode": 1}}}, r"needs hostPID: true"),
        "a key that no schema asks for": ({"identity": {"connKey": {"existingSecret": "a"}}, "kafka": {"schema": "flow/v1"},
                                           "extraOutputs": [{"topic": "more", "schema": "flow/v1"}]},
                                          r"(?s)identity\.connKey\.existingSecret is for conn_key.*kafka: \{ schema: flow/v2 \}"),
        "TLS that is off": ({"kafka": {"tls": {"existingSecret": "a", "caSecret": "b"}}},
                            r"(?s)kafka\.tls\.caSecret is given.*kafka\.tls\.existingSecret is given, and means nothing without kafka\.tls\.enabled"),
        "meters by extraConfig": ({"extraConfig": {"meter": {"n_meters": 0}}}, r"meter\.meters"),
    }

    def test_each_names_what_to_change(self):
        for name, (values, pattern) in self.CASES.items():
            with self.subTest(name):
                self.assertRegex(chart.refusal(chart.LEAST, values), pattern)

    def test_what_just_fits_is_taken(self):
        for values in ({"terminationGracePeriodSeconds": 45}, {"resources": {"limits": {"memory": "305Mi"}}},
                       {"resources": {"limits": {"memory": "0.6Gi"}}}, {"resources": {"limits": {"memory": 319815680}}},
                       {"delivery": {"shutdownTimeout": "45000ms"}}, {"state": {"sizeLimit": "1152Mi"}}, {"state": {"sizeLimit": "1.125Gi"}},
                       {"spool": {"enabled": False, "deadLetters": False}, "state": {"sizeLimit": "64Mi"}},
                       {"resources": {"limits": {"ephemeral-storage": "1152Mi"}}},
                       {"identity": {"connKey": {"existingSecret": "a"}}, "extraOutputs": [{"topic": "more", "schema": "flow/v2"}]}):
            chart.render(chart.LEAST, values)


class Schemas(unittest.TestCase):
    """Schemas of one's own are there before the hooks that need them."""

    MINE = {"schemas": {"mine.avsc": '{"type": "record", "name": "Mine", "fields": []}\n'}, "kafka": {"schema": "/etc/flowsensor/mine.avsc"}}

    def test_every_configuration_has_them(self):
        items = chart.objects(chart.render(chart.LEAST, self.MINE, {"topics": {"provision": "job"}}))
        maps = [item for item in items if item["kind"] == "ConfigMap"]
        self.assertEqual(len(maps), 4)
        for item in maps:
            self.assertEqual(item["data"]["mine.avsc"], self.MINE["schemas"]["mine.avsc"], item["metadata"]["name"])
        weights = {item["metadata"]["name"]: int(item["metadata"]["annotations"]["helm.sh/hook-weight"]) for item in items
                   if "helm.sh/hook-weight" in item["metadata"].get("annotations", {})}
        self.assertLess(weights["flowsensor-schema"], weights["flowsensor-schema-check"])

    def test_a_path_without_its_file(self):
        self.assertRegex(chart.refusal(chart.LEAST, {"kafka": {"schema": "/etc/flowsensor/other.avsc"}}, {"schemas": self.MINE["schemas"]}),
                         r"`schemas` has no file other\.avsc")
        self.assertRegex(chart.refusal(chart.LEAST, {"extraOutputs": [{"topic": "more", "schema": "/etc/flowsensor/other.avsc"}]}), r"other\.avsc")

    def test_an_extra_object_that_a_hook_would_wait_for(self):
        volume = {"extraVolumes": [{"name": "s", "configMap": {"name": "late"}}], "extraVolumeMounts": [{"name": "s", "mountPath": "/s"}]}
        late = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "late"}, "data": {"a.avsc": "{}"}}
        early = chart.merged(late, {"metadata": {"annotations": {"helm.sh/hook": "pre-install,pre-upgrade", "helm.sh/hook-weight": "-20"}}})
        for objects in ([late], [yaml.safe_dump(late)], [early, late]):
            self.assertRegex(chart.refusal(chart.LEAST, volume, {"extraObjects": objects}), "ConfigMap late is made after the hooks")
        chart.render(chart.LEAST, volume, {"extraObjects": [early]})
        chart.render(chart.LEAST, volume, {"extraObjects": [late], "schema": {"provision": "none"}})
        chart.render(chart.LEAST, {"extraObjects": [late]})


class Replaced(unittest.TestCase):
    """The pods are replaced when what they read at the start has changed, and not otherwise."""

    def pods_of(self, changes, *values):
        """The template of the DaemonSet's pods, by a chart whose Chart.yaml is changed so."""
        with tempfile.TemporaryDirectory() as folder:
            other = Path(folder) / "flowsensor"
            shutil.copytree(chart.CHART, other)
            manifest = yaml.safe_load((other / "Chart.yaml").read_text())
            (other / "Chart.yaml").write_text(yaml.safe_dump({**manifest, **changes}))
            text = chart.render(chart.LEAST, *values, folder=other)
        return chart.find(chart.objects(text), "DaemonSet")["spec"]["template"]

    def test_a_new_version_of_the_chart_alone_replaces_nothing(self):
        for values in ({}, {"image": {"tag": "3.1"}}, yaml.safe_load((chart.HERE / "values/everything.yaml").read_text())):
            self.assertEqual(self.pods_of({"version": "7.8.9"}, values), self.pods_of({}, values))
        # Nor does the program's, where the image is another one all the same.
        for image in ({"tag": "3.1"}, {"digest": "sha256:" + "0" * 64}):
            self.assertEqual(self.pods_of({"version": "7.8.9", "appVersion": "7.8.8"}, {"image": image}), self.pods_of({}, {"image": image}))
        self.assertNotEqual(self.pods_of({"appVersion": "7.8.8"}), self.pods_of({}))

    def test_a_changed_schema_replaces_them(self):
        one, other = ({**Schemas.MINE, "schemas": {"mine.avsc": text}} for text in ("{}", "{ }"))
        self.assertNotEqual(self.checksums(one)[0], self.checksums(other)[0])

    def checksums(self, *values):
        template = chart.find(chart.objects(chart.render(chart.LEAST, *values)), "DaemonSet")["spec"]["template"]
        annotations = template["metadata"]["annotations"]
        return annotations["checksum/config"], annotations["checksum/secret"]

    def test_checksums(self):
        config, secret = self.checksums()
        self.assertEqual(self.checksums({"commonLabels": {"a": "b"}, "hooks": {"backoffLimit": 1}}), (config, secret))
        self.assertEqual(self.checksums({"secretChecksum": "2"})[0], config)
        self.assertNotEqual(self.checksums({"secretChecksum": "2"})[1], secret)
        self.assertNotEqual(self.checksums({"meter": {"idleTimeout": "60s"}})[0], config)
        self.assertNotEqual(self.checksums({"extraConfig": {"meter": {"tunnel_key": "symmetric"}}})[0], config)
        one, other = ({"kafka": {"sasl": {"enabled": True, "existingSecret": name}}} for name in ("one", "other"))
        self.assertEqual(self.checksums(one)[0], self.checksums(other)[0])
        self.assertNotEqual(self.checksums(one)[1], self.checksums(other)[1])


def update():
    GOLDENS.mkdir(exist_ok=True)
    for path in GOLDENS.iterdir():
        path.unlink()
    for name, values in SCENES.items():
        (GOLDENS / f"{name}.yaml").write_text(golden_of(values))


if __name__ == "__main__":
    if sys.argv[1:] == ["--update"]:
        update()
    else:
        unittest.main()
