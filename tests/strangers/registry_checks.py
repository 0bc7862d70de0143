"""The registry as a judge: what consumers see of the schema, and that it refuses what would break them."""
import hashlib
import json
import urllib.error
import urllib.request

from harness import BINARY, HERE, PROFILES, SCHEMAS, run

EX_CONFIG = 78
JSON = "application/vnd.schemaregistry.v1+json"


def sensor(servers, topic, *arguments, profile="native", folder="/nonexistent"):
    """Runs the sensor with the suite's configuration, at level error: what it says then is the error."""
    env = {**servers.environment(topic), "PROFILE": profile, "SCHEMA": PROFILES[profile], "FOLDER": folder}
    return run(BINARY, *arguments, "-c", HERE / "sensor.conf", "--set", "log.level=error", env=env)


def kafka_only(servers, topic, folder):
    """A configuration whose only output is the topic, so that `schema` speaks of one subject."""
    path = folder / f"{topic}.conf"
    path.write_text(f'outputs = ( {{ name = "kafka"; topic = "{topic}"; columns_to_anonymize = [ "all=keep" ]; '
                    f'kafka = [ "bootstrap.servers={servers.bootstrap}" ]; }} );\n'
                    f'registry = {{ url = "{servers.registry}"; }};\nlog = {{ level = "error"; }};\n')
    return path


def post(servers, path, document):
    """(status, answer) of the registry itself."""
    body = json.dumps({"schema": json.dumps(document)}).encode()
    request = urllib.request.Request(servers.registry + path, body, {"Content-Type": JSON})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"{}")


def register(servers, report, folder):
    """Registers both schemas as a person does; {profile: id}."""
    from runs import TOPICS
    ids = {}
    for profile, name in PROFILES.items():
        conf = kafka_only(servers, TOPICS[profile], folder)
        done = run(BINARY, "schema", "register", "-c", conf, "--profile", profile, "--schema", name)
        problems = [] if done.returncode == 0 else [done.stderr.strip()]
        report.check(f"flowsensor schema register: {name}", problems, done.stdout.strip())
        ids[profile] = int(done.stdout.split()[-1]) if not problems else 0
    return ids


def check_text(servers, report, ids):
    """A consumer gets the shipped text: with doc and logicalType, which Avro C would have dropped."""
    from confluent_kafka.schema_registry import SchemaRegistryClient
    client = SchemaRegistryClient({"url": servers.registry})
    for profile, name in PROFILES.items():
        seen = json.loads(client.get_schema(ids[profile]).schema_str)
        problems = [] if seen == SCHEMAS[name].document else ["the registry's text is not the shipped one"]
        problems += [f"field {field['name']} has no doc" for field in seen["fields"] if not field.get("doc")]
        if profile == "native" and "timestamp-micros" not in json.dumps(seen):
            problems.append("no logicalType timestamp-micros")
        report.check(f"registry: {name} as shipped, with doc and logicalType", problems)


def without(document, name):
    """A copy of the schema without a field."""
    return {**document, "fields": [field for field in document["fields"] if field["name"] != name]}


def with_type(document, name, kind, **more):
    """A copy of the schema with another type for a field."""
    return {**document, "fields": [{**field, "type": kind, **more} if field["name"] == name else field
                                   for field in document["fields"]]}


def incompatible_changes():
    """(what, changed copy of flow/v1)."""
    document = SCHEMAS["flow/v1"].document
    new = {"name": "added", "type": "long", "doc": "A field that older records do not have."}
    return [("a field's type changed", with_type(document, "src_port", "string")),
            ("a required field added without default", {**document, "fields": [*document["fields"], new]}),
            ("a required field removed", without(document, "src_port")),
            ("a required field made nullable", with_type(document, "src_port", ["null", "int"], default=None))]


def check_refusals(servers, report):
    """The registry itself answers 409 to each incompatible copy, under the subject that the sensor uses."""
    from runs import TOPICS
    for what, document in incompatible_changes():
        status, answer = post(servers, f"/subjects/{TOPICS['native']}-value/versions", document)
        report.check(f"registry: refuses {what} (409)", [] if status == 409 else [f"it answered {status}: {answer}"])


