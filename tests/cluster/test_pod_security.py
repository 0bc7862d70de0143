"""Pod Security admission: what each level refuses is what the chart's README lists, no more and no less."""
import re

from cases import CHART, IMAGE, Case, Release, merged

VALUES = {"image": IMAGE, "kafka": {"bootstrapServers": ["kafka.example:9092"]}, "schemaRegistry": {"url": "http://registry.example:8081"},
          "topics": {"provision": "job"}}
# What a user can choose that asks for more than the default.
MORE = {"capture": {"netAdmin": True}, "state": {"type": "hostPath"}}
LEVELS = ("baseline", "restricted")
ALWAYS = "always"
# "host namespaces (hostNetwork=true), hostPath volumes (volume "state"), ...": the words before each parenthesis.
REASON = re.compile(r"([A-Za-z][A-Za-z -]*?) \(")


def reasons(text, level):
    """For each object of which the API server says that its pods violate the level: the names of the rules."""
    return [set(REASON.findall(line)) for line in re.findall(rf'violates? PodSecurity "{level}:latest": (.*)', text)]


def documented():
    """README's table on Pod Security as (level, reason, when), the reason without its backticks."""
    section = re.search(r"^#+ Pod Security.*?(?=^#+ |\Z)", (CHART / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    cells = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in section[0].splitlines() if line.startswith("|")]
    return [tuple(row[:3]) for row in cells if row[0] in LEVELS]


class PodSecurity(Case):
    def refusals(self, level, changes):
        """What the level says of what these values render: of the DaemonSet alone, the hooks' pods fit every level."""
        namespace = self.make_namespace(warn=level)
        self.make_account(namespace)
        values = self.values_file(merged(VALUES, changes))
        text = self.run_tool("helm", "template", "flowsensor", CHART, "-n", namespace, "-f", values).stdout
        self.assertEqual(text.count("kind: Job\n"), 2)
        said = self.run_tool("kubectl", "apply", "--dry-run=server", "-n", namespace, "-f", "-", stdin=text).said
        found = reasons(said, level)
        self.assertEqual(len(found), 1, said)
        return found[0]

    def test_readme_lists_what_is_refused(self):
        rows = documented()
        for level in LEVELS:
            # What baseline refuses, restricted refuses too.
            mine = [row for row in rows if row[0] in LEVELS[:LEVELS.index(level) + 1]]
            with self.subTest(level, values="default"):
                self.assertEqual(self.refusals(level, {}), {reason for _, reason, when in mine if when == ALWAYS})
            with self.subTest(level, values="all that needs more"):
                self.assertEqual(self.refusals(level, MORE), {reason for _, reason, _ in mine})

    def test_baseline_enforced_keeps_the_sensor_out(self):
        release = Release(self, self.make_namespace(enforce="baseline"), merged(VALUES, {"schema": {"provision": "none"},
                                                                                         "topics": {"provision": "none"}}))
        release.start()
        events = self.wait_until(lambda: [event["message"] for event in self.objects(release.namespace, "events")
                                          if event["reason"] == "FailedCreate"], "the refusal")
        self.assertEqual(reasons(events[0], "baseline"), [{reason for level, reason, when in documented()
                                                           if level == "baseline" and when == ALWAYS}])
        self.assertEqual(release.pods(), {})

    def test_privileged_enforced_takes_it(self):
        namespace = self.make_namespace(enforce="privileged", warn="privileged")
        release = Release(self, namespace, merged(VALUES, merged(MORE, {"schema": {"provision": "none"}, "topics": {"provision": "none"}})))
        self.assertNotIn("violate", release.start().said)
        self.wait_until(release.pods, "a pod")
