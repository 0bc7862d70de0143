"""Pod Security admission: what each level refuses is what the chart's README lists, no more and no less."""
import json
import re

from cases import BASE, CHART, Case, Release, merged

VALUES = merged(BASE, {"topics": {"provision": "job"}})
NO_HOOKS = {"schema": {"provision": "none"}, "topics": {"provision": "none"}}
# What a user can choose that asks for more than the default.
MORE = {"state": {"type": "hostPath"}, "monitoring": {"address": "127.0.0.1"}}
LEVELS = ("baseline", "restricted")
CONDITION = "only with"
# "host namespaces (hostNetwork=true), hostPath volumes (volume "state"), ...": the words before each parenthesis.
REASON = re.compile(r"([A-Za-z][A-Za-z -]*?) \(")


def reasons(text, level):
    """For each object that the API server says to violate the level: the names of the rules."""
    return [set(REASON.findall(line)) for line in re.findall(rf'violates? PodSecurity "{level}:latest": (.*)', text)]


def documented(level, more):
    """What README's table "levels | refused | why" has for a level; `more`: also what is there under a condition."""
    section = re.search(r"^\| level .*?(?=\n\n|\Z)", (CHART / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    rows = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in section[0].splitlines()[2:]]
    return {reason for levels, reason, why in rows if level in levels.split(", ") and (more or not why.startswith(CONDITION))}


class PodSecurity(Case):
    def refusals(self, namespace, level, changes):
        """What the level says of a pod of the DaemonSet that these values render; the hooks' pods fit every level."""
        render = ("helm", "template", "flowsensor", CHART, "-n", namespace, "-f", self.values_file(merged(VALUES, changes)))
        text = self.run_tool(*render).stdout
        self.assertEqual((text.count("kind: Job\n"), text.count("kind: Pod\n")), (3, 1))
        said = self.run_tool("kubectl", "apply", "--dry-run=server", "-n", namespace, "-f", "-", stdin=text).stderr
        self.assertEqual(len(reasons(said, level)), 1, said)
        # A pod's ports are the node's, and refused, only in a pod: its template isn't judged for them.
        daemon_set = self.run_tool(*render, "--show-only", "templates/daemonset.yaml").stdout
        daemon_set = json.loads(self.kubectl("create", "--dry-run=client", "-o", "json", "-f", "-", stdin=daemon_set))
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "sensor"}, "spec": daemon_set["spec"]["template"]["spec"]}
        done = self.run_tool("kubectl", "create", "--dry-run=server", "-n", namespace, "-f", "-", stdin=json.dumps(pod))
        [found] = reasons(done.stderr, level)
        return found

    def test_readme_lists_what_is_refused(self):
        for level in LEVELS:
            namespace = self.make_namespace(warn=level)
            self.make_account(namespace)
            for more, changes in ((False, {}), (True, MORE)):
                with self.subTest(level, more=more):
                    self.assertEqual(self.refusals(namespace, level, changes), documented(level, more))

    def test_baseline_enforced_keeps_the_sensor_out(self):
        release = Release(self, self.make_namespace(enforce="baseline"), merged(VALUES, NO_HOOKS))
        release.start()
        events = self.wait_until(lambda: [event["message"] for event in self.objects(release.namespace, "events")
                                          if event["reason"] == "FailedCreate"], "the refusal")
        self.assertEqual(reasons(events[0], "baseline"), [documented("baseline", False)])
        self.assertEqual(release.pods(), {})

    def test_privileged_enforced_takes_it(self):
        namespace = self.make_namespace(enforce="privileged", warn="privileged")
        release = Release(self, namespace, merged(VALUES, merged(MORE, NO_HOOKS)))
        self.assertNotIn("violate", release.start().said)
        self.wait_until(release.pods, "a pod")