def one_line(done, words):
    """Whether the sensor ended with 78 and one line that has all the words; a list of problems."""
    lines = done.stderr.strip().splitlines()
    if done.returncode != EX_CONFIG:
        return [f"exit {done.returncode} instead of {EX_CONFIG}: {done.stdout.strip()} {done.stderr.strip()}"]
    if len(lines) != 1:
        return [f"{len(lines)} lines on standard error: {lines[:3]}"]
    return [f"the line does not say {word!r}: {lines[0]}" for word in words if word not in lines[0]]


def check_sensor_refused(servers, report, folder):
    """schema check and schema register with a path, and a start with auto_register, each say it in one line."""
    from runs import TOPICS
    topic = TOPICS["native"]
    conf = kafka_only(servers, topic, folder)
    # Copies that the sensor itself could fill; the others end at its own door, which is tested elsewhere.
    for number, (what, document) in enumerate(incompatible_changes()[2:]):
        path = folder / f"incompatible-{number}.avsc"
        path.write_text(json.dumps(document, indent=1))
        common = ["-c", conf, "--schema", path]
        subject = f"{topic}-value"
        for command, words in (("check", ["not compatible", subject]), ("register", ["(409)", subject])):
            done = run(BINARY, "schema", command, *common)
            report.check(f"flowsensor schema {command}: {what}: one line, exit 78", one_line(done, [str(path), *words]))
        done = run(BINARY, *common, "-r", folder / "made.pcap", "--set", "registry.auto_register=true")
        report.check(f"flowsensor with auto_register: {what}: one line, exit 78", one_line(done, ["(409)", subject]))


def check_required_field_added(servers, report, folder):
    """A subject that has flow/v1 without a required field refuses flow/v1 itself."""
    topic = "strangers-older"
    servers.topics(topic)
    post(servers, f"/subjects/{topic}-value/versions", without(SCHEMAS["flow/v1"].document, "src_port"))
    conf = kafka_only(servers, topic, folder)
    done = run(BINARY, "schema", "register", "-c", conf)
    report.check("flowsensor schema register: a required field added: one line, exit 78", one_line(done, ["(409)", topic]))


def check_auto_register(servers, report, folder):
    """Off: the start fails and names the command. On: the same start works."""
    topic = "strangers-auto"
    servers.topics(topic)
    command = [BINARY, "-c", kafka_only(servers, topic, folder), "-r", folder / "made.pcap"]
    done = run(*command)
    report.check("auto_register off: the start names the command that registers",
                 one_line(done, ["flowsensor schema register", f"{topic}-value"]))
    done = run(*command, "--set", "registry.auto_register=true")
    problems = [done.stderr.strip()] if done.returncode != 0 else []
    report.check("auto_register on: the same start works", problems)
    again = run(BINARY, "schema", "check", "-c", kafka_only(servers, topic, folder))
    report.check("flowsensor schema check: the registered schema is compatible",
                 [] if again.returncode == 0 and "is compatible" in again.stdout else [again.stdout + again.stderr])


def check_feature_hash(report, seen):
    """`schema features` prints what feature_hash covers; its SHA-256 begins with the hash that messages carry."""
    for profile, (settings, hashes) in seen.items():
        sets = [word for setting in settings for word in ("--set", f"meter.{setting}")]
        done = run(BINARY, "schema", "features", "--profile", profile, "--schema", PROFILES[profile], "-w", "null:", *sets)
        text = "".join(line + "\n" for line in done.stdout.splitlines() if not line.startswith("#"))
        computed = hashlib.sha256(text.encode()).hexdigest()[:32]
        problems = [] if hashes == {computed} else [f"messages carry {sorted(hashes)}, schema features gives {computed}"]
        report.check(f"feature_hash of {profile} messages is the hash of flowsensor schema features", problems)
