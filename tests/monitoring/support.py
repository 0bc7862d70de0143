"""What the tests of alerts and dashboard share: where the files are, the metrics that a query names, and Prometheus.

prometheus and promtool are those of Debian's package, unpacked into the cache and not installed: its service would start
and listen on all addresses.
"""
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path += [str(REPOSITORY / "tests" / "e2e"), str(REPOSITORY / "tests" / "common")]
from waiting import wait_until  # noqa: E402

FILES = REPOSITORY / "helm" / "flowsensor" / "files"
RULES, DASHBOARD = FILES / "alerts.yaml", FILES / "dashboard.json"
RUNBOOKS = REPOSITORY / "deploy" / "runbooks"
CACHE = Path(os.environ.get("FLOWSENSOR_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "flowsensor")

# What Prometheus itself makes; everything else that a query names is a sensor's or a recording rule's.
OF_PROMETHEUS = {"up", "ALERTS"}
GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")
NO_METRIC = {"and", "or", "unless", "bool", "offset", "by", "without", "on", "ignoring", "group_left", "group_right", "inf", "nan"}


def metrics_of(expression):
    """The metrics that a PromQL expression names."""
    bare = re.sub(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'', "", expression)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", " ", bare)
    bare = GROUPING.sub(" ", bare)
    names = re.findall(r"(?<![\w.$:])([a-zA-Z_:][\w:]*)(?!\s*\(|[\w:])", bare)
    return {name for name in names if name.lower() not in NO_METRIC}


def rules():
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def alerts():
    return [rule for rule in rules() if "alert" in rule]


def recorded():
    return {rule["record"]: rule["expr"] for rule in rules() if "record" in rule}


def dashboard():
    return json.loads(DASHBOARD.read_text())


def dashboard_queries():
    """(panel's title, expression) of all panels, annotations and variables."""
    board = dashboard()
    found = [(panel["title"], target["expr"]) for panel in board["panels"] for target in panel.get("targets", ())]
    found += [(annotation["name"], annotation["expr"]) for annotation in board["annotations"]["list"]]
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            metric = re.fullmatch(r"label_values\((.+), \w+\)", variable["query"]["query"])
            found.append((variable["name"], metric[1]))
    return found


def used_metrics():
    """What the rules and the dashboard name, without what they or Prometheus make."""
    expressions = [rule["expr"] for rule in rules()] + [expression for _, expression in dashboard_queries()]
    return set().union(*map(metrics_of, expressions)) - OF_PROMETHEUS - set(recorded())


def command(*words, cwd=None):
    done = subprocess.run([str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=cwd, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, words))}: exit {done.returncode}: {done.stdout.strip()}")
    return done.stdout


def tool(name):
    """The path of prometheus or promtool; fetched when first asked for."""
    policy = command("apt-cache", "policy", "prometheus")
    version = re.search(r"Candidate: ([\w.+~:-]+)", policy)
    if not version:
        command("apt-get", "update", "-qq")
        version = re.search(r"Candidate: ([\w.+~:-]+)", command("apt-cache", "policy", "prometheus"))
    folder = CACHE / f"prometheus-{version[1].replace(':', '_')}"
    if not folder.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="prometheus-", dir=CACHE) as partial:
            command("apt-get", "download", "-qq", "prometheus", cwd=partial)
            package, = Path(partial).glob("*.deb")
            command("dpkg-deb", "-x", package, Path(partial) / "tree")
            with contextlib.suppress(OSError):  # another one was quicker
                (Path(partial) / "tree").rename(folder)
    return folder / "usr" / "bin" / name


class Prometheus:
    """A Prometheus on loopback. `targets` maps an instance's name to the address that it is scraped at."""

    def __init__(self, folder, port, targets, rule_file, interval="1s"):
        self.url = f"http://127.0.0.1:{port}"
        jobs = [{"job_name": "flowsensor", "static_configs": [{"targets": [address], "labels": {"instance": name}}
                                                              for name, address in targets.items()]}]
        config = {"global": {"scrape_interval": interval, "scrape_timeout": interval, "evaluation_interval": interval},
                  "rule_files": [str(rule_file)], "scrape_configs": jobs}
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        self.log = open(folder / "prometheus.log", "w+")
        self.process = subprocess.Popen(
            [str(tool("prometheus")), f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}",
             f"--web.listen-address=127.0.0.1:{port}", "--query.lookback-delta=10s", "--log.level=warn"],
            stdout=self.log, stderr=subprocess.STDOUT, cwd=folder)

    def close(self):
        self.process.terminate()
        self.process.wait(20)
        self.log.close()

    def get(self, path, **parameters):
        """The data of an answer of the HTTP interface; an AssertionError if it is an error."""
        address = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(address, timeout=10) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{parameters}: {error.read().decode()}") from error

    def ready(self, limit=30):
        def answer():
            if self.process.poll() is not None:
                raise RuntimeError(f"prometheus ended: {log()}")
            try:
                return self.get("status/buildinfo")
            except (OSError, AssertionError):  # 503 while it starts
                return None

        def log():
            self.log.seek(0)
            return self.log.read()
        return wait_until(answer, limit, lambda: f"an answer of prometheus: {log()}", pause=0.1)

    def query(self, expression):
        return self.get("query", query=expression)["result"]

    def firing(self):
        """{(alert, severity, instance)} of the alerts that fire."""
        found = self.get("alerts")["alerts"]
        return {(alert["labels"]["alertname"], alert["labels"]["severity"], alert["labels"].get("instance", ""))
                for alert in found if alert["state"] == "firing"}


SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
SHORTER, LONGEST_S = 30, 30
# What happens seldom is looked for in more: Kafka's client repeats an error twice a minute, the registry is asked every 10 s.
SELDOM_S = {"FlowsensorKafkaErrors": 40, "FlowsensorRegistryErrors": 20}


def shorter(duration):
    seconds = int(duration[:-1]) * SECONDS[duration[-1]] // SHORTER
    return f"{max(1, min(seconds, LONGEST_S))}s"


def shortened():
    """The rules with all times divided by 30 and none above 30 s, so that what takes 10 minutes is seen within 20 s.

    That is every range of a selector, every `for`, and the age of the oldest record; all other thresholds stay.
    """
    document = yaml.safe_load(RULES.read_text())
    for rule in (rule for group in document["groups"] for rule in group["rules"]):
        seldom = SELDOM_S.get(rule.get("alert"))
        expression = re.sub(r"\[(\d+[smhd])\]", lambda found: f"[{seldom}s]" if seldom else f"[{shorter(found[1])}]", rule["expr"])
        rule["expr"] = re.sub(r"(oldest_record_age_seconds > )(\d+)", lambda found: found[1] + str(int(found[2]) / SHORTER), expression)
        if "for" in rule:
            rule["for"] = shorter(rule["for"])
    return document
