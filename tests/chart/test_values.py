"""values.yaml, values.schema.json and the templates: every property is in all three, and none takes what it mustn't."""
import json
import re
import unittest

import yaml

import chart

SCHEMA = json.loads((chart.CHART / "values.schema.json").read_text())
VALUES = yaml.safe_load((chart.CHART / "values.yaml").read_text())
TABLE = yaml.safe_load((chart.HERE / "values_table.yaml").read_text())
# Helm gives it to every chart; ours has no use for it.
NOT_OURS = {"global"}
# Names of former releases, which the schema lets pass so that a template can say what to write instead.
RENAMED = {"capture.interface": "capture.interfaces"}


def resolved(schema):
    return SCHEMA["definitions"][schema["$ref"].rsplit("/", 1)[1]] if "$ref" in schema else schema


def is_group(schema):
    """A map of fixed names."""
    return schema.get("additionalProperties") is False and "patternProperties" not in schema


def walk(schema, path=()):
    """(PATH, SCHEMA) of each property; [] is in the path of what is in a list."""
    for name, inner in schema["properties"].items():
        inner = resolved(inner)
        here = (*path, name)
        yield here, inner
        if is_group(inner):
            yield from walk(inner, here)
        elif "items" in inner and is_group(resolved(inner["items"])):
            yield from walk(resolved(inner["items"]), (*path, name + "[]"))


PROPERTIES = {".".join(path): schema for path, schema in walk(SCHEMA) if path[0] not in NOT_OURS and ".".join(path) not in RENAMED}
GROUPS = {path: schema for path, schema in PROPERTIES.items() if is_group(schema)}
# A list whose items are groups is looked into, and a property as well.
LEAVES = {path for path in PROPERTIES if path not in GROUPS}
# Relabelings are Prometheus's own, and checked by its definitions.
FOREIGN = re.compile(r"\.(metricR|r)elabelings\[\]\.")


def location(path):
    """How helm names a property: /a/b/0/c."""
    return "/" + path.replace("[]", ".0").replace(".", "/")


def rejected_places(answer):
    return re.findall(r"^\s*- at '([^']*)'", answer, re.MULTILINE)


class Complete(unittest.TestCase):
    def test_table_has_every_property(self):
        self.assertEqual(sorted(path for path in LEAVES if not FOREIGN.search(path)), sorted(TABLE))
        self.assertGreaterEqual(len(TABLE), 60)

    def test_schema_has_every_value(self):
        def check(values, schema, path):
            for name, value in values.items():
                self.assertIn(name, schema["properties"], f"{path}{name} is in values.yaml only")
                inner = resolved(schema["properties"][name])
                if is_group(inner):
                    check(value, inner, f"{path}{name}.")
        check(VALUES, SCHEMA, "")

    def test_every_level_is_closed(self):
        """A map is closed, or its names and values are of a form, or it is another's format."""
        free = {path for path, schema in PROPERTIES.items() if schema.get("type") == "object" and not is_group(schema)
                and "additionalProperties" not in schema}
        self.assertEqual(free, {"affinity.nodeAffinity", "affinity.podAffinity", "affinity.podAntiAffinity", "extraConfig"})


class Refused(unittest.TestCase):
    """One run refuses many values: helm names each place."""

    def test_bad_values(self):
        self.assertGreaterEqual(sum(len(row["bad"]) for row in TABLE.values()), 60)
        for turn in range(max(len(row["bad"]) for row in TABLE.values())):
            rows = {path: row["bad"][turn] for path, row in TABLE.items() if turn < len(row["bad"])}
            # What is in a list and the list itself can't both be bad in one run.
            for batch in ({p: v for p, v in rows.items() if "[]" not in p}, {p: v for p, v in rows.items() if "[]" in p}):
                if batch:
                    self.check(batch)

    def check(self, batch):
        values = [chart.at(path, value) for path, value in batch.items() if "[]" not in path]
        lists = {}
        for path, value in batch.items():
            if "[]" in path:
                holder, _, rest = path.partition("[].")
                lists.setdefault(holder, {}).update(chart.at(rest, value))
        values += [chart.at(holder, [items]) for holder, items in lists.items()]
        places = rejected_places(chart.refusal(chart.merged(chart.LEAST, *values)))
        for path in batch:
            with self.subTest(path=path, value=batch[path]):
                self.assertTrue([place for place in places if place.startswith(location(path))], f"{path} isn't refused")

    def test_unknown_names(self):
        values = [chart.at(f"{path}.unknown", 1) for path in GROUPS if "[]" not in path] + [{"unknown": 1}]
        answer = chart.refusal(chart.merged(chart.LEAST, *values))
        for path in ["", *(path for path in GROUPS if "[]" not in path)]:
            with self.subTest(path=path):
                place = location(path) if path else ""
                self.assertRegex(answer, f"at '{re.escape(place)}': additional properties 'unknown' not allowed")

    def test_unknown_names_in_lists(self):
        for path, schema in PROPERTIES.items():
            if "items" in schema and is_group(resolved(schema["items"])) and "[]" not in path:
                with self.subTest(path=path):
                    answer = chart.refusal(chart.LEAST, chart.at(path, [{"unknown": 1}]))
                    self.assertRegex(answer, f"at '{re.escape(location(path))}/0'.*\n?.*'unknown' not allowed")

    def test_former_names(self):
        """Also beside values that lack the new name, as --reuse-values has them."""
        for old, new in RENAMED.items():
            for more in ({}, chart.at(new, None)):
                with self.subTest(old=old, more=more):
                    self.assertIn(f"{old} has become a list: write `{new}: [eth1]` instead", chart.refusal(chart.LEAST, chart.at(old, "eth1"), more))
            chart.render(chart.LEAST, chart.at(old, None))


