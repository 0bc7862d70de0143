"""One case of an alert for promtool, and the parts that cases are written with."""
from dataclasses import dataclass

HERE = {"job": "flowsensor", "instance": "a:19995"}
KAFKA = {**HERE, "output": "flows"}
# What all sensors of a job have together: no instance.
ALL = {"job": "flowsensor", "output": "flows"}


@dataclass
class Case:
    """At minute `at`, of alert `alert`, exactly `firing` fire: (severity, labels, description)."""
    alert: str
    what: str
    at: int
    series: list
    firing: tuple = ()


def series(metric, values, labels=None, **more):
    """A series in promtool's notation; `labels` are those of a sensor without outputs unless given."""
    shown = ", ".join(f'{name}="{value}"' for name, value in {**(HERE if labels is None else labels), **more}.items())
    return {"series": f"{metric}{{{shown}}}", "values": values}


def at_each(metric, values, instances, **more):
    """The same series of several sensors."""
    return [series(metric, values, KAFKA, **{"instance": f"{index}:19995", **more}) for index in range(instances)]


def warning(description, labels=None, **more):
    return "warning", {**(HERE if labels is None else labels), **more}, description


def critical(description, labels=None, **more):
    return "critical", {**(HERE if labels is None else labels), **more}, description