class Accepted(unittest.TestCase):
    """A value that changes nothing would be a promise that isn't kept."""

    def test_good_values(self):
        def try_one(item):
            path, row = item
            base = [chart.LEAST, row.get("with", {})]
            if "[]" in path:
                holder, _, rest = path.partition("[].")
                items = row.get("with", {}).get(holder.split(".")[0])
                for word in holder.split(".")[1:]:
                    items = items and items.get(word)
                changed = chart.at(holder, [chart.merged(items[0] if items else {}, chart.at(rest, row["good"]))])
            else:
                changed = chart.merged(chart.at(path, row["good"]), row.get("also", {}))
            return path, chart.render(*base), chart.render(*base, changed)
        rows = [(path, row) for path, row in TABLE.items() if "good" in row]
        for path, before, after in chart.in_parallel(try_one, rows):
            with self.subTest(path=path):
                self.assertTrue(before != after, f"{path} changes nothing that is rendered")

    def test_what_is_given_in_vain_is_refused(self):
        """A value that needs another one changes something, or the render fails and names both."""
        def try_one(item):
            path, row = item
            return path, chart.helm("template", chart.LEAST, chart.at(path, row["good"]))
        before = chart.render(chart.LEAST)
        rows = [(path, row) for path, row in TABLE.items() if "with" in row and "[]" not in path and "localhostProfile" not in path]
        rows += [(path, TABLE[path]) for path in ("state.hostPath", "kafka.tls.existingSecret", "kafka.sasl.existingSecret")]
        self.assertGreater(len(rows), 50)
        for path, answer in chart.in_parallel(try_one, rows):
            with self.subTest(path=path):
                if answer.returncode == 0:
                    self.assertNotEqual(answer.stdout, before, f"{path} is accepted and changes nothing")
                else:
                    self.assertIn(path, answer.stderr)

    def test_what_is_off_leaves_nothing_behind(self):
        """The same of values that are used until what they need is switched off."""
        off = {"kafka.sasl.enabled": False, "kafka.tls.enabled": False, "schemaRegistry.url": "", "topics.provision": "none", "test.enabled": False,
               "serviceMonitor.enabled": False, "prometheusRule.enabled": False, "dashboard.enabled": False, "probes.liveness.enabled": False}
        everything = yaml.safe_load((chart.HERE / "values/everything.yaml").read_text())
        everything = chart.merged(everything, {"probes": {"liveness": {"periodSeconds": 20}}, "schema": {"provision": "check"}})
        chart.render(everything)
        for path, value in off.items():
            with self.subTest(path):
                self.assertRegex(chart.refusal(everything, chart.at(path, value)), f"means nothing without .*{re.escape(path)}")

    def test_defaults_are_never_given_in_vain(self):
        """With everything off, and each way of it."""
        off = [chart.at(path, False) for path in ("probes.startup.enabled", "probes.liveness.enabled", "probes.readiness.enabled", "test.enabled",
                                                  "serviceAccount.create", "monitoring.service.enabled")]
        for values in (chart.at("schemaRegistry.url", ""), chart.at("state.type", "hostPath"), chart.at("updateStrategy.type", "OnDelete")):
            chart.render(chart.LEAST, *off, values)
        chart.render(chart.LEAST, {"topics": {"provision": "strimzi", "strimzi": {"cluster": "kafka", "user": {"create": False}}}})

    def test_only_fixed_ones_have_no_other(self):
        self.assertEqual({path for path, row in TABLE.items() if "good" not in row},
                         {path for path, schema in PROPERTIES.items() if "const" in schema})


if __name__ == "__main__":
    unittest.main()
